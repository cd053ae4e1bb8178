"""Reviewed pictures, mixed with the original set: what is read, refused, shown and compared."""

import dataclasses
import json
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ml import compare, data, jpeg, manifest, recipes, reviewed, runs, train
from ml.runtime import Runtime
from tests.ml.conftest import coloured
from tests.ml.test_train import ROOT

IDS = [c["id"] for c in data.CIFAR10_CLASSES]


def write_export(path: Path, pictures: data.Labelled, **changed: str) -> Path:
    """A data set as `manage.py export_dataset` writes it; every fifth picture is for validation.
    tests/live/ trains on a real one."""
    with zipfile.ZipFile(path, "w") as archive:
        lines = []
        for i, (pixels, label) in enumerate(zip(pictures.x, pictures.y, strict=True)):
            split = "validation" if i % 5 == 0 else "train"
            line = {"file": f"{split}/{IDS[label]}/{i}.jpg", "label": IDS[label], "split": split}
            archive.writestr(line["file"], jpeg.encoded(pixels, 95))
            lines.append({**line, **(changed if i == 1 else {})})
        lines.append({"file": "none/0.jpg", "label": "", "split": "none"})
        archive.writestr("labels.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.fixture(scope="session")
def export_zip(tmp_path_factory) -> Path:
    """Fifty pictures, darker than what the tiny model was trained on."""
    live = coloured(50, seed=5)
    dark = data.Labelled((live.x * 0.4).astype(np.uint8), live.y)
    return write_export(tmp_path_factory.mktemp("export") / "set.zip", dark)


@pytest.fixture(scope="session")
def mixed(export_zip: Path, tiny_npz: Path) -> data.Dataset:
    return data.load(export_zip, tiny_npz)


def test_reviewed_pictures_stand_at_the_end_of_the_original_splits(mixed, tiny):
    assert mixed.counts() == {"train": 220, "validation": 30, "test": 60}
    assert mixed.reviewed == {"train": 40, "validation": 10}
    assert (mixed.train.x[:180] == tiny.train.x).all() and (mixed.test.x == tiny.test.x).all()
    assert mixed.classes == tiny.classes and mixed.train.y.dtype == tiny.train.y.dtype
    assert mixed.train.x[180:].mean() < 0.6 * tiny.train.x.mean()
    aside = reviewed.kept_aside(mixed)
    assert len(aside) == 10 and Counter(aside.y.tolist()) == {0: 5, 5: 5}
    assert len(reviewed.kept_aside(tiny)) == 0


def test_another_export_is_another_data_set(mixed, tiny, tiny_npz, tmp_path):
    other = write_export(tmp_path / "set.zip", coloured(50, seed=6))
    assert len({mixed.sha256, tiny.sha256, data.load(other, tiny_npz).sha256}) == 3


def test_it_is_read_unpacked_too(export_zip, tiny_npz, tmp_path, mixed):
    with zipfile.ZipFile(export_zip) as archive:
        (tmp_path / "none").mkdir()
        archive.extractall(tmp_path)
    assert data.load(tmp_path, tiny_npz).sha256 == mixed.sha256


def test_an_npz_and_a_folder_of_classes_are_no_exports(tiny_npz, tmp_path):
    assert not reviewed.is_export(tiny_npz) and not reviewed.is_export(tmp_path)
    with pytest.raises(ValueError, match="no data set of reviewed pictures"):
        data.load(tiny_npz, tiny_npz)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "house"}, "'house', which the original set does not know"),
        ({"file": "train/cat/nowhere.jpg"}, r"lacks train/cat/nowhere\.jpg"),
        ({"file": "labels.jsonl"}, r"labels\.jsonl is damaged or no JPEG"),
    ],
)
def test_what_is_wrong_with_it_is_said_by_name(tiny_npz, tmp_path, changed, said):
    path = write_export(tmp_path / "set.zip", coloured(10, seed=5), **changed)
    with pytest.raises(ValueError, match=said):
        data.load(path, tiny_npz)


def test_a_line_that_is_none_is_said_by_its_number(export_zip, tiny_npz, tmp_path):
    with zipfile.ZipFile(export_zip) as archive:
        archive.extractall(tmp_path)
    lines = tmp_path / "labels.jsonl"
    lines.write_text(lines.read_text().splitlines()[0] + "\n{}\n")
    with pytest.raises(ValueError, match="line 2"):
        data.load(tmp_path, tiny_npz)


def test_a_file_outside_the_folder_is_not_read(export_zip, tiny_npz, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "outside.jpg").write_bytes(jpeg.encoded(coloured(1, seed=1).x[0], 95))
    line = {"file": "../outside.jpg", "label": "cat", "split": "train"}
    (tmp_path / "set" / "labels.jsonl").write_text(json.dumps(line))
    with pytest.raises(ValueError, match="lacks"):
        data.load(tmp_path / "set", tiny_npz)


