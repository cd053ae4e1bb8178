"""Asks the service, again where that may help, and says which refusals are final."""

import email.utils
import http.client
import math
import random
import ssl
import time
from datetime import UTC, datetime

from kadr_client.errors import RefusedError, UnreachableError
from kadr_client.files import MOST_BYTES
from kadr_client.http import Answer, Connection, Request, reason
from kadr_client.progress import Progress

ATTEMPTS = 10  # that fail, a request: about two minutes, or ten where the service asks for longer
FIRST_ATTEMPTS = 3  # before anything was sent: the address may be wrong
BUSY = {
    (409, "IDEMPOTENCY_IN_FLIGHT"),
    (503, "DECODERS_BUSY"),
    (503, "QUEUE_FULL"),
}
CUT_OFF = (400, "BODY_INCOMPLETE")  # the connection broke, and the service could say so
LONGEST_BACKOFF, LONGEST_FAULT, LONGEST_WAIT = 30.0, 60.0, 3600.0  # seconds
UNTOLD = 600.0  # seconds to wait for who limits requests and does not say for how long


class _BusyError(Exception):
    """Asks to come again later. The service itself may, however often: it knows what it waits for.
    With whoever else does we have patience, in seconds."""

    def __init__(self, text: str, seconds: float | None, patience: float = math.inf) -> None:
        super().__init__(text)
        self.seconds = seconds
        self.patience = patience


class _BrokenError(Exception):
    """It may work the next time, but no sooner than in `seconds`."""

    def __init__(self, text: str, seconds: float | None = None, *, answered: bool = False) -> None:
        super().__init__(text)
        self.seconds = seconds or 0.0
        self.answered = answered  # by the service itself


class Service:
    def __init__(self, connection: Connection, progress: Progress) -> None:
        self._connection = connection
        self._progress = progress
        self.url = connection.url

    def greet(self) -> None:
        """Is it there, is it Kadr, does it know the token? Asked before anything is uploaded."""
        answer = self.ask(Request("GET", "/api/v1/predictions?page_size=1"), FIRST_ATTEMPTS)
        if "results" not in answer.json():
            raise self._stranger(answer)

    def model(self) -> str:
        """The digest of the version that serves; "" where the service names none."""
        answer = self.ask(Request("GET", "/api/v1/models"), FIRST_ATTEMPTS)
        serving = [model for model in answer.objects() if model.get("active")]
        return str(serving[0].get("digest", "")) if serving else ""

    def ask(self, request: Request, attempts: int = ATTEMPTS) -> Answer:
        """The answer, with a status of success. Raises RefusedError, UnreachableError."""
        failures = waits = 0
        waited = 0.0
        while True:
            try:
                return self._once(request)
            except _BusyError as busy:
                waits += 1
                seconds = busy.seconds if busy.seconds is not None else backoff(waits)
                if waited + seconds > busy.patience:
                    raise self._limited(busy, waits, waited) from busy
                waited += seconds if math.isfinite(busy.patience) else 0
                self._pause(busy, seconds)
            except _BrokenError as broken:
                failures += 1
                if failures >= attempts:
                    raise self._given_up(broken) from broken
                self._pause(broken, max(backoff(failures), min(broken.seconds, LONGEST_FAULT)))

    def _once(self, request: Request) -> Answer:
        try:
            answer = self._connection.exchange(request)
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(f"no answer from {self.url}: {reason(error)}") from error
        except (OSError, http.client.HTTPException) as error:
            raise _BrokenError(reason(error)) from error
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: Answer) -> Exception:
        what = (answer.status, answer.problem.get("code"))
        told = answer.told if answer.problem else f"HTTP {answer.status}"
        if answer.status == 429:
            return self._too_many(answer, told)
        if what in BUSY:
            return _BusyError(told, retry_after(answer))
        if answer.status >= 500 or answer.status == 408 or what == CUT_OFF:
            return _BrokenError(told, retry_after(answer), answered=bool(answer.problem))
        if 300 <= answer.status < 400:
            there = answer.headers.get("Location", "elsewhere")
            return UnreachableError(f"{self.url} sends us on to {there}; give that one's address")
        if answer.problem:
            hint = "; give another token" if answer.status == 401 else ""
            return RefusedError(answer.status, f"the service refused: {told}{hint}")
        return self._too_large() if answer.status == 413 else self._stranger(answer)

    def _too_many(self, answer: Answer, told: str) -> _BusyError:
        seconds = retry_after(answer)
        if seconds is None:
            return _BusyError(told, seconds, UNTOLD)
        return _BusyError(told, seconds, math.inf if answer.problem else LONGEST_WAIT)

    def _limited(self, busy: _BusyError, times: int, waited: float) -> UnreachableError:
        return UnreachableError(
            f"{self.url} limits requests and let none through, {times} times in "
            f"{waited / 60:.0f} minutes: {busy}. If it is a proxy, raise its limit. What was sent "
            "is kept: the same command goes on from there"
        )

    def _given_up(self, broken: _BrokenError) -> UnreachableError:
        if broken.answered:
            return UnreachableError(f"the service refused to the last: {broken}")
        return UnreachableError(f"no answer from {self.url}: {broken}")

    def _too_large(self) -> UnreachableError:
        """Kadr says itself what it finds too large; a bare 413 is somebody else's."""
        megabytes = MOST_BYTES // 1_000_000
        return UnreachableError(
            f"something in front of {self.url} takes no request of that size (HTTP 413); raise its "
            f"limit to {megabytes} MB (nginx: client_max_body_size {megabytes}m)"
        )

    def _stranger(self, answer: Answer) -> UnreachableError:
        return UnreachableError(f"not a Kadr server: {self.url} (HTTP {answer.status})")

    def _pause(self, why: Exception, seconds: float) -> None:
        self._progress.say(f"{why}; trying again in {seconds:.0f} s")
        time.sleep(seconds)


def backoff(failures: int) -> float:
    """Seconds: doubled each time, and a part of it by chance, so that clients do not march in
    step."""
    longest = min(LONGEST_BACKOFF, 0.5 * 2.0 ** min(failures, 20))
    return longest * random.SystemRandom().uniform(0.5, 1)


def retry_after(answer: Answer) -> float | None:
    """The seconds of Retry-After (RFC 9110, section 10.2.3: a number or a date), capped."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        try:
            date = email.utils.parsedate_to_datetime(value)
            seconds = (date - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
