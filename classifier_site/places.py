"""A place in the worker's hands is freed even where the broker cannot be told.

kombu 5.7 tells Redis that a message is done, and only then counts it as done itself. Where that
times out, because the broker stands still for a few seconds, the place stays taken for good: a
worker that takes one message at a time then takes no other, and goes on living.
"""

from kombu.transport import redis


class QoS(redis.QoS):
    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            self._quick_ack(delivery_tag)  # type: ignore[attr-defined]
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue)
        except Exception:
            self._quick_ack(delivery_tag)  # type: ignore[attr-defined]
            raise


def keep_free() -> None:
    """For a process that takes tasks, before it connects. What the broker was not told of it gives
    to somebody again, which costs a look at an empty queue."""
    redis.Channel.QoS = QoS
