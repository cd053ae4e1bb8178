"""How many threads a kind of work may take, so that the sweep always finds one."""

import functools
import threading
from collections.abc import Callable

LIMITS: dict[str, int] = {}  # by the function's name


def at_most(places: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """No more than so many threads of this process do it at once. Whoever finds all places taken
    leaves it to those who have them, and to the schedule, which asks again."""

    def limit(work: Callable[[], None]) -> Callable[[], None]:
        free = threading.BoundedSemaphore(places)
        LIMITS[work.__name__] = places

        @functools.wraps(work)
        def run() -> None:
            if free.acquire(blocking=False):
                try:
                    work()
                finally:
                    free.release()

        return run

    return limit
