"""For tests in a transaction, which no other database connection sees."""

from concurrent.futures import Executor, Future


class InTurn(Executor):
    """Does at once what is submitted, on the caller's connection."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future
