"""What training shows a network in an epoch: batches of augmented pictures with their labels."""

import math
from typing import Any

import keras
import numpy as np

from ml import architectures, augment, data, distillation, pruning, recipes
from ml.extra import Extra

SMALLEST = 8  # pictures in a batch
REVIEWED_SHARE = 0.25  # of the pictures of an epoch, where the recipe does not say


def epoch_of(
    recipe: dict[str, Any], pictures: int, reviewed: int, rng: np.random.Generator
) -> np.ndarray:
    """The places, in random order, of what an epoch without [pruning] shows of a training split of
    so many pictures, of which the last ones are `reviewed`."""
    if not reviewed:
        return rng.permutation(pictures)
    first = pictures - reviewed
    others = rng.choice(first, _others(recipe, first, reviewed), replace=False)
    return rng.permutation(np.concatenate([others, np.arange(first, pictures)]))


def _others(recipe: dict[str, Any], original: int, reviewed: int) -> int:
    """How many of the original set's pictures an epoch shows."""
    if not reviewed:
        return original
    share = recipe.get("reviewed_share", REVIEWED_SHARE)
    return min(original, round(reviewed * (1 - share) / share))


class AugmentedBatches(keras.utils.PyDataset):
    """An epoch's batches, the last, partial one left out. Batch i of epoch k draws from a generator
    seeded by (seed, k, i), so a resumed run sees the images that an unbroken one would see.

    Half of the images are mirrored in one epoch and the other half in the next, so that two epochs
    show each of them both ways (arXiv:2404.00498); none with `mirror = false` in [augment].

    Of a mixed set an epoch shows every reviewed picture and as many others, drawn anew, that the
    reviewed ones are the recipe's `reviewed_share` of all: enough to learn them, and to keep what
    was known. A recipe with [pruning] shows a share of the set an epoch instead, chosen by what the
    run has seen so far (ml/pruning.py), so there neither promise is exact.

    Pictures from elsewhere (`extra`) are shown as those of the set are, but a teacher, who does not
    know their like, has no word on them.
    """

    def __init__(
        self, recipe: dict[str, Any], dataset: data.Dataset, extra: Extra | None = None
    ) -> None:
        super().__init__(workers=1)
        self.recipe, self.train, self.classes = recipe, dataset.train, dataset.classes
        self.own_end = len(self.train)  # where those from elsewhere begin
        if extra:
            if dataset.reviewed:
                raise ValueError("extra pictures cannot be mixed with reviewed ones")
            self.train = self.train.joined(extra.pictures)
        self.reviewed = dataset.reviewed.get("train", 0)
        self.others = _others(self.recipe, len(self.train) - self.reviewed, self.reviewed)
        self.pruning, self.teacher = self._pruning(), self._teacher()
        # A small set still gets some steps an epoch.
        self.batch = min(recipe["batch"], max(SMALLEST, self._size() // SMALLEST))
        self.mirrored = np.random.default_rng(recipe["seed"]).random(len(self.train)) < 0.5
        self.start(0)

    def start(self, epoch: int) -> None:
        self.epoch = epoch
        rng = np.random.default_rng((self.recipe["seed"], epoch))
        self.weights = None
        if self.pruning:
            self.order, self.weights = self.pruning.draw(epoch, rng)
            return
        self.order = epoch_of(self.recipe, len(self.train), self.reviewed, rng)

    def sizes_end(self, epoch: int) -> list[int]:
        """The epochs before which pictures have one size each, from `epoch` on: TensorFlow wants
        one in a call of `fit`."""
        ends = sorted({self._small_epochs(), self.recipe["epochs"]})
        return [end for end in ends if end > epoch]

    def _small_epochs(self) -> int:
        """How many epochs, the first ones, show pictures smaller, which costs less."""
        if "resizing" not in self.recipe:
            return 0
        epochs = self.recipe["epochs"]
        return min(math.ceil(self.recipe["resizing"]["until"] * epochs), epochs)

    def _pruning(self) -> pruning.Pruning | None:
        settings = self.recipe.get("pruning")
        if not settings:
            return None
        if self.reviewed:
            raise ValueError("a recipe with [pruning] cannot be trained on reviewed pictures")
        if self.recipe["augment"].get("cutmix_share"):  # a mixture's loss is that of neither
            raise ValueError("a recipe with [pruning] cannot mix pictures: leave out cutmix_share")
        n, epochs = len(self.train), self.recipe["epochs"]
        return pruning.Pruning(n, epochs, settings["keep"], settings["until"])

    def _teacher(self) -> distillation.Teacher | None:
        settings = self.recipe.get("distillation")
        if not settings:
            return None
        if self.reviewed:  # it would contradict those who corrected it, or its like
            raise ValueError("a recipe with [distillation] cannot be trained on reviewed pictures")
        named = settings["teacher"]  # one model or several
        names = [named] if isinstance(named, str) else named
        folders = [recipes.model_folder(name) for name in names]
        precision = self.recipe.get("precision", "float32")  # as fast as the student
        with architectures.precision(precision):
            return distillation.Teacher(
                folders, self.classes, settings["share"], settings["temperature"]
            )

    def _size(self) -> int:
        return self.pruning.shown if self.pruning else self.others + self.reviewed

    def follow_epochs(self) -> keras.callbacks.Callback:
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self.start(epoch))

    def one_hot(self, labels: np.ndarray) -> np.ndarray:
        return np.eye(len(self.classes), dtype=np.float32)[labels]

    def __len__(self) -> int:
        return self._size() // self.batch

    def _places(self, index: int) -> slice:
        """Where in an epoch's order its batch `index` stands."""
        return slice(index * self.batch, (index + 1) * self.batch)

    def chosen(self, index: int) -> np.ndarray:
        """The pictures of the epoch's batch `index`, by their places in the training set."""
        return self.order[self._places(index)]

    def pictures(self, index: int) -> np.ndarray:
        """Those of the epoch's batch `index` as the network sees them, whatever they show."""
        return self._resized(self._augmented(index).shown)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        made = self._augmented(index)
        truth = self.one_hot(self.train.y[self.chosen(index)])
        own = made.own[:, None].astype(np.float32)
        y = own * truth + (1 - own) * truth[made.partners]
        if self.teacher:
            said = self.teacher.labels(made.before_jpeg, y, self.epoch * len(self) + index)
            y = np.where(self._is_known(index, made.partners)[:, None], said, y)
        x = self._resized(made.shown)
        return (x, y) if self.weights is None else (x, y, self.weights[self._places(index)])

    def _is_known(self, index: int, partners: np.ndarray) -> np.ndarray:
        """Which of a batch, (n,) bool, show nothing but pictures of the set."""
        known = self.chosen(index) < self.own_end
        return np.asarray(known & known[partners])

    def _augmented(self, index: int) -> augment.Augmented:
        rng = np.random.default_rng((self.recipe["seed"], self.epoch, index))
        chosen = self.chosen(index)
        settings = self.recipe["augment"]
        mirrored = self.mirrored[chosen] ^ (self.epoch % 2 == 1)
        mirrored &= settings.get("mirror", True)
        return augment.augment(self.train.x[chosen], mirrored, settings, rng)

    def _resized(self, x: np.ndarray) -> np.ndarray:
        small = self.epoch < self._small_epochs()
        return augment.shrink(x, self.recipe["resizing"]["side"]) if small else x
