"""Train a recipe and make a model of it: python -m ml.train RECIPE [--data DATA] [--from MODEL]

DATA is an .npz, a folder with a sub-folder of JPEGs for each of your own classes, or what
`manage.py export_dataset` wrote, which is mixed with the set that MODEL was trained on
(--original). Keeps the run in runs/NAME/, so that after a kill --resume goes on; at the end writes
the model folder, measures it and prints the figures. Training looks at the training and validation
splits only. Runs on any Keras backend (KERAS_BACKEND).
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras

from ml import (
    architectures,
    cli,
    data,
    extra,
    manifest,
    optimizers,
    pruning,
    pytorch,
    recipes,
    runs,
    weight_averaging,
    weights,
)
from ml.batches import AugmentedBatches
from ml.lookahead import Lookahead

VALIDATED = 500  # pictures at a time
WHITENED = 5000  # training pictures that the whitening layer is made of
EXTRA_HELP = "more pictures of the classes to train on, from elsewhere (ml.tiny_imagenet makes one)"
FROM_HELP = "begin with its weights: a model's name or folder, or what ml.imagenet wrote"
MEASURED = 16  # batches that the mean of a run's last epochs gets its batch statistics from


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
        more = extra.read(args.extra) if args.extra else None
        extra.check(recipe, more)
        if more:
            more.check_classes(dataset.classes, dataset.name)
        train(recipe, dataset, run, more)
    _make_a_model(run, args)
    if dataset.reviewed:
        _compare(run, _began_with(run), args)


def complete(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe that names no network trains that of the model it begins with, as that was built.
    Raises ManifestError, ValueError."""
    if "architecture" in recipe:
        return recipe
    if not recipe["from"]:
        raise ValueError("this recipe goes on with a model: name it by --from")
    _refuse_a_file(recipe["from"], "this recipe goes on with a model")
    described = manifest.read(recipes.model_folder(recipe["from"]))
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
    _refuse_a_file(recipe["from"], "blend: a recipe mixes in the whole of a model")


def _refuse_a_file(start: str, told: str) -> None:
    """Raises ValueError where a recipe begins with weights that are no model yet."""
    if Path(start).is_file():
        raise ValueError(f"{told}, and {start} is a file of weights without their last layer")


def check_classes(folder: Path, dataset: data.Dataset) -> None:
    """Raises ValueError where a blend would mix an untrained last layer in, ManifestError."""
    theirs, ours = manifest.read(folder).classes, dataset.classes
    if [c["id"] for c in theirs] != [c["id"] for c in ours]:
        raise ValueError(
            f"blend: {folder} names other classes, so its last layer is not begun with"
        )


