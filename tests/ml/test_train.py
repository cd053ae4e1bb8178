"""Training for real, in miniature: it learns, it is cut short with -9, it goes on."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest

from ml import evaluate, export, train

ROOT = Path(__file__).parent.parent.parent


def test_a_run_leaves_a_checkpoint_and_one_row_of_history_an_epoch(run):
    rows = train.read_history(run)
    assert len(rows) == 2
    assert set(rows[0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert {p.name for p in run.iterdir()} == {train.CHECKPOINT, train.HISTORY}


def test_a_finished_run_is_not_trained_further(run, recipe, tiny):
    before = (run / train.HISTORY).read_text()
    train.train(recipe, tiny, run)
    assert (run / train.HISTORY).read_text() == before


def test_a_resumed_run_ends_where_an_unbroken_one_does(run, recipe, tiny, tmp_path, monkeypatch):
    """Same images, same learning rates, so the same losses."""

    class KilledError(Exception):
        pass

    def stop_after_one_epoch(self, epoch, logs=None):
        keep(self, epoch, logs)
        raise KilledError

    keep = train.Checkpoints.on_epoch_end
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(train.Checkpoints, "on_epoch_end", stop_after_one_epoch)
        train.train(recipe, tiny, tmp_path)
    (only,) = train.read_history(tmp_path)
    # A kill between its two files leaves the history ahead of the checkpoint.
    (tmp_path / train.HISTORY).write_text(json.dumps([only, only]))
    train.train(recipe, tiny, tmp_path)
    for resumed, whole in zip(train.read_history(tmp_path), train.read_history(run), strict=True):
        assert resumed["loss"] == pytest.approx(whole["loss"], rel=1e-3)


def test_a_run_killed_with_9_is_resumed_by_the_same_command(
    tiny_npz, tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "cifar10_improved"
    process = start(tmp_path, tiny_npz, "--epochs", "400")
    deadline = time.monotonic() + 120
    while not (folder / train.CHECKPOINT).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()

    monkeypatch.setattr(train, "train", lambda *_: pytest.fail("a run was overwritten"))
    assert "--resume" in str(refusal(train, monkeypatch, *arguments(tmp_path, tiny_npz)))
    monkeypatch.undo()

    # 180 pictures make one batch of 128, so an epoch is one step.
    epochs = int(keras.models.load_model(folder / train.CHECKPOINT).optimizer.iterations) + 1
    resumed = start(tmp_path, tiny_npz, "--resume", "--epochs", str(epochs))
    resumed.wait(timeout=120)
    assert resumed.returncode == 0
    assert len(train.read_history(folder)) == epochs


def arguments(run_folder: Path, npz: Path, *options: str) -> list[str]:
    return ["cifar10_improved", "--data", str(npz), "--runs", str(run_folder), *options]


def start(run_folder: Path, npz: Path, *options: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "ml.train", *arguments(run_folder, npz, *options)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def refusal(module: ModuleType, monkeypatch, *arguments: str) -> object:
    """What a command exits with."""
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
    with pytest.raises(SystemExit) as end:
        module.main()
    return end.value.code


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        (train, ["nothing"], "cifar10_improved"),
        (train, ["cifar10_improved", "--data", "nowhere.npz"], "nowhere.npz"),
        (export, ["cifar10_improved", "--data", "nowhere.npz"], "nowhere.npz"),
        (evaluate, ["nowhere"], "manifest.json"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(module, words, said, monkeypatch, capsys):
    assert refusal(module, monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1


def test_a_batch_is_decided_by_seed_epoch_and_place(recipe, tiny):
    batches = train.AugmentedBatches(recipe, tiny.train)
    batches.start(3)
    x, y = batches[2]
    batches.start(0)
    assert (batches[2][0] != x).any()
    batches.start(3)
    assert (batches[2][0] == x).all() and (batches[2][1] == y).all()
    assert x.shape == (20, 32, 32, 3) and x.dtype == np.uint8
