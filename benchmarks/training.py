"""How many pictures a second a recipe's network learns: python -m benchmarks.training [RECIPE…]

One batch of noise, over and over, in the recipe's precision, on the backend that KERAS_BACKEND
names; on PyTorch by Keras's own steps and by those of ml/pytorch, in turns.
"""

import argparse
import time
from typing import Any

import keras
import numpy as np

from benchmarks.report import say
from ml import data, pytorch, recipes, train

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("recipes", nargs="*", default=["airbench_wide", "airbench96"])
    parser.add_argument("--seconds", type=float, default=10, help="for each round")
    asked = parser.parse_args()
    say("recipe | steps | pictures/s")
    for name in asked.recipes:
        measure(name, asked.seconds)


def measure(name: str, seconds: float) -> None:
    recipe = train.complete({**recipes.read(name), "from": ""})
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (recipe["batch"], data.SIZE, data.SIZE, 3), np.uint8)
    y = rng.integers(0, 10, recipe["batch"])
    pictures = data.Labelled(x, y.astype(np.uint8))
    noise = data.Dataset("noise", data.CIFAR10_CLASSES, pictures, pictures, pictures, "")
    plain = train.compile_model(recipe, noise, steps=100)
    networks = {f"{keras.backend.backend()}, Keras's": plain}
    fast = train.compile_model(recipe, noise, steps=100)
    if pytorch.accelerate(fast):
        networks["torch, ml.pytorch's"] = fast
    truth = np.eye(10, dtype=np.float32)[y]
    for network in networks.values():
        network.train_on_batch(x, truth)
    for _ in range(ROUNDS):
        for steps, network in networks.items():
            say(f"{name} | {steps} | {rate(network, x, truth, seconds):.0f}")


def rate(network: Any, x: np.ndarray, y: np.ndarray, seconds: float) -> float:
    begun, steps = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        network.train_on_batch(x, y)
        steps += 1
    return steps * len(x) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
