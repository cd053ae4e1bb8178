"""Ctrl-C, SIGTERM and a closed terminal ask Kadr to stop; a second Ctrl-C asks it to hurry."""

import signal
import sys
import time
from types import FrameType

POLL = 0.1


class Stopped(KeyboardInterrupt):
    """Somebody asked Kadr to stop."""


class Signals:
    def __init__(self) -> None:
        self.asked_to_stop = False
        self.interrupts = 0
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, self._stop)
        self.follows_terminal = False
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under nohup it stays ignored
            signal.signal(signal.SIGHUP, self._stop)
            self.follows_terminal = sys.stdout.isatty()

    def pause(self) -> None:
        """Wait a moment. Every wait of the launcher consists of these, so a stop is prompt."""
        if self.asked_to_stop or self._terminal_closed():
            raise Stopped
        time.sleep(POLL)

    def hurry(self) -> bool:
        return self.interrupts > 1

    def _terminal_closed(self) -> bool:
        # Where make leads the session, the kernel tells only make, which then waits for us.
        return self.follows_terminal and not sys.stdout.isatty()

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self.interrupts += 1
        self.asked_to_stop = True

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True
