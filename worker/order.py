"""Which priority's turn it is: interactive work goes first at every micro-batch, and batches still
get a share of them."""

from classifier.models.prediction_queue import BATCH, INTERACTIVE

SHARE = 4  # while both wait, at least one micro-batch in so many is of a batch


class Order:
    def __init__(self) -> None:
        self._interactive = 0  # micro-batches in a row

    @property
    def is_batchs_turn(self) -> bool:
        return self._interactive >= SHARE - 1

    def priorities(self) -> tuple[int, int]:
        """What to look for first, and what else."""
        return (BATCH, INTERACTIVE) if self.is_batchs_turn else (INTERACTIVE, BATCH)

    def took(self, priority: int) -> None:
        self._interactive = self._interactive + 1 if priority == INTERACTIVE else 0