def train(
    recipe: dict[str, Any], dataset: data.Dataset, run: Path, more: extra.Extra | None = None
) -> keras.Model:
    """Train `recipe` to its last epoch, going on from `run`'s checkpoint where there is one; with
    `more` pictures than the set's own, where they are given."""
    keras.utils.set_random_seed(recipe["seed"])
    batches = AugmentedBatches(recipe, dataset, more)
    steps = len(batches)
    total = recipe["epochs"] * steps
    if not steps:
        raise ValueError(
            f"the pictures that an epoch shows do not make one batch of {batches.batch}; there are "
            f"{len(batches.train)} to learn from"
        )
    # What it began with is in the checkpoint, and need not be there any more.
    learned_from = {**recipe, "from": ""} if runs.is_begun(run) else recipe
    runs.begin(
        run,
        {
            "recipe": recipe,
            "data_sha256": dataset.sha256,
            "labels_sha256": dataset.labels_sha256,
            "models": recipes.models(learned_from),
            "extra": more.about if more else {},
            "steps": total,
        },
    )
    if runs.is_begun(run):
        model = runs.network(run)
        optimizers.spare_vectors(model.optimizer)
        # The recipe's schedule, not the saved one: its length may have been changed since.
        model.optimizer.learning_rate = optimizers.schedule(
            recipe["optimizer"], recipe["epochs"], steps
        )
    else:
        model = compile_model(recipe, dataset, steps)
        if "blend" in recipe:
            check_classes(recipes.model_folder(recipe["from"]), dataset)
            runs.keep_start(run, model)
    pytorch.accelerate(model)
    epoch = int(model.optimizer.iterations) // steps
    lookahead = recipe["optimizer"].get("lookahead")
    if batches.pruning and epoch:
        batches.pruning.load(run / runs.LOSSES)
    mean = [_epoch_mean(recipe, run)] if "averaging" in recipe else []
    callbacks = [
        batches.follow_epochs(),
        *mean,
        *([Lookahead(lookahead, total, run / runs.SLOW)] if lookahead else []),
        *([_watch(model, recipe, batches, run)] if batches.pruning else []),
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
    for each in mean:
        batches.start(epoch - 1)
        each.finish(epoch, model, (batches.pictures(i) for i in range(min(MEASURED, steps))))
    return model


def compile_model(recipe: dict[str, Any], dataset: data.Dataset, steps: int) -> keras.Model:
    """The recipe's network with its optimizer; `steps` batches make an epoch."""
    with architectures.precision(recipe.get("precision", "float32")):
        model = _build(recipe, len(dataset.classes))
    architectures.whiten(model, dataset.train.x[:WHITENED])
    if recipe.get("from"):
        ids = [c["id"] for c in dataset.classes]
        weights.start_from(model, recipes.model_folder(recipe["from"]), ids)
    _compile(model, recipe, optimizers.build(recipe["optimizer"], recipe["epochs"], steps))
    return model


def _build(recipe: dict[str, Any], classes: int) -> keras.Model:
    """Raises ValueError where the network does not take what the recipe says of it: a word of
    [options], or pictures of several sizes."""
    name, options = recipe["architecture"], recipe.get("options", {})
    if "resizing" not in recipe:
        try:
            return architectures.build(name, classes=classes, **options)
        except TypeError as error:
            raise ValueError(f"[options]: {name} takes no such thing ({error})") from error
    try:
        return architectures.build(name, classes=classes, size=None, **options)
    except (TypeError, ValueError) as error:
        told = f"[resizing]: {name} takes pictures of one size only"
        raise ValueError(f"{told} ({str(error).splitlines()[0]})") from error


def _watch(
    model: keras.Model, recipe: dict[str, Any], batches: AugmentedBatches, run: Path
) -> pruning.Watch:
    """What tells the run's pruning the losses of each batch, from where the run came to."""
    last = pruning.BatchLosses(max(batches.batch, VALIDATED))
    _compile(model, recipe, model.optimizer, last)
    return pruning.Watch(batches.pruning, batches.chosen, last, run / runs.LOSSES)


def _epoch_mean(recipe: dict[str, Any], run: Path) -> weight_averaging.EpochMean:
    first = weight_averaging.first_epoch(recipe["averaging"]["after"], recipe["epochs"])
    return weight_averaging.EpochMean(first, run / runs.MEAN)


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


def _make_a_model(run: Path, args: argparse.Namespace) -> None:
    """Export and measure, each as the command that anyone could give: on TensorFlow, which serves,
    whatever backend has trained."""
    given = cli.data_arguments(args)
    where = ["--runs", str(run.parent), "--to", str(args.to)]
    _run("ml.export", run.name, *given, *where)
    _run("ml.evaluate", str(args.to / run.name), *given, "--write")


def _began_with(run: Path) -> str:
    """The folder of the model that a run began with, whatever --from says by now; "" where it began
    with none, or that is not there any more."""
    named = runs.card(run)["recipe"].get("from", "")
    there = [str(f) for f in (manifest.MODELS / named, Path(named)) if named and f.is_dir()]
    return there[0] if there else ""


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
    parser.add_argument("--extra", type=Path, metavar="FILE.npz", help=EXTRA_HELP)
    parser.add_argument("--name", help="name of run and model (default: the recipe's or FOLDER's)")
    parser.add_argument("--from", dest="start", metavar="MODEL", help=FROM_HELP)
    parser.add_argument("--runs", type=Path, default=runs.RUNS, help="where runs are kept")
    parser.add_argument(
        "--to", type=Path, default=manifest.MODELS, help="where the model is written"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that is there")
    parser.add_argument("--epochs", type=int, help="train for so many epochs instead")
    args = parser.parse_args()
    if args.epochs is not None and args.epochs < 1:
        parser.error("--epochs is one at the least")
    return args


if __name__ == "__main__":
    main()
