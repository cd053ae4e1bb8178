"""Starts Kadr's processes in order, starts again what dies, stops them in the opposite order."""

import time

from launcher import commands
from launcher.broker import Broker
from launcher.process import Process
from launcher.readiness import missing
from launcher.signals import Signals
from launcher.site import Site, StartError
from launcher.terminal import note, say, show_tail

LONGEST_BACK_OFF = 10.0  # seconds
STEADY = 60.0  # a process that has run for so long is not failing
REMIND = 60.0
TRIM = 10.0


class Kept:
    """A process that is started again whenever it dies: after 1 s, 2 s, 4 s and so on."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.failures = 0
        self.start_at: float | None = None
        self._start()

    def look_after(self) -> None:
        now = time.monotonic()
        if self.start_at is not None:
            if now >= self.start_at:
                self._start()
        elif end := self.process.ended():
            self._died(end)
        elif now - self.started > STEADY:
            self.failures = 0

    def _start(self) -> None:
        self.start_at = None
        self.process.start()
        self.started = time.monotonic()

    def _died(self, end: str) -> None:
        delay = LONGEST_BACK_OFF if self.failures > 3 else 2.0**self.failures
        self.failures += 1
        self.start_at = time.monotonic() + delay
        note(f"{self.process.title} stopped ({end}); it is started again in {delay:g} s.")
        if self.failures == 2:
            say("It keeps stopping. The end of its log says why; mend that, Kadr goes on trying:")
            show_tail(self.process.log)


class Supervisor:
    def __init__(self, site: Site, signals: Signals) -> None:
        self.site = site
        self.signals = signals
        self.kept: list[Kept] = []
        self.trimmed = time.monotonic()

    def serve(self) -> None:
        """Until somebody asks to stop."""
        site = self.site
        say(f"Logs are in {site.logs}")
        if site.broker_is_embedded:
            self._keep_broker(Broker(site))
        say("Preparing the database and the pages…")
        self._finish(Process(site, "migrate", commands.migrate(site)))
        self._keep(Process(site, "worker", commands.worker(site), grace=30))
        self._keep(Process(site, "jobs", commands.jobs(site), title="The jobs process"))
        self._keep(Process(site, "beat", commands.beat(site), title="The scheduler", grace=5))
        self._finish(Process(site, "collectstatic", commands.collect_static(site)))
        self._keep(Process(site, "web", commands.web(site), title="The web server", grace=15))
        self._wait_until_ready()
        say(f"Kadr is ready: {site.url} (Ctrl-C stops it)")
        while True:
            self._pause()

    def stop(self) -> None:
        if self.kept:
            say("Stopping… (Ctrl-C again hurries)")
        for kept in reversed(self.kept):
            kept.process.stop(self.signals.hurry)

    def _keep(self, process: Process) -> None:
        process.begin_log()
        self.kept.append(Kept(process))

    def _keep_broker(self, broker: Broker) -> None:
        say(
            f"Using the {broker.title} of an earlier run…"
            if broker.adopted
            else f"Starting {broker.title}…"
        )
        self._keep(broker)
        while not broker.answers():
            self._pause()

    def _finish(self, process: Process) -> None:
        """Run a command to its end."""
        process.begin_log()
        process.start()
        try:
            while (end := process.ended()) is None:
                self._pause()
        finally:
            process.stop(self.signals.hurry)
        if end != "exit code 0":
            show_tail(process.log)
            raise StartError(f"`manage.py {process.name}` failed ({end}); its last lines are above")

    def _wait_until_ready(self) -> None:
        say("Loading the model…")
        remind_at = time.monotonic() + REMIND
        while reasons := missing(self.site):
            if time.monotonic() > remind_at:
                remind_at += REMIND
                note(f"Still waiting: {'; '.join(reasons)}. See the logs in {self.site.logs}")
            self._pause()

    def _pause(self) -> None:
        self.signals.pause()
        for kept in self.kept:
            kept.look_after()
        if time.monotonic() - self.trimmed > TRIM:
            self.trimmed = time.monotonic()
            for kept in self.kept:
                kept.process.trim_log()
