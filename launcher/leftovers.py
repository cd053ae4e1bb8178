"""What a killed launcher left behind."""

import time

from launcher import broker
from launcher.process import Session
from launcher.signals import Signals
from launcher.site import Site
from launcher.terminal import say

PATIENCE = 3.0  # seconds; on Linux they were told to stop when their launcher died


def end_earlier_run(site: Site, signals: Signals) -> None:
    sessions = [Session(path) for path in site.run.glob("*.pid")]
    if not any(session.alive() for session in sessions):
        return
    say("Waiting for what an earlier run left behind to end…")
    started = time.monotonic()
    while any(s.alive() for s in sessions) and time.monotonic() - started < PATIENCE:
        signals.pause()
    for session in sessions:
        if not _can_be_adopted(session, site):
            session.kill()


def _can_be_adopted(session: Session, site: Site) -> bool:
    ours = site.broker_is_embedded and session.path.stem == "valkey"
    return ours and broker.answers(site.socket)
