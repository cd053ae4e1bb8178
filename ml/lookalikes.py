"""Whether a photo shows what is in a set of pictures already, whole or cut otherwise.

What is compared is the detail, at 16x16: a picture less its own blur, so that two seas under two
skies are not taken for one. Pictures with frames of one kind are.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

SIDE = 16
BLUR = 5  # pixels a side
FAINTEST = 60.0  # length of the detail below which a picture shows too little to be known by
SEEN = (1.0, 0.875, 0.75)  # of a photo's side, in each corner and in the middle
ALIKE = 0.6  # correlation; of 8,000 photos one in eight is above it, and few of those are the same
PART = 2000


class Lookalikes:
    """The pictures x (n, 32, 32, 3) uint8 to compare with."""

    def __init__(self, x: np.ndarray) -> None:
        small = [Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BOX) for one in x]
        self._known = _detail(np.stack([np.asarray(one) for one in small])).T.copy()

    def likeness(self, photos: list[Image.Image]) -> np.ndarray:
        """Of each photo, a square one in RGB, the highest correlation of any of its squares, or
        their mirror images, with any of the pictures: (n,) float32."""
        highest = np.full(len(photos), -1, np.float32)
        for squares in _squares(photos):
            for seen in (squares, squares[:, :, ::-1]):
                detail = _detail(seen)
                for at in range(0, len(detail), PART):
                    found = (detail[at : at + PART] @ self._known).max(axis=1)
                    highest[at : at + PART] = np.maximum(highest[at : at + PART], found)
        return highest


def _squares(photos: list[Image.Image]) -> Iterator[np.ndarray]:
    """The same square of each photo, (n, 16, 16, 3) uint8, then the next."""
    for share in SEEN:
        left_over = 1 - share
        corners = [(x, y) for x in (0.0, left_over) for y in (0.0, left_over)]
        for x, y in dict.fromkeys([(left_over / 2, left_over / 2), *corners]):
            yield np.stack([_square(photo, x, y, share) for photo in photos])


def _square(photo: Image.Image, x: float, y: float, share: float) -> np.ndarray:
    side = photo.width
    box = (x * side, y * side, (x + share) * side, (y + share) * side)
    return np.asarray(photo.resize((SIDE, SIDE), Image.Resampling.BOX, box))


def _detail(x: np.ndarray) -> np.ndarray:
    """Of pictures (n, 16, 16, 3), what their blur lacks, of length 1: (n, 768) float32."""
    edge = BLUR // 2
    whole = x.astype(np.float32)
    wide = np.pad(whole, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (BLUR, BLUR), axis=(1, 2))
    detail = (whole - windows.mean(axis=(-2, -1))).reshape(len(x), -1)
    length = np.linalg.norm(detail, axis=1, keepdims=True)
    return np.asarray(detail / np.maximum(length, FAINTEST))
