"""A training run that ends as by a kill: after its first epoch, with the checkpoint written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml import train


class KilledError(Exception):
    pass


@contextmanager
def killed_after_an_epoch() -> Iterator[None]:
    keep = train.Checkpoints.on_epoch_end

    def keep_and_end(self: train.Checkpoints, epoch: int, logs: dict | None = None) -> None:
        keep(self, epoch, logs)
        raise KilledError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(train.Checkpoints, "on_epoch_end", keep_and_end)
        yield
