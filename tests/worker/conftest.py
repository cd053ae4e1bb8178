from concurrent.futures import Executor, Future

import pytest

from worker import micro_batches


class InTurn(Executor):
    """Does at once what is submitted, on the caller's database connection: a test's transaction is
    seen by no other."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture(autouse=True)
def one_connection(request, monkeypatch):
    marker = request.node.get_closest_marker("django_db")
    if not (marker and marker.kwargs.get("transaction")):
        monkeypatch.setattr(micro_batches, "ahead", InTurn())
        monkeypatch.setattr(micro_batches, "close_old_connections", lambda: None)
