"""Reviewed pictures, mixed with the original set: what is read, refused, shown and compared."""

import dataclasses
import json
import shutil
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ml import (
    architectures,
    compare,
    data,
    evaluate,
    export,
    jpeg,
    manifest,
    recipes,
    reviewed,
    runs,
    runtime,
    train,
    weights,
)
from ml.batches import AugmentedBatches
from ml.runtime import Runtime
from tests.ml.conftest import coloured

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


def test_the_share_that_was_kept_aside_is_the_one_that_the_export_tells(tiny_npz, tmp_path):
    path = write_export(tmp_path / "told.zip", coloured(10, seed=5))
    assert data.load(path, tiny_npz).reviewed_aside == 0
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("dataset.json", '{"format": 1, "validation": 0.2}')
    assert data.load(path, tiny_npz).reviewed_aside == 0.2


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
    batches = AugmentedBatches({**recipe, "reviewed_share": 0.5}, mixed)
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
    batches = AugmentedBatches({**recipe, "reviewed_share": 0.01}, mixed)
    assert sorted(batches.order.tolist()) == list(range(220))


@pytest.mark.parametrize("mirror", [True, False])
def test_fine_tuning_mirrors_where_the_model_that_it_begins_with_was_mirrored(
    model_folder, tmp_path, mirror
):
    begun = shutil.copytree(model_folder, tmp_path / "model")
    about = json.loads((begun / manifest.MANIFEST).read_text())
    about["recipe"]["augment"]["mirror"] = mirror
    (begun / manifest.MANIFEST).write_text(json.dumps(about))
    made = train.complete({**recipes.read("fine_tune"), "from": str(begun)})
    assert made["augment"]["mirror"] is mirror
    assert made["augment"]["shift"] == recipes.read("fine_tune")["augment"]["shift"]


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
def fine_tuned(export_zip, tiny_npz, model_folder, tmp_path_factory) -> tuple[Path, list]:
    """The run of the command, from the tiny model; and the commands that it ends with, unrun."""
    place, commands = tmp_path_factory.mktemp("fine"), []
    words = ["ml.train", "fine_tune", "--data", str(export_zip), "--original", str(tiny_npz)]
    words += ["--from", str(model_folder), "--epochs", "3"]
    words += ["--runs", str(place / "runs"), "--to", str(place / "models")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(train, "_run", lambda *words: commands.append(words))
        train.main()
    return place / "runs" / "fine_tune", commands


def test_it_ends_with_a_model_that_is_measured_and_compared_on_the_same_pictures(
    fine_tuned, export_zip, tiny_npz, model_folder
):
    run, commands = fine_tuned
    same = ("--data", str(export_zip), "--original", str(tiny_npz))
    folder = str(run.parent.parent / "models" / "fine_tune")
    assert [words[0] for words in commands] == ["ml.export", "ml.evaluate", "ml.evaluate"]
    for words in commands:
        assert " ".join(same) in " ".join(words)
    assert commands[2][1:] == (folder, "--against", str(model_folder), *same)


def test_a_fine_tuned_model_says_what_it_is_made_of(fine_tuned, mixed, model_folder, tmp_path):
    run, _commands = fine_tuned
    folder = export.export(run, mixed, tmp_path)
    described = manifest.read(folder)
    assert described.data_sha256 == mixed.sha256
    assert described.recipe["from"] == str(model_folder)
    assert described.recipe["reviewed_share"] == 0.25
    about = manifest.read_card(folder)["data"]
    assert about["reviewed"] == {"train": 40, "validation": 10}
    assert about["reviewed_aside"] == mixed.reviewed_aside
    assert about["name"] == "CIFAR-10-reviewed"
    assert Runtime.load(folder).digest != manifest.read(model_folder).digest


def test_it_begins_where_the_model_was_and_learns(fine_tuned, model_folder):
    run, _commands = fine_tuned
    losses = [row["loss"] for row in runs.history(run)]
    assert len(losses) == 3 and losses[-1] < losses[0]
    before = architectures.build("cifar10_improved")
    weights.load(before, model_folder)
    kernel = before.layers[2].get_weights()[0]
    moved = np.abs(runs.network(run).layers[2].get_weights()[0] - kernel).max()
    assert 0 < moved < 0.1


def test_a_comparison_is_printed_for_the_test_set_and_the_reviewed_pictures(
    export_zip, tiny_npz, model_folder, monkeypatch, capsys
):
    words = ["ml.evaluate", str(model_folder), "--against", str(model_folder)]
    words += ["--data", str(export_zip), "--original", str(tiny_npz)]
    monkeypatch.setattr(sys, "argv", words)
    evaluate.main()
    said = capsys.readouterr().out
    assert "test, 60 pictures" in said and "reviewed, kept aside, 10 pictures" in said
    assert said.count("right alone: 0 against 0; McNemar's p = 1") == 2


def test_a_choice_is_compared_on_the_validation_split_where_that_is_asked_for(mixed, tiny):
    truth = tiny.validation.y.tolist()
    asked = compare.compare(Sure(truth * 3), Sure(truth * 3), mixed, "validation")
    assert {name: told.first["n"] for name, told in asked.items()} == {
        "validation": 20,
        "reviewed, kept aside": 10,
    }
    assert asked["validation"].first["accuracy"] == 1


@pytest.mark.parametrize("more", [["--write"], ["another"]])
def test_a_comparison_of_two_writes_nothing_and_has_no_third(monkeypatch, capsys, more):
    monkeypatch.setattr(sys, "argv", ["evaluate", "one", *more, "--against", "other"])
    with pytest.raises(SystemExit) as stopped:
        evaluate.main()
    assert stopped.value.code == 2 and "writes nothing" in capsys.readouterr().err


class Sure:
    """A runtime of made-up answers; the real one is compared above."""

    def __init__(self, answers: list[int]) -> None:
        self.classes, self.folder = data.CIFAR10_CLASSES, Path("made-up")
        self.chances = np.eye(10, dtype=np.float32)[answers]

    def predict(self, x: np.ndarray) -> runtime.Answers:
        return runtime.Answers(self.chances[: len(x)], np.zeros(len(x), np.float32))


def test_a_comparison_counts_what_each_names_right_alone(tiny):
    truth = tiny.test.y.tolist()
    first = [(y + 1) % 10 if i < 3 else y for i, y in enumerate(truth)]
    second = [(y + 1) % 10 if i < 12 else y for i, y in enumerate(truth)]
    told = compare.compare(Sure(first), Sure(second), tiny)["test"]
    assert (told.first_only, told.second_only) == (9, 0)
    assert told.p == pytest.approx(2 / 512)
    assert (told.first["accuracy"], told.second["accuracy"]) == (0.95, 0.8)


def test_models_of_other_classes_are_not_compared(tiny):
    swapped = dataclasses.replace(tiny, classes=tiny.classes[::-1])
    with pytest.raises(ValueError, match="other classes"):
        compare.compare(Sure([0] * 60), Sure([0] * 60), swapped)


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
