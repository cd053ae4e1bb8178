"""Train a recipe: python -m ml.train RECIPE [--data FILE.npz] [--resume]

Writes into runs/RECIPE/: checkpoint.keras (network and optimizer after the last whole epoch) and
history.json. After a kill, --resume goes on from there. Only the training and validation splits
are looked at; the test set is for ml.evaluate. Runs on any Keras backend (KERAS_BACKEND).
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import architectures, cli, data, recipes

RUNS = Path("runs")
CHECKPOINT, HISTORY = "checkpoint.keras", "history.json"


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        recipe = recipes.read(args.recipe)
        cifar = data.load(args.data)
    if args.epochs:
        recipe["epochs"] = args.epochs
    run = args.runs / args.recipe
    if (run / CHECKPOINT).exists() and not args.resume:
        sys.exit(f"{run} holds a run already: add --resume to go on with it, or remove the folder")
    train(recipe, cifar, run)
    print(f"Done. Now make a model of it: python -m ml.export {args.recipe}")


def train(recipe: dict[str, Any], cifar: data.Cifar10, run: Path) -> keras.Model:
    """Train `recipe` to its last epoch, going on from `run`'s checkpoint where there is one."""
    run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(recipe["seed"])
    steps = len(cifar.train) // recipe["batch"]
    if (run / CHECKPOINT).exists():
        model = keras.models.load_model(run / CHECKPOINT)
    else:
        model = compile_model(recipe, steps)
    epoch = int(model.optimizer.iterations) // steps
    batches = AugmentedBatches(recipe, cifar.train)
    model.fit(
        batches,
        epochs=recipe["epochs"],
        initial_epoch=epoch,
        validation_data=(cifar.validation.x, one_hot(cifar.validation.y)),
        validation_batch_size=500,
        callbacks=[batches.follow_epochs(), Checkpoints(run, epoch)],
        shuffle=False,
        verbose=1 if sys.stdout.isatty() else 2,
    )
    return model


def compile_model(recipe: dict[str, Any], steps: int) -> keras.Model:
    """The recipe's network with its optimizer; `steps` batches make an epoch."""
    model = architectures.build(recipe["architecture"], **recipe["options"])
    settings = recipe["optimizer"]
    warmup = math.ceil(settings["warmup_epochs"] * steps)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            warmup_target=settings["peak_learning_rate"],
            warmup_steps=warmup,
            decay_steps=max(recipe["epochs"] * steps - warmup, 1),
        ),
        weight_decay=settings["weight_decay"],
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    smoothing = recipe["loss"]["label_smoothing"]
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
        metrics=["accuracy"],
        # XLA is slower than TensorFlow's own kernels on a CPU; JAX is nothing without it.
        jit_compile=keras.backend.backend() == "jax",
    )
    return model


class AugmentedBatches(keras.utils.PyDataset):
    """An epoch's batches, the last, partial one left out. Batch i of epoch k draws from a generator
    seeded by (seed, k, i), so a resumed run sees the images that an unbroken one would see."""

    def __init__(self, recipe: dict[str, Any], train: data.Labelled) -> None:
        super().__init__(workers=1)
        self.recipe, self.train = recipe, train
        rng = np.random.default_rng(recipe["seed"])
        low, high = recipe["jpeg"]["quality"]
        self.jpegs = data.through_jpeg(train.x, rng.integers(low, high + 1, len(train)))
        self.start(0)

    def start(self, epoch: int) -> None:
        self.epoch = epoch
        rng = np.random.default_rng((self.recipe["seed"], epoch))
        self.order = rng.permutation(len(self.train))

    def follow_epochs(self) -> keras.callbacks.Callback:
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: self.start(epoch))

    def __len__(self) -> int:
        return len(self.train) // self.recipe["batch"]

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        batch = self.recipe["batch"]
        rng = np.random.default_rng((self.recipe["seed"], self.epoch, index))
        chosen = self.order[index * batch : (index + 1) * batch]
        x = data.augment(self.train.x[chosen], self.jpegs[chosen], rng)
        return x, one_hot(self.train.y[chosen])


class Checkpoints(keras.callbacks.Callback):
    """After each epoch the history, then the network with its optimizer, each renamed into place.

    The optimizer counts its steps, so the checkpoint alone says which epoch comes next; a history
    that is one epoch ahead, because a kill came between the two, is cut back to it.
    """

    def __init__(self, run: Path, epoch: int) -> None:
        super().__init__()
        self.run = run
        self.rows = read_history(run)[:epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.rows.append({name: float(value) for name, value in (logs or {}).items()})
        partial = self.run / "history.partial"
        partial.write_text(json.dumps(self.rows, indent=1))
        partial.replace(self.run / HISTORY)
        partial = self.run / "partial.keras"
        self.model.save(partial)
        partial.replace(self.run / CHECKPOINT)


def read_history(run: Path) -> list[dict[str, float]]:
    """One row an epoch: accuracy, loss, val_accuracy, val_loss; [] before the first."""
    path = run / HISTORY
    return json.loads(path.read_text()) if path.exists() else []


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(len(data.CLASSES), dtype=np.float32)[labels]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=__doc__.split("\n")[0])
    parser.add_argument("recipe", help="a name from ml/recipes/")
    parser.add_argument("--data", type=Path, help="an .npz with x_train, y_train, x_test, y_test")
    parser.add_argument(
        "--runs", type=Path, default=RUNS, help="where runs are kept (default: runs)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that is there")
    parser.add_argument("--epochs", type=int, help="train for so many epochs instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()
