"""A run becomes a model folder, which is measured through the path that serves it."""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ml import (
    architectures,
    augment,
    evaluate,
    export,
    manifest,
    optimizers,
    other_pictures,
    recipes,
    runs,
    train,
    weights,
)
from ml.runtime import Runtime
from tests.ml.test_train import ROOT, refusal

SEED_S = manifest.MODELS / "cifar10_improved"  # the seed's network
SEED_ACCURACY = 0.8417


def test_the_folder_holds_all_that_serving_needs(model_folder):
    names = {p.name for p in model_folder.iterdir()}
    assert {"manifest.json", "weights.npz", "golden.json", "card.json"} <= names
    described = manifest.read(model_folder)
    manifest.verify(model_folder, described)
    assert described.recipe["architecture"] == "cifar10_improved"
    assert described.metrics["parameters"] == 11_332_138


def test_kernels_are_stored_in_half_precision_and_vectors_are_not(model_folder):
    with np.load(model_folder / manifest.WEIGHTS, allow_pickle=False) as arrays:
        for name in arrays.files:
            expected = np.float16 if arrays[name].ndim > 1 else np.float32
            assert arrays[name].dtype == expected, name


def test_half_precision_answers_as_single_does(model_folder):
    halved = manifest.read(model_folder).metrics["validation"]
    before = manifest.read_card(model_folder)["validation_before_halving"]
    assert abs(halved["accuracy"] - before["accuracy"]) <= 1 / halved["n"]


def test_a_new_export_replaces_the_old_one_whole(run, tiny, tmp_path):
    first = export.export(run, tiny, tmp_path)
    (first / "left-over").touch()
    export.export(run, tiny, tmp_path)
    assert not (first / "left-over").exists()
    assert [p.name for p in tmp_path.iterdir()] == [run.name]


@pytest.mark.slow
def test_whoever_replaces_another_version_is_told_to_activate_it(
    run, tiny_npz, tmp_path, monkeypatch, capsys
):
    def told() -> str:
        places = ["--runs", str(run.parent), "--to", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["export", run.name, "--data", str(tiny_npz), *places])
        export.main()
        return capsys.readouterr().out

    assert "activate" not in told()
    assert "activate" not in told()  # the same version again
    thresholds = {"off_topic": 9.0, "set": 0.5}
    changed = dataclasses.replace(manifest.read(tmp_path / run.name), thresholds=thresholds)
    changed.write(tmp_path / run.name)
    out = told()
    assert changed.digest[:12] in out and f"manage.py activate {run.name}" in out


def test_a_run_that_is_not_there_is_named(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match="train the recipe"):
        export.export(tmp_path / "none", tiny, tmp_path)


def test_the_card_says_what_the_network_is_made_of_and_how_it_learned(model_folder, run):
    card = manifest.read_card(model_folder)
    assert sum(row["parameters"] for row in card["layers"]) == 11_332_138
    assert sum(row["multiply_adds"] for row in card["layers"]) == 49_648_640
    assert card["history"] == runs.history(run)
    assert card["data"]["pictures"] == {"train": 180, "validation": 20, "test": 60}


def test_golden_inputs_are_made_here_and_always_the_same():
    first, again = export.golden_inputs(32), export.golden_inputs(32)
    assert (first == again).all() and len(first) == 8


