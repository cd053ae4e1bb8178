"""Training for real, in miniature: it learns, it is cut short with -9, it goes on."""

import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ml import architectures, evaluate, export, manifest, runs, train, weights
from ml.batches import AugmentedBatches
from tests.ml.killed import killed_after_an_epoch

ROOT = Path(__file__).parent.parent.parent


def test_a_run_leaves_a_checkpoint_and_one_row_of_history_an_epoch(run):
    rows = runs.history(run)
    assert len(rows) == 2
    assert set(rows[0]) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert {p.name for p in run.iterdir()} == {runs.RUN, runs.CHECKPOINT, runs.HISTORY}


def test_a_finished_run_is_not_trained_further(run, recipe, tiny):
    before = (run / runs.HISTORY).read_text()
    train.train(recipe, tiny, run)
    assert (run / runs.HISTORY).read_text() == before


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_unbroken_one_does(run, recipe, tiny, tmp_path):
    """Same images, same learning rates, so the same losses."""

    with killed_after_an_epoch():
        train.train(recipe, tiny, tmp_path)
    (only,) = runs.history(tmp_path)
    # A kill between its two files leaves the history ahead of the checkpoint.
    (tmp_path / runs.HISTORY).write_text(json.dumps([only, only]))
    train.train(recipe, tiny, tmp_path)
    for resumed, whole in zip(runs.history(tmp_path), runs.history(run), strict=True):
        assert resumed["loss"] == pytest.approx(whole["loss"], rel=1e-3)


@pytest.mark.slow
def test_a_run_killed_with_9_is_resumed_by_the_same_command(
    tiny_npz, tmp_path, capsys, monkeypatch
):
    folder = tmp_path / "cifar10_plain"
    process = start(tmp_path, tiny_npz, "--epochs", "400")
    deadline = time.monotonic() + 120
    while not (folder / runs.CHECKPOINT).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()

    monkeypatch.setattr(train, "train", lambda *_: pytest.fail("a run was overwritten"))
    assert "--resume" in str(refusal(train, monkeypatch, *arguments(tmp_path, tiny_npz)))
    monkeypatch.undo()

    # 180 pictures make eight batches of 22.
    epochs = int(runs.network(folder).optimizer.iterations) // 8 + 1
    resumed = start(tmp_path, tiny_npz, "--resume", "--epochs", str(epochs))
    resumed.wait(timeout=240)
    assert resumed.returncode == 0
    assert len(runs.history(folder)) == epochs
    assert manifest.read(tmp_path / "models" / "cifar10_plain").metrics["test"]["n"] == 60


