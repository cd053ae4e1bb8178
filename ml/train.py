"""Train a recipe and make a model of it: python -m ml.train RECIPE [--data DATA] [--from MODEL]

DATA is an .npz, a folder with a sub-folder of JPEGs for each of your own classes, or what
`manage.py export_dataset` wrote, which is mixed with the set that MODEL was trained on
(--original). Keeps the run in runs/NAME/, so that after a kill --resume goes on; at the end writes
the model folder, measures it and prints the figures. Training looks at the training and validation
splits only. Runs on any Keras backend (KERAS_BACKEND).
"""

import argparse
import contextlib
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import (
    architectures,
    augment,
    cli,
    data,
    distillation,
    manifest,
    optimizers,
    pruning,
    pytorch,
    recipes,
    runs,
    weights,
)
from ml.lookahead import Lookahead

SMALLEST = 8  # pictures in a batch
REVIEWED_SHARE = 0.25  # of the pictures of an epoch, where the recipe does not say
VALIDATED = 500  # pictures at a time
WHITENED = 5000  # training pictures that the whitening layer is made of


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        recipe = recipes.read(args.recipe)
        recipe["epochs"] = args.epochs or recipe["epochs"]
        recipe["from"] = str(args.start or recipe.get("from", ""))
        recipe = complete(recipe)
        check_blend(recipe)
        dataset = cli.dataset(args)
        run = args.runs / (args.name or _name(args.recipe, dataset))
        if runs.is_begun(run) and not args.resume:
            sys.exit(f"{run} holds a run already: add --resume to go on, or remove the folder")
        train(recipe, dataset, run)
    _make_a_model(run, args)
    if dataset.reviewed:
        before = str(_model_folder(recipe["from"])) if recipe["from"] else ""
        _compare(run, before, args)


