"""A training run as a folder: what it is of, how far it came, and what it has learned so far.

run.json says which recipe and which pictures, checkpoint.keras holds the network and its optimizer
after the last whole epoch, history.json one row an epoch. Each is written whole or not at all.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import architectures, manifest, optimizers, pruning, views, weight_averaging

# They register classes of ours, without which Keras cannot read a checkpoint.
REGISTERED = (
    views.BothWays,
    views.MeanOfBoth,
    architectures.PassThrough,
    architectures.Whitening,
    optimizers.NesterovSGD,
    optimizers.Trapezoid,
    pruning.BatchLosses,
)
# A checkpoint names the class of the backend that wrote it, which another backend has not.
OF_ANY_BACKEND = {"AdamW": keras.optimizers.AdamW}
RUNS = Path("runs")
RUN, CHECKPOINT, HISTORY = "run.json", "checkpoint.keras", "history.json"
TOLD = ("accuracy", "loss", "val_accuracy", "val_loss")  # of each epoch
SLOW = "average.npz"  # the weights' slow one, where a recipe has [optimizer] lookahead
START = "start.npz"  # the weights that it began with, where a recipe has `blend`
MEAN = "mean.npz"  # of the weights after each of the last epochs, where it has [averaging]
LOSSES = "losses.npy"  # of each training picture when last seen, where a recipe has [pruning]


HASHES = {"data_sha256": "pictures", "labels_sha256": "labels"}
# What the checkpoint holds, so that a run goes on with it whatever its recipe says by now.
HELD: Mapping[str, Any] = {
    "architecture": "",
    "options": {},
    "precision": "float32",
    "seed": 0,
    "batch": 0,
    "reviewed_share": None,
    "loss": {},
}
HELD_BY_OPTIMIZER = ("name", "weight_decay", "momentum", "shift_scale")


def begin(run: Path, about: dict[str, Any]) -> None:
    """Write down what the run is of; of what it began with and learns from, what was written first.
    Raises ValueError where it was of something else so far, and then changes nothing: other
    pictures, labels or models, or what can change no more in a recipe."""
    run.mkdir(parents=True, exist_ok=True)
    if (run / RUN).exists():
        before = card(run)
        _refuse_another(run, before, about)
        if is_begun(run):
            about = {**about, "models": before.get("models", about["models"])}
            others = {name: said for name, said in about["recipe"].items() if name != "from"}
            began_with = {name: said for name, said in before["recipe"].items() if name == "from"}
            about["recipe"] = {**others, **began_with}
    manifest.write_json(run / RUN, about)


def _refuse_another(run: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    other = "remove the folder, or use another"
    for name, what in HASHES.items():
        if name in before and before[name] != now[name]:
            raise ValueError(f"{run} was begun with other {what}: {other}")
    if not is_begun(run):
        return
    known = set(before.get("models", now["models"]).values())
    if not known.issuperset(now["models"].values()):
        raise ValueError(f"{run} was begun with other models: {other}")
    if before.get("extra", {}) != now.get("extra", {}):
        raise ValueError(f"{run} was begun with other extra pictures, or with none: {other}")
    for name, (was, is_) in _changed(before["recipe"], now["recipe"]).items():
        raise ValueError(f"{run} was begun with {name} {was!r}, and not {is_!r}: {other}")
    if "blend" in now["recipe"] and not (run / START).exists():
        raise ValueError(f"{run} was begun without blend: leave it out, or remove the folder")


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What the checkpoint holds and the recipe says otherwise, by its name."""
    held = {name: [each.get(name, other) for each in (before, now)] for name, other in HELD.items()}
    optimizers_ = [each["optimizer"] for each in (before, now)]
    held |= {f"[optimizer] {n}": [o.get(n) for o in optimizers_] for n in HELD_BY_OPTIMIZER}
    return {name: (was, is_) for name, (was, is_) in held.items() if was != is_}


def card(run: Path) -> dict[str, Any]:
    """Its recipe, the digests of what it learns from, and how many steps make it whole."""
    content: dict[str, Any] = json.loads((run / RUN).read_text())
    return content


def is_begun(run: Path) -> bool:
    return (run / CHECKPOINT).exists()


def network(run: Path) -> keras.Model:
    """The network with its optimizer as they were after the last whole epoch."""
    with keras.saving.custom_object_scope(OF_ANY_BACKEND):
        return keras.models.load_model(run / CHECKPOINT)


def keep_start(run: Path, model: keras.Model) -> None:
    """Before the first epoch of a run that is to be blended with what it began with."""
    with manifest.whole(run / START) as partial:
        np.savez(partial, *model.get_weights())


def finished(run: Path) -> keras.Model:
    """The network of a run that is done: the mean of its last epochs, and that blended with what it
    began with, where its recipe says so. Raises FileNotFoundError or ValueError."""
    if not is_begun(run):
        raise FileNotFoundError(f"there is no run in {run}: train the recipe first")
    trained, steps = network(run), card(run)["steps"]
    done = int(trained.optimizer.iterations)
    if done < steps:
        raise ValueError(f"{run} was cut short after {done} of {steps} steps: go on with --resume")
    recipe = card(run)["recipe"]
    if "averaging" in recipe:
        _average(trained, run, recipe)
    if share := recipe.get("blend"):
        _blend(trained, run / START, share)
    return trained


def _average(trained: keras.Model, run: Path, recipe: dict[str, Any]) -> None:
    """Take the mean of its weights after each of the last epochs."""
    if not (run / MEAN).exists():
        raise ValueError(f"{run} was trained without [averaging]: leave it out, or train it anew")
    up_to, _count, mean = weight_averaging.read(run / MEAN)
    if up_to < recipe["epochs"]:
        raise ValueError(f"{run} was cut short before its mean was whole: go on with --resume")
    trained.set_weights(mean)


def _blend(trained: keras.Model, start: Path, share: float) -> None:
    """Move its weights, batch statistics included, back towards those it began with, of which
    1 - `share` stays: where both lie in one valley of the loss, the middle is often lower than
    either (arXiv:2109.01903)."""
    with np.load(start, allow_pickle=False) as kept:
        before = [kept[name] for name in kept.files]
    after = trained.get_weights()
    trained.set_weights([share * b + (1 - share) * a for a, b in zip(before, after, strict=True)])


def keep(run: Path, model: keras.Model, rows: list[dict[str, float]]) -> None:
    """After an epoch: the history first, then the checkpoint, which alone says what comes next."""
    manifest.write_json(run / HISTORY, rows)
    with manifest.whole(run / CHECKPOINT) as partial:
        model.save(partial)


def history(run: Path) -> list[dict[str, float]]:
    """One row an epoch: accuracy, loss, val_accuracy, val_loss; [] before the first."""
    path = run / HISTORY
    return json.loads(path.read_text()) if path.exists() else []
