"""A model folder says what it is, and what is wrong with it."""

import dataclasses
import json

import pytest

from ml import manifest
from ml.manifest import Manifest, ManifestError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / manifest.WEIGHTS).write_bytes(b"weights")
    described(weights_sha256=manifest.sha256(tmp_path / manifest.WEIGHTS)).write(tmp_path)
    return tmp_path


def described(**fields) -> Manifest:
    return Manifest(
        **{
            "id": "tiny-1",
            "architecture": "cifar10_improved",
            "classes": [{"id": "cat", "uk": "кіт", "en": "cat"}],
            "input_size": 32,
            "preprocessing": "p-1",
            "calibration": {"temperature": 1.5, "power": 1.1},
            "thresholds": {"set": 0.2, "off_topic": -3.0},
            "weights_sha256": "0" * 64,
            "data_sha256": "0" * 64,
            "recipe": {"name": "tiny"},
            "libraries": {"keras": "3"},
            "created": "2026-11-24T00:00:00+00:00",
            **fields,
        }
    )


def rewrite(folder, **fields) -> None:
    path = folder / manifest.MANIFEST
    content = json.loads(path.read_text())
    content.update(fields)
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not ...}))


def test_what_is_written_is_read_back(folder):
    read = manifest.read(folder)
    assert read.id == "tiny-1" and read.classes[0]["uk"] == "кіт"
    manifest.verify(folder, read)