def complete(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that names no network trains that of the model it begins with, as that was built.
    Raises ManifestError, ValueError."""
    if "architecture" in recipe:
        return recipe
    if not recipe["from"]:
        raise ValueError("this recipe goes on with a model: name it by --from")
    described = manifest.read(_model_folder(recipe["from"]))
    options = described.recipe.get("options", {})
    mirror = described.recipe.get("augment", {}).get("mirror", True)
    augment = {"mirror": mirror, **recipe.get("augment", {})}
    built = {"architecture": described.architecture, "options": options}
    return {**built, **recipe, "augment": augment}


def check_blend(recipe: dict[str, Any]) -> None:
    """Raises ValueError where a recipe asks for a blend that cannot be made (ml/runs.py)."""
    if "blend" not in recipe:
        return
    if not recipe["from"]:
        raise ValueError("blend: a recipe that begins with no model has nothing to blend with")
    if not 0 < recipe["blend"] <= 1:
        raise ValueError("blend is above zero and at most one")


def check_classes(folder: Path, dataset: data.Dataset) -> None:
    """Raises ValueError where a blend would mix an untrained last layer in, ManifestError."""
    theirs, ours = manifest.read(folder).classes, dataset.classes
    if [c["id"] for c in theirs] != [c["id"] for c in ours]:
        raise ValueError(
            f"blend: {folder} names other classes, so its last layer is not begun with"
        )


def train(recipe: dict[str, Any], dataset: data.Dataset, run: Path) -> keras.Model:
    """Train `recipe` to its last epoch, going on from `run`'s checkpoint where there is one."""
    keras.utils.set_random_seed(recipe["seed"])
    batches = AugmentedBatches(recipe, dataset)
    steps = len(batches)
    total = recipe["epochs"] * steps
    about = {"recipe": recipe, "data_sha256": dataset.sha256, "steps": total}
    runs.begin(run, about)
    if runs.is_begun(run):
        if "blend" in recipe and not (run / runs.START).exists():
            raise ValueError(f"{run} was begun without blend: leave it out, or remove the folder")
        model = runs.network(run)
        # The recipe's schedule, not the saved one: its length may have been changed since.
        model.optimizer.learning_rate = optimizers.schedule(
            recipe["optimizer"], recipe["epochs"], steps
        )
    else:
        model = compile_model(recipe, dataset, steps)
        if "blend" in recipe:
            check_classes(_model_folder(recipe["from"]), dataset)
            runs.keep_start(run, model)
    pytorch.accelerate(model)
    epoch = int(model.optimizer.iterations) // steps
    lookahead = recipe["optimizer"].get("lookahead")
    watch = [_watch(model, recipe, batches, run)] if batches.pruning else []
    if batches.pruning and epoch:
        batches.pruning.load(run / runs.LOSSES)
    callbacks = [
        batches.follow_epochs(),
        *([Lookahead(lookahead, total, run / runs.AVERAGE)] if lookahead else []),
        *watch,
        Checkpoints(run, epoch),
    ]
    for last in batches.sizes_end(epoch):
        batches.start(epoch)
        model.fit(
            batches,
            epochs=last,
            initial_epoch=epoch,
            validation_data=(dataset.validation.x, batches.one_hot(dataset.validation.y)),
            validation_batch_size=VALIDATED,
            callbacks=callbacks,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
        )
        epoch = last
    return model


def compile_model(recipe: dict[str, Any], dataset: data.Dataset, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; `steps` batches make an epoch."""
    with _precision(recipe.get("precision", "float32")):
        model = _build(recipe, len(dataset.classes))
    architectures.whiten(model, dataset.train.x[:WHITENED])
    if recipe.get("from"):
        ids = [c["id"] for c in dataset.classes]
        weights.start_from(model, _model_folder(recipe["from"]), ids)
    _compile(model, recipe, optimizers.build(recipe["optimizer"], recipe["epochs"], steps))
    return model


def _build(recipe: dict[str, Any], classes: int) -> keras.Model:
    """Raises ValueError where a recipe resizes pictures for a network that takes one size only."""
    name, options = recipe["architecture"], dict(recipe["options"])
    if "resizing" not in recipe:
        return architectures.build(name, classes=classes, **options)
    try:
        return architectures.build(name, classes=classes, size=None, **options)
    except (TypeError, ValueError) as error:
        told = f"[resizing]: {name} takes pictures of one size only"
        raise ValueError(f"{told} ({str(error).splitlines()[0]})") from error


def _watch(
    model: keras.Model, recipe: dict[str, Any], batches: "AugmentedBatches", run: Path
) -> pruning.Watch:
    """What tells the run's pruning the losses of each batch, from where the run came to."""
    last = pruning.BatchLosses(max(batches.batch, VALIDATED))
    _compile(model, recipe, model.optimizer, last)
    return pruning.Watch(batches.pruning, batches.chosen, last, run / runs.LOSSES)


def _compile(
    model: keras.Model,
    recipe: dict[str, Any],
    optimizer: keras.optimizers.Optimizer,
    *metrics: keras.metrics.Metric,
) -> None:
    smoothing = recipe["loss"]["label_smoothing"]
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
        metrics=["accuracy", *metrics],
        # XLA is slower than TensorFlow's own kernels on a CPU; JAX is nothing without it.
        jit_compile=keras.backend.backend() == "jax",
    )


@contextlib.contextmanager
def _precision(name: str) -> Iterator[None]:
    """What the layers made inside calculate in, a Keras dtype policy; the network keeps it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class AugmentedBatches(keras.utils.PyDataset):
    """An epoch's batches, the last, partial one left out. Batch i of epoch k draws from a generator
    seeded by (seed, k, i), so a resumed run sees the images that an unbroken one would see.

    Half of the images are mirrored in one epoch and the other half in the next, so that two epochs
    show each of them both ways (arXiv:2404.00498); none with `mirror = false` in [augment].

    Of a mixed set an epoch shows every reviewed picture and as many others, drawn anew, that the
    reviewed ones are the recipe's `reviewed_share` of all: enough to learn them, and to keep what
    was known. A recipe with [pruning] shows a share of the set an epoch instead, chosen by what the
    run has seen so far (ml/pruning.py), so there neither promise is exact.
    """

    def __init__(self, recipe: dict[str, Any], dataset: data.Dataset) -> None:
        super().__init__(workers=1)
        self.recipe, self.train, self.classes = recipe, dataset.train, dataset.classes
        self.reviewed = dataset.reviewed.get("train", 0)
        self.others = self._others()
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
        if not self.reviewed:
            self.order = rng.permutation(len(self.train))
            return
        first = len(self.train) - self.reviewed
        others = rng.choice(first, self.others, replace=False)
        self.order = rng.permutation(np.concatenate([others, np.arange(first, len(self.train))]))

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

    def _others(self) -> int:
        """How many pictures of the original set an epoch shows."""
        original = len(self.train) - self.reviewed
        if not self.reviewed:
            return original
        share = self.recipe.get("reviewed_share", REVIEWED_SHARE)
        return min(original, round(self.reviewed * (1 - share) / share))

    def _pruning(self) -> pruning.Pruning | None:
        settings = self.recipe.get("pruning")
        if not settings:
            return None
        if self.reviewed:
            raise ValueError("a recipe with [pruning] cannot be trained on reviewed pictures")
        n, epochs = len(self.train), self.recipe["epochs"]
        return pruning.Pruning(n, epochs, settings["keep"], settings["until"])

    def _teacher(self) -> distillation.Teacher | None:
        settings = self.recipe.get("distillation")
        if not settings:
            return None
        if self.reviewed:  # it would contradict those who corrected it, or its like
            raise ValueError("a recipe with [distillation] cannot be trained on reviewed pictures")
        named = settings["teacher"]  # one model or several
        folders = [_model_folder(name) for name in ([named] if isinstance(named, str) else named)]
        with _precision(self.recipe.get("precision", "float32")):  # as fast as the student
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

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng((self.recipe["seed"], self.epoch, index))
        chosen = self.chosen(index)
        settings = self.recipe["augment"]
        mirrored = self.mirrored[chosen] ^ (self.epoch % 2 == 1)
        mirrored &= settings.get("mirror", True)
        x, seen_by_teacher = augment.augment(self.train.x[chosen], mirrored, settings, rng)
        y = self.one_hot(self.train.y[chosen])
        if self.teacher:
            y = self.teacher.labels(seen_by_teacher, y, self.epoch * len(self) + index)
        if self.epoch < self._small_epochs():
            x = augment.shrink(x, self.recipe["resizing"]["side"])
        return (x, y) if self.weights is None else (x, y, self.weights[self._places(index)])


class Checkpoints(keras.callbacks.Callback):
    """Keeps the run after each epoch. A history that is one epoch ahead of the checkpoint, because
    a kill came between the two, is cut back to it."""

    def __init__(self, run: Path, epoch: int) -> None:
        super().__init__()
        self.run = run
        self.rows = runs.history(run)[:epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        told = logs or {}
        self.rows.append({name: round(float(told[name]), 5) for name in runs.TOLD if name in told})
        runs.keep(self.run, self.model, self.rows)


def _name(recipe: str, dataset: data.Dataset) -> str:
    """What a run is called: as its recipe, or as the folder of one's own classes."""
    return recipe if dataset.classes == data.CIFAR10_CLASSES else dataset.name


def _model_folder(name: str) -> Path:
    """Of a model that ships or was trained here, by its name, or of any by its path. Raises
    ValueError where a recipe is still to make it."""
    here = manifest.MODELS / name
    if here.is_dir():
        return here
    if not Path(name).exists() and (recipes.FOLDER / f"{name}.toml").is_file():
        told = "train the recipe of that name, or name the model's folder by --from"
        raise ValueError(f"the model {name} is needed first: {told}")
    return Path(name)


def _make_a_model(run: Path, args: argparse.Namespace) -> None:
    """Export and measure, each as the command that anyone could give: on TensorFlow, which serves,
    whatever backend has trained."""
    given = cli.data_arguments(args)
    where = ["--runs", str(run.parent), "--to", str(args.to)]
    _run("ml.export", run.name, *given, *where)
    _run("ml.evaluate", str(args.to / run.name), *given, "--write")


def _compare(run: Path, before: str, args: argparse.Namespace) -> None:
    """With the model it began with, on what neither was trained on."""
    if before:
        against = ["--against", before, *cli.data_arguments(args)]
        _run("ml.evaluate", str(args.to / run.name), *against)


def _run(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    on_tensorflow = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    if status := subprocess.call(command, env=on_tensorflow):  # noqa: S603
        sys.exit(status)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="a name from ml/recipes/")
    cli.add_data(parser)
    parser.add_argument("--name", help="name of run and model (default: the recipe's or FOLDER's)")
    parser.add_argument("--from", dest="start", metavar="MODEL", help="begin with its weights")
    parser.add_argument("--runs", type=Path, default=runs.RUNS, help="where runs are kept")
    parser.add_argument(
        "--to", type=Path, default=manifest.MODELS, help="where the model is written"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that is there")
    parser.add_argument("--epochs", type=int, help="train for so many epochs instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()