def arguments(run_folder: Path, npz: Path, *options: str) -> list[str]:
    places = ["--runs", str(run_folder), "--to", str(run_folder / "models")]
    return ["cifar10_plain", "--data", str(npz), *places, *options]


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
        (train, ["cifar10_plain", "--data", "nowhere.npz"], "nowhere.npz"),
        (evaluate, ["ml/models/airbench94", "--extra", "nowhere.npz"], "nowhere.npz"),
        (export, ["cifar10_improved", "--data", "nowhere.npz"], "nowhere.npz"),
        (evaluate, ["nowhere"], "manifest.json"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(module, words, said, monkeypatch, capsys):
    assert refusal(module, monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("epochs", ["0", "-3"])
def test_no_run_is_of_no_epochs(epochs, monkeypatch, capsys):
    assert refusal(train, monkeypatch, "cifar10_plain", "--epochs", epochs) == 2
    assert "--epochs is one at the least" in capsys.readouterr().err


def test_a_recipe_that_begins_with_another_s_model_says_so_where_there_is_none(
    tiny_npz, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(manifest, "MODELS", tmp_path)
    command = ["cifar10_improved", "--data", str(tiny_npz), "--runs", str(tmp_path / "runs")]
    assert refusal(train, monkeypatch, *command) == 2
    assert "is needed first: train the recipe of that name" in capsys.readouterr().err


def test_a_batch_is_decided_by_seed_epoch_and_place(recipe, tiny):
    batches = AugmentedBatches(recipe, tiny)
    batches.start(3)
    x, y = batches[2]
    batches.start(0)
    assert (batches[2][0] != x).any()
    batches.start(3)
    assert (batches[2][0] == x).all() and (batches[2][1] == y).all()
    assert x.shape == (20, 32, 32, 3) and x.dtype == np.uint8


def test_two_epochs_show_each_picture_both_ways(recipe, tiny):
    plain = {"jpeg_share": 0, "zoom_share": 0, "shift": 0, "cutout": 0}
    batches = AugmentedBatches({**recipe, "augment": {**recipe["augment"], **plain}}, tiny)
    seen = set()
    for epoch in (0, 1):
        batches.start(epoch)
        seen |= {image.tobytes() for i in range(len(batches)) for image in batches[i][0]}
    for image in tiny.train.x:
        assert image.tobytes() in seen and image[:, ::-1].tobytes() in seen


def test_no_picture_is_mirrored_where_left_and_right_matter(recipe, tiny):
    plain = {"jpeg_share": 0, "zoom_share": 0, "shift": 0, "cutout": 0, "mirror": False}
    batches = AugmentedBatches({**recipe, "augment": {**recipe["augment"], **plain}}, tiny)
    given = {image.tobytes() for image in tiny.train.x}
    for epoch in (0, 1):
        batches.start(epoch)
        shown = [image.tobytes() for i in range(len(batches)) for image in batches[i][0]]
        assert len(shown) == len(given) and set(shown) == given


def test_a_recipe_that_says_nothing_of_mirrors_shows_what_it_showed(recipe, tiny):
    said = {**recipe, "augment": {**recipe["augment"], "mirror": True}}
    one, other = (AugmentedBatches(each, tiny)[1][0] for each in (recipe, said))
    assert (one == other).all()


def test_the_first_epochs_show_smaller_pictures_where_a_recipe_says_so(recipe, tiny):
    resizing = {**recipe, "epochs": 4, "resizing": {"side": 24, "until": 0.5}}
    batches, plain = AugmentedBatches(resizing, tiny), AugmentedBatches(recipe, tiny)
    sides = []
    for epoch in range(4):
        batches.start(epoch)
        sides.append(batches[0][0].shape[1:])
    assert sides == [(24, 24, 3)] * 2 + [(32, 32, 3)] * 2
    assert (batches[0][1] == _at(plain, 3)[1]).all()
    assert (batches[0][0] == _at(plain, 3)[0]).all()


def _at(batches, epoch):
    batches.start(epoch)
    return batches[0]


@pytest.mark.slow
def test_small_pictures_first_and_whole_ones_after_a_resumption_train_on_tensorflow(
    recipe, tiny, tmp_path
):
    small = {**recipe, "architecture": "airbench94", "options": {}}
    small["resizing"] = {"side": 24, "until": 0.5}
    train.train(small, tiny, tmp_path / "whole")
    assert len(runs.history(tmp_path / "whole")) == 2
    with killed_after_an_epoch():
        train.train(small, tiny, tmp_path / "resumed")
    train.train(small, tiny, tmp_path / "resumed")
    rows = runs.history(tmp_path / "resumed")
    assert rows[1]["loss"] == pytest.approx(runs.history(tmp_path / "whole")[1]["loss"], rel=1e-2)


def test_a_network_of_one_size_is_not_shown_smaller_pictures(recipe, tiny):
    resizing = {**recipe, "resizing": {"side": 24, "until": 0.5}}
    with pytest.raises(ValueError, match="cifar10_improved takes pictures of one size only"):
        train.compile_model(resizing, tiny, steps=9)


def test_what_comes_after_training_runs_on_tensorflow(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    with pytest.raises(SystemExit) as stopped:
        train._run("tests.ml.on_tensorflow")
    assert stopped.value.code == 7


def test_a_run_that_was_cut_short_is_no_model(run, tiny, tmp_path):
    shutil.copytree(run, tmp_path / "short")
    about = runs.card(run)
    manifest.write_json(tmp_path / "short" / runs.RUN, {**about, "steps": about["steps"] + 1})
    with pytest.raises(ValueError, match="cut short"):
        export.export(tmp_path / "short", tiny, tmp_path)


def test_a_run_does_not_go_on_with_other_pictures(run, recipe, tiny):
    other = dataclasses.replace(tiny, sha256="0" * 64)
    with pytest.raises(ValueError, match="other pictures"):
        train.train(recipe, other, run)
    with pytest.raises(ValueError, match="other pictures"):
        export.export(run, other, run.parent)


@pytest.mark.parametrize("classes", [3, 10])
def test_a_network_begins_with_another_model_s_weights_but_for_its_own_classes(
    model_folder, classes
):
    network = architectures.build("cifar10_improved", classes=classes)
    own = network.layers[-1].get_weights()
    weights.start_from(network, model_folder, [f"own {n}" for n in range(classes)])
    there = architectures.build("cifar10_improved")
    weights.load(there, model_folder)
    for mine, theirs in zip(network.layers[:-1], there.layers[:-1], strict=True):
        assert _same(mine.get_weights(), theirs.get_weights())
    assert _same(network.layers[-1].get_weights(), own)
    assert own[0].shape == (512, classes)


def test_a_network_of_the_same_classes_begins_with_all_of_a_model_s_weights(model_folder, tiny):
    network = architectures.build("cifar10_improved")
    weights.start_from(network, model_folder, [c["id"] for c in tiny.classes])
    there = architectures.build("cifar10_improved")
    weights.load(there, model_folder)
    assert _same(network.get_weights(), there.get_weights())


@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_of_every_network_the_last_layer_that_learns_is_the_one_that_names_classes(name):
    three, four = (architectures.build(name, classes=classes) for classes in (3, 4))
    last = [layer for layer in three.layers if layer.weights][-1]
    pairs = zip(three.weights, four.weights, strict=True)
    others = [mine.path for mine, theirs in pairs if mine.shape != theirs.shape]
    assert others == [weight.path for weight in last.weights]


def _same(mine: list[np.ndarray], theirs: list[np.ndarray]) -> bool:
    return all((a == b).all() for a, b in zip(mine, theirs, strict=True))


def test_a_network_does_not_begin_with_another_architecture_s_weights(model_folder):
    with pytest.raises(ValueError, match="cifar10_improved"):
        weights.start_from(architectures.build("airbench94"), model_folder, [])