def test_no_partial_file_stays_behind(folder):
    assert {p.name for p in folder.iterdir()} == {manifest.MANIFEST, manifest.WEIGHTS}


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ManifestError, match="nowhere"):
        manifest.read(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_a_manifest_that_is_no_object_is_refused(folder, text):
    (folder / manifest.MANIFEST).write_text(text)
    with pytest.raises(ManifestError):
        manifest.read(folder)


REQUIRED = [f.name for f in dataclasses.fields(Manifest) if f.name not in manifest.OPTIONAL]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named(folder, name):
    rewrite(folder, **{name: ...})
    with pytest.raises(ManifestError, match=name):
        manifest.read(folder)


@pytest.mark.parametrize("name", [*REQUIRED, *manifest.OPTIONAL])
def test_a_field_of_the_wrong_type_is_named(folder, name):
    rewrite(folder, **{name: True})
    with pytest.raises(ManifestError, match=name):
        manifest.read(folder)


def test_an_unknown_field_is_named(folder):
    rewrite(folder, colour="red")
    with pytest.raises(ManifestError, match="colour"):
        manifest.read(folder)


COLD = {"calibration": {"temperature": 0, "power": 1}}
FLAT = {"calibration": {"temperature": 1, "power": -1}}


@pytest.mark.parametrize("fields", [COLD, FLAT, {"input_size": 0}])
def test_numbers_that_make_no_sense_are_refused(folder, fields):
    rewrite(folder, **fields)
    with pytest.raises(ManifestError, match="above zero"):
        manifest.read(folder)


def test_a_calibration_may_have_a_smoothing(folder):
    calibration = {"temperature": 1.0, "power": 1.0, "smoothing": 0.2}
    rewrite(folder, calibration=calibration)
    assert manifest.read(folder).calibration == calibration


@pytest.mark.parametrize("smoothing", [-0.1, 1, 2])
def test_a_smoothing_that_leaves_nothing_is_refused(folder, smoothing):
    rewrite(folder, calibration={"temperature": 1.0, "power": 1.0, "smoothing": smoothing})
    with pytest.raises(ManifestError, match="smoothing must be at least zero and below one"):
        manifest.read(folder)


@pytest.mark.parametrize("name", ["calibration", "thresholds"])
@pytest.mark.parametrize("given", [{}, {"temperature": 1.0}, {"set": "much", "off_topic": 1}])
def test_calibration_and_thresholds_are_two_numbers_each(folder, name, given):
    rewrite(folder, **{name: given})
    with pytest.raises(ManifestError, match=f"{name} holds numbers, .* and "):
        manifest.read(folder)


def test_the_refusal_of_a_calibration_names_all_that_it_may_hold(folder):
    rewrite(folder, calibration={"temperature": 1.0})
    with pytest.raises(ManifestError, match="power and temperature, and may hold smoothing"):
        manifest.read(folder)


@pytest.mark.parametrize("text", ["", "[]", "null"])
def test_a_card_that_is_no_object_is_refused(folder, text):
    (folder / manifest.CARD).write_text(text)
    with pytest.raises(ManifestError, match=r"card\.json"):
        manifest.read_card(folder)


def test_a_model_that_was_not_measured_has_an_empty_card(folder):
    assert manifest.read_card(folder) == {}


@pytest.mark.parametrize(
    "classes",
    [
        [],
        [{"id": "cat"}],
        [{"id": "cat", "uk": "кіт"}],
        [{"id": "cat", "uk": None, "en": "cat"}],
        [{"id": 3, "uk": "кіт", "en": "cat"}],
        ["cat"],
        [0, 1],
        [None],
    ],
)
def test_classes_need_names_in_both_languages(folder, classes):
    rewrite(folder, classes=classes)
    with pytest.raises(ManifestError, match="class"):
        manifest.read(folder)


def test_no_two_classes_have_the_same_id(folder):
    cat = {"id": "cat", "uk": "кіт", "en": "cat"}
    rewrite(folder, classes=[cat, {**cat, "en": "tomcat"}])
    with pytest.raises(ManifestError, match="two classes have the same id"):
        manifest.read(folder)


def test_what_recipes_have_made_beside_the_shipped_models_is_not_shipped(tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / manifest.MANIFEST).write_text("{}")
    monkeypatch.setattr(manifest, "MODELS", tmp_path)
    assert [folder.name for folder in manifest.shipped()] == list(manifest.SHIPPED)


def test_every_model_that_ships_is_there_and_the_default_is_one_of_them():
    assert manifest.DEFAULT in manifest.shipped()
    for folder in manifest.shipped():
        assert manifest.read(folder).id.startswith(f"{folder.name}-")


def test_other_weights_than_the_manifest_names_are_refused(folder):
    (folder / manifest.WEIGHTS).write_bytes(b"others")
    with pytest.raises(ManifestError, match=r"weights\.npz"):
        manifest.verify(folder, manifest.read(folder))


def test_missing_weights_are_refused(folder):
    (folder / manifest.WEIGHTS).unlink()
    with pytest.raises(ManifestError, match=r"weights\.npz"):
        manifest.verify(folder, manifest.read(folder))


def test_measuring_a_model_does_not_make_it_another_one():
    assert described().digest == described(metrics={"test": {"accuracy": 0.9}}).digest


@pytest.mark.parametrize(
    "fields",
    [
        {"weights_sha256": "1" * 64},
        {"calibration": {"temperature": 1.5, "power": 1.2}},
        {"thresholds": {"set": 0.2, "off_topic": -3.1}},
        {"preprocessing": "p-2"},
        {"architecture": "another"},
        {"input_size": 64},
        {"classes": [{"id": "dog", "uk": "собака", "en": "dog"}]},
        {"off_topic_score": "residual"},
    ],
)
def test_whatever_decides_an_answer_makes_it_another_model(fields):
    assert described().digest != described(**fields).digest


def test_an_earlier_release_can_read_what_has_the_score_that_all_had(tmp_path):
    described().write(tmp_path)
    assert "off_topic_score" not in json.loads((tmp_path / manifest.MANIFEST).read_text())
    described(off_topic_score="residual").write(tmp_path)
    assert manifest.read(tmp_path).off_topic_score == "residual"


def test_a_model_that_names_no_off_topic_score_has_the_one_that_all_had(folder):
    before = described(weights_sha256=manifest.sha256(folder / manifest.WEIGHTS))
    rewrite(folder, off_topic_score=...)
    read = manifest.read(folder)
    assert read.off_topic_score == "energy" and read.digest == before.digest
    # As it was when a manifest could not name one.
    assert described().digest.startswith("dbfcf15397b2")


@pytest.mark.parametrize(
    ("given", "said"),
    [("distance", "off_topic_score is energy or residual"), (1, "'off_topic_score' is of the wr")],
)
def test_an_off_topic_score_that_there_is_not_is_refused(folder, given, said):
    rewrite(folder, off_topic_score=given)
    with pytest.raises(ManifestError, match=said):
        manifest.read(folder)


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "card.json"
    manifest.write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), manifest.whole(path) as partial:
        partial.write_text('{"a":')
        1 / 0  # noqa: B018
    assert json.loads(path.read_text()) == {"a": 1}
    with manifest.whole(path) as partial:
        assert partial.suffix == ".json" and partial.parent == tmp_path
        partial.write_text("{}")
        assert json.loads(path.read_text()) == {"a": 1}
    assert path.read_text() == "{}" and list(tmp_path.iterdir()) == [path]