@pytest.fixture(scope="module")
def measured(model_folder, tiny_npz):
    """The model folder after `ml.evaluate --write`, and what that printed."""
    command = [sys.executable, "-m", "ml.evaluate", model_folder, "--data", tiny_npz, "--write"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return manifest.read_card(model_folder), done.stdout


def test_measuring_prints_every_figure(measured):
    _card, out = measured
    for words in ("accuracy", "JPEG at quality 75", "ECE", "AUROC", "multiply-adds", "parameters"):
        assert words in out
    assert "128 at a time" in out and "on 60 pictures" in out


def test_measuring_keeps_the_figures_and_does_not_make_it_another_model(measured, model_folder):
    card, _out = measured
    test = card["test"]
    assert test["n"] == test["jpeg_75"]["n"] == np.array(test["confusion"]).sum() == 60
    assert sum(b["n"] for b in test["reliability"]) == 60
    described = manifest.read(model_folder)
    assert described.metrics["test"]["accuracy"] == test["accuracy"]
    assert described.metrics["parameters"] == 11_332_138
    manifest.verify(model_folder, described)


def test_the_off_topic_score_is_measured_on_every_kind_of_other_pictures(measured):
    kinds = measured[0]["test"]["off_topic"]["kinds"]
    assert set(kinds) == set(other_pictures.REPORT_ON)
    assert all(0 <= kind["auroc"] <= 1 and kind["n"] > 99 for kind in kinds.values())


def test_the_card_s_pictures_are_those_it_says(measured, model_folder, tiny):
    about = measured[0]["pictures"]
    with Image.open(model_folder / manifest.PICTURES) as sheet:
        assert sheet.size == (about["width"], about["height"])
        pixels = np.asarray(sheet).astype(int)
    assert about["tiles"]
    for place, tile in enumerate(about["tiles"]):
        top, left = (32 * v for v in divmod(place, about["columns"]))
        shown = pixels[top : top + 32, left : left + 32]
        same = tiny.test.x[tiny.test.y == tile["true"]].astype(int)
        assert np.abs(same - shown).mean(axis=(1, 2, 3)).min() < 18


def test_measuring_on_the_validation_split_leaves_the_test_pictures_on_the_card(
    measured, model_folder, tiny, tmp_path
):
    copied = shutil.copytree(model_folder, tmp_path / "copied")
    runtime, figures = Runtime.load(copied), {**measured[0]["test"], "n": 20}
    answers = runtime.predict(tiny.validation.x)
    evaluate.keep(runtime, figures, "validation", tiny.validation, answers)
    card = manifest.read_card(copied)
    assert card["validation"]["n"] == 20 and card["test"] == measured[0]["test"]
    assert card["pictures"] == measured[0]["pictures"]
    sheets = [place / manifest.PICTURES for place in (copied, model_folder)]
    assert sheets[0].read_bytes() == sheets[1].read_bytes()


def test_a_model_is_not_measured_on_pictures_of_other_classes(
    model_folder, folder, monkeypatch, capsys
):
    before = (model_folder / "card.json").read_bytes()
    command = [str(model_folder), "--data", str(folder), "--write"]
    assert refusal(evaluate, monkeypatch, *command) == 2
    assert "knows other classes than these pictures have" in capsys.readouterr().err
    assert (model_folder / "card.json").read_bytes() == before


def test_the_recipe_of_a_model_that_ships_says_what_to_expect_of_it():
    for folder in manifest.shipped():
        test = manifest.read(folder).metrics["test"]
        right, low, high = (100 * share for share in (test["accuracy"], *test["interval_95"]))
        card = (recipes.FOLDER / f"{folder.name}.toml").read_text()
        assert f"{right:.2f} % of the test pictures ({low:.2f} to {high:.2f})" in card


def test_every_recipe_is_a_card_that_can_be_read():
    names = [path.stem for path in recipes.FOLDER.glob("*.toml")]
    assert {"airbench94", "cifar10_improved", "own_classes"} <= set(names)
    for name in names:
        recipe = train.complete(recipes.read(name))
        architectures.build(recipe["architecture"], **recipe["options"])
        optimizers.build(recipe["optimizer"], recipe["epochs"], steps=3)
        x = np.zeros((2, 32, 32, 3), np.uint8)
        augment.augment(x, np.zeros(2, bool), recipe["augment"], np.random.default_rng(0))


# The models that ship


@pytest.fixture(params=manifest.shipped(), ids=lambda folder: folder.name)
def shipped(request):
    return request.param


def test_a_shipped_model_beats_the_seed_on_the_whole_test_set(shipped):
    test = manifest.read(shipped).metrics["test"]
    assert test["n"] == 10_000
    assert test["accuracy"] >= 0.90
    assert test["interval_95"][0] > SEED_ACCURACY


def test_the_seed_s_network_answers_its_golden_inputs():
    Runtime.load(SEED_S).warm_up()  # the others in test_engines.py


def test_a_shipped_model_is_no_larger_than_the_repository_takes(shipped):
    assert (shipped / manifest.WEIGHTS).stat().st_size <= weights.LARGEST
    manifest.verify(shipped, manifest.read(shipped))


def test_a_shipped_model_is_honest_about_its_confidence_and_its_sets(shipped):
    test = manifest.read_card(shipped)["test"]
    assert test["ece"] < 0.01
    assert 0.94 <= test["set"]["coverage"] <= 0.96
    assert 0.94 <= test["off_topic"]["kept"] <= 0.96


def test_a_shipped_model_costs_no_more_than_a_quarter_of_the_zoo_s_largest(shipped):
    assert manifest.read(shipped).metrics["multiply_adds"] <= 460_000_000


def test_a_shipped_model_comes_with_its_pictures(shipped):
    with Image.open(shipped / manifest.PICTURES) as picture:
        about = manifest.read_card(shipped)["pictures"]
        assert picture.format == "JPEG" and picture.size == (about["width"], about["height"])
