"""Several that do the same at the same moment, each on a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def at_once(number: int, work: Callable[[], T]) -> list[T]:
    """What each of so many threads makes of `work`; raises what one of them raises."""
    together = threading.Barrier(number)

    def run() -> T:
        together.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        begun = [pool.submit(run) for _ in range(number)]
    return [each.result() for each in begun]
