"""A run becomes a model folder, which is measured through the path that serves it."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from ml import evaluate, export, manifest, recipes
from ml.runtime import Runtime
from tests.ml.test_train import ROOT

SHIPPED = ROOT / "ml" / "models" / "cifar10_improved"
SEED_ACCURACY = 0.8417


def test_the_folder_holds_all_that_serving_needs(model_folder):
    names = {p.name for p in model_folder.iterdir()}
    assert {"manifest.json", "weights.npz", "golden.json", "curves.png"} <= names
    described = manifest.read(model_folder)
    manifest.verify(model_folder, described)
    assert described.recipe["name"] == "cifar10_improved"
    assert described.metrics["parameters"] == 11_332_138


def test_kernels_are_stored_in_half_precision_and_vectors_are_not(model_folder):
    with np.load(model_folder / manifest.WEIGHTS, allow_pickle=False) as arrays:
        for name in arrays.files:
            expected = np.float16 if arrays[name].ndim > 1 else np.float32
            assert arrays[name].dtype == expected, name


def test_half_precision_answers_as_single_does(model_folder):
    metrics = manifest.read(model_folder).metrics
    halved, before = metrics["validation"], metrics["validation_before_halving"]
    assert abs(halved["accuracy"] - before["accuracy"]) <= 1 / halved["n"]


def test_a_new_export_replaces_the_old_one_whole(run, tiny, tmp_path):
    first = export.export("cifar10_improved", tiny, run, tmp_path)
    (first / "left-over").touch()
    export.export("cifar10_improved", tiny, run, tmp_path)
    assert not (first / "left-over").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["cifar10_improved"]


def test_a_run_that_is_not_there_is_named(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match="train the recipe"):
        export.export("cifar10_improved", tiny, tmp_path / "none", tmp_path)


def test_golden_inputs_are_made_here_and_always_the_same():
    first, again = export.golden_inputs(32), export.golden_inputs(32)
    assert (first == again).all() and len(first) == 8


def test_evaluation_measures_both_ways_and_keeps_what_it_is_told_to(model_folder, tiny, tmp_path):
    runtime = Runtime.load(model_folder)
    digest = manifest.read(model_folder).digest
    figures = evaluate.evaluate(runtime, tiny.test, "test", model_folder)
    assert figures["n"] == figures["jpeg_75"]["n"] == 60
    assert np.array(figures["confusion"]).sum() == 60
    described = manifest.read(model_folder)
    assert described.metrics["test"] == figures
    assert described.metrics["parameters"] == 11_332_138
    assert described.digest == digest
    with Image.open(model_folder / "confusion.png") as picture:
        assert min(picture.size) > 300


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_evaluation_prints_a_table_or_json(model_folder, tiny_npz, monkeypatch, capsys, options):
    arguments = ["evaluate", str(model_folder), "--data", str(tiny_npz), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    evaluate.main()
    out = capsys.readouterr().out
    if options:
        assert json.loads(out[out.index("{") :])["n"] == 60
    else:
        assert "accuracy" in out and "on 60 pictures" in out


def test_every_recipe_is_a_card_that_can_be_read():
    names = [path.stem for path in recipes.FOLDER.glob("*.toml")]
    assert names
    for name in names:
        assert {"architecture", "seed", "epochs", "batch"} <= set(recipes.read(name))


# The model that ships


def test_the_shipped_model_beats_the_seed_on_the_whole_test_set():
    test = manifest.read(SHIPPED).metrics["test"]
    assert test["n"] == 10_000
    assert test["accuracy"] > SEED_ACCURACY
    assert test["interval_95"][0] > SEED_ACCURACY


def test_the_shipped_model_answers_its_golden_inputs():
    Runtime.load(SHIPPED).warm_up()


def test_the_shipped_model_is_no_larger_than_the_repository_takes():
    assert (SHIPPED / manifest.WEIGHTS).stat().st_size <= export.LARGEST


def test_the_shipped_model_comes_with_its_pictures():
    for name in ("curves.png", "confusion.png", "reliability.png"):
        with Image.open(SHIPPED / name) as picture:
            assert picture.format == "PNG"
