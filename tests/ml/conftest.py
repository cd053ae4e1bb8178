"""A tiny data set and a model trained on it for real, in seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import data, export, recipes, train
from tests.jpegs import noise_jpeg

collect_ignore = ["pytorch"]  # needs PyTorch: test_backends.py runs it where that is


def coloured(n: int, seed: int) -> data.Labelled:
    """Pictures whose class decides their colour, under noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    colours = np.random.default_rng(0).integers(40, 216, (10, 3))
    noise = rng.normal(0, 20, (n, 32, 32, 3))
    x = (colours[labels][:, None, None] + noise).clip(0, 255).astype(np.uint8)
    return data.Labelled(x, labels.astype(np.uint8))


@pytest.fixture(scope="session")
def tiny_npz(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    train_part, test_part = coloured(200, seed=1), coloured(60, seed=2)
    np.savez(
        path,
        x_train=train_part.x,
        y_train=train_part.y,
        x_test=test_part.x,
        y_test=test_part.y,
    )
    return path


@pytest.fixture(scope="session")
def tiny(tiny_npz: Path) -> data.Dataset:
    return data.load(tiny_npz)


@pytest.fixture(scope="session")
def recipe() -> dict[str, Any]:
    """A shipped recipe, cut short and without dropout's dice. The network is the real one."""
    sober = {"conv_dropout": 0.0, "dense_dropout": 0.0}
    return {**recipes.read("cifar10_plain"), "epochs": 2, "batch": 20, "options": sober}


@pytest.fixture(scope="session")
def run(recipe: dict[str, Any], tiny: data.Dataset, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "cifar10_improved"
    train.train(recipe, tiny, folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(run: Path, tiny: data.Dataset, tmp_path_factory) -> Path:
    return export.export(run, tiny, tmp_path_factory.mktemp("models"))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three made-up classes, twenty pictures each."""
    for number, name in enumerate(("круг", "square", "triangle")):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        for i in range(20):
            content = noise_jpeg(seed=100 * number + i, side=40)
            (tmp_path / "shapes" / name / f"{i}.jpg").write_bytes(content)
    return tmp_path / "shapes"