def test_one_without_a_picture_to_train_on_is_refused(tiny_npz, tmp_path):
    path = write_export(tmp_path / "set.zip", coloured(1, seed=5))
    with pytest.raises(ValueError, match="no picture to train on"):
        data.load(path, tiny_npz)


def test_an_epoch_shows_every_reviewed_picture_and_other_originals_each_time(mixed, recipe):
    batches = train.AugmentedBatches({**recipe, "reviewed_share": 0.5}, mixed)
    shown = []
    for epoch in (0, 1):
        batches.start(epoch)
        order = batches.order.tolist()
        assert len(order) == len(set(order)) == 80
        assert set(range(180, 220)) <= set(order)
        shown.append({i for i in order if i < 180})
    assert shown[0] != shown[1] and len(batches) == 80 // batches.batch
    batches.start(0)
    assert {i for i in batches.order.tolist() if i < 180} == shown[0]


def test_no_epoch_asks_for_more_originals_than_there_are(mixed, recipe):
    batches = train.AugmentedBatches({**recipe, "reviewed_share": 0.01}, mixed)
    assert sorted(batches.order.tolist()) == list(range(220))


def test_fine_tuning_takes_the_network_of_the_model_it_begins_with(model_folder):
    recipe = {**recipes.read("fine_tune"), "from": str(model_folder)}
    made = train.complete(recipe)
    described = manifest.read(model_folder)
    assert made["architecture"] == described.architecture == "cifar10_improved"
    assert made["options"] == described.recipe["options"]
    with pytest.raises(ValueError, match="--from"):
        train.complete({**recipe, "from": ""})
    whole = recipes.read("cifar10_improved")
    assert train.complete(whole) is whole


@pytest.fixture(scope="session")
def fine_tuned(export_zip, tiny_npz, model_folder, tmp_path_factory) -> tuple[Path, str]:
    """By the command, from the tiny model: the new folder, and what was said."""
    place = tmp_path_factory.mktemp("fine")
    command = [sys.executable, "-m", "ml.train", "fine_tune", "--data", str(export_zip)]
    command += ["--original", str(tiny_npz), "--from", str(model_folder), "--epochs", "8"]
    command += ["--runs", str(place / "runs"), "--to", str(place / "models")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return place / "models" / "fine_tune", done.stdout


def test_a_fine_tuned_model_serves_and_says_what_it_is_made_of(fine_tuned, mixed, model_folder):
    folder, said = fine_tuned
    described = manifest.read(folder)
    assert described.data_sha256 == mixed.sha256
    assert described.recipe["from"] == str(model_folder)
    about = manifest.read_card(folder)["data"]
    assert about["reviewed"] == {"train": 40, "validation": 10}
    assert about["name"] == "CIFAR-10-reviewed"
    assert described.metrics["test"]["n"] == 60
    assert "reviewed, kept aside, 10 pictures" in said and "McNemar's p" in said


def test_it_has_learned_the_reviewed_kind_and_kept_the_old_one(fine_tuned, mixed, model_folder):
    folder, _said = fine_tuned
    new, old = Runtime.load(folder), Runtime.load(model_folder)
    found = compare.compare(new, old, mixed)
    assert set(found) == {"test", "reviewed, kept aside"}
    dark = coloured(200, seed=77)
    dark = data.Labelled((dark.x * 0.4).astype(np.uint8), dark.y)
    fresh = compare.compare(new, old, dataclasses.replace(mixed, test=dark))["test"]
    assert fresh.first["accuracy"] > fresh.second["accuracy"] + 0.1
    assert found["test"].first["accuracy"] > found["test"].second["accuracy"] - 0.1


def test_a_comparison_counts_what_each_names_right_alone(model_folder, tiny, tmp_path):
    other = shutil.copytree(model_folder, tmp_path / "other")
    runtime = Runtime.load(model_folder)
    told = compare.compare(runtime, Runtime.load(other), tiny)["test"]
    assert (told.first, told.first_only, told.second_only, told.p) == (told.second, 0, 0, 1)
    swapped = [*tiny.classes[::-1]]
    with pytest.raises(ValueError, match="other classes"):
        compare.compare(runtime, runtime, dataclasses.replace(tiny, classes=tuple(swapped)))


@pytest.mark.parametrize(
    ("first", "second", "p"), [(0, 0, 1), (5, 5, 1), (10, 0, 2 / 1024), (1, 9, 22 / 1024)]
)
def test_mcnemar_is_the_exact_binomial_test(first, second, p):
    assert compare.mcnemar(first, second) == pytest.approx(p) == compare.mcnemar(second, first)
    assert compare.mcnemar(1200, 1000) == pytest.approx(2.2e-5, rel=0.1)


def test_a_mixed_run_is_resumed_only_with_the_same_reviews(mixed, tiny, tmp_path, recipe):
    about = {"recipe": recipe, "data_sha256": mixed.sha256, "steps": 1}
    runs.begin(tmp_path / "run", about)
    with pytest.raises(ValueError, match="other pictures"):
        runs.begin(tmp_path / "run", {**about, "data_sha256": tiny.sha256})
