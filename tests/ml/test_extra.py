"""Pictures from elsewhere teach, and are otherwise in nobody's way."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest

from ml import data, evaluate, export, extra, manifest, recipes, runs, train
from ml.batches import AugmentedBatches
from ml.runtime import Runtime
from tests.ml.conftest import coloured
from tests.ml.test_train import refusal

CLASSES = data.CIFAR10_CLASSES

TEACHER = {"teacher": "airbench94", "share": 0.7, "temperature": 1.0}


def kept(path, **changed):
    """A file of twenty pictures, otherwise than it should be where something is `changed`."""
    part = coloured(20, seed=9)
    np.savez(path, **{"x": part.x, "y": part.y, "name": "Elsewhere", **changed})
    return path


@pytest.fixture
def more(tmp_path):
    return extra.read(kept(tmp_path / "more.npz"))


def test_they_are_shown_with_the_set_s_own_and_each_once_an_epoch(recipe, tiny, more):
    batches = AugmentedBatches({**recipe, "batch": 10}, tiny, more)
    shown = np.concatenate([batches.chosen(i) for i in range(len(batches))])
    assert sorted(shown) == list(range(len(tiny.train) + 20))
    assert (batches.train.x[-20:] == more.pictures.x).all()


def test_a_recipe_that_shows_hard_pictures_first_has_them_among_those(recipe, tiny, more):
    pruned = {**recipe, "batch": 10, "pruning": {"keep": 0.5, "until": 1.0}}
    batches = AugmentedBatches(pruned, tiny, more)
    everything = np.arange(len(tiny.train) + 20)
    batches.pruning.see(everything, (everything >= len(tiny.train)).astype(np.float32))
    batches.start(0)
    shown = np.concatenate([batches.chosen(i) for i in range(len(batches))])
    assert len(shown) == 100 and set(everything[-20:]) <= set(shown)


def test_their_labels_are_theirs(recipe, tiny, more):
    batches = AugmentedBatches(recipe, tiny, more)
    assert (batches.train.y[-20:] == more.pictures.y).all()
    for index in range(len(batches)):
        _x, y, *_weights = batches[index]
        own = batches.train.y[batches.chosen(index)]
        assert (y.argmax(axis=1) == own).all()


def test_without_them_an_epoch_shows_the_set_in_the_order_of_its_seed(recipe, tiny):
    batches = AugmentedBatches({**recipe, "batch": 10}, tiny)
    shown = np.concatenate([batches.chosen(i) for i in range(len(batches))])
    order = np.random.default_rng((recipe["seed"], 0)).permutation(len(tiny.train))
    assert (shown == order).all()


def labels_of(recipe, tiny, more):
    """Of an epoch with a teacher: which pictures are from elsewhere, and labels with and without
    its word."""
    taught = AugmentedBatches({**recipe, "distillation": TEACHER}, tiny, more)
    alone = AugmentedBatches(recipe, tiny, more)
    for index in range(len(taught)):
        yield taught.chosen(index) >= len(tiny.train), taught[index][1], alone[index][1]


def test_a_teacher_has_no_word_on_them_and_still_one_on_the_others(recipe, tiny, more):
    met = 0
    for elsewhere, heard, truth in labels_of(recipe, tiny, more):
        met += elsewhere.sum()
        assert heard[elsewhere] == pytest.approx(truth[elsewhere], abs=1e-6)
        assert (np.abs(heard - truth).max(axis=1)[~elsewhere] > 1e-3).all()
    assert met > 10


def test_nor_has_it_one_on_a_mixture_that_one_of_them_is_in(recipe, tiny, more):
    mixing = {**recipe, "augment": {**recipe["augment"], "cutmix_share": 1.0}}
    silent = spoken = 0
    for elsewhere, heard, truth in labels_of(mixing, tiny, more):
        same = np.abs(heard - truth).max(axis=1) < 1e-6
        assert same[elsewhere].all()
        silent += int(same[~elsewhere].sum())
        spoken += int((~same).sum())
    assert silent > 0, "no picture of the set had a partner from elsewhere"
    assert spoken > 100


def test_they_are_not_mixed_with_reviewed_pictures(recipe, tiny, more):
    reviewed = dataclasses.replace(tiny, reviewed={"train": 5})
    with pytest.raises(ValueError, match="reviewed"):
        AugmentedBatches(recipe, reviewed, more)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": np.zeros((20, 64, 64, 3), np.uint8)}, r"x is \(20, 64, 64, 3\) uint8"),
        ({"y": np.full(20, 10)}, "y holds the label 10; they go from 0 to 9"),
        ({"y": np.zeros(19, np.uint8)}, r"y is \(19,\) uint8; a label is"),
        ({"x": np.zeros((0, 32, 32, 3), np.uint8), "y": np.zeros(0, int)}, "x has 0 pictures"),
    ],
)
def test_what_is_no_picture_or_no_class_is_refused(changed, said, tmp_path):
    with pytest.raises(ValueError, match=f"more.npz: {said}"):
        extra.read(kept(tmp_path / "more.npz", **changed))


def test_a_file_that_is_something_else_is_refused_by_name(tmp_path, tiny_npz):
    (tmp_path / "odd.npz").write_bytes(b"hello")
    for path in (tmp_path / "odd.npz", tiny_npz):
        with pytest.raises(ValueError, match=rf"{path.name} is no \.npz with x, y and name"):
            extra.read(path)


@pytest.mark.parametrize("ids", [["otter", "seal"], [c["id"] for c in CLASSES[::-1]]])
def test_pictures_of_other_classes_are_refused_and_so_is_another_order(ids, tmp_path):
    labels = np.arange(20) % len(ids)
    other = extra.read(kept(tmp_path / "more.npz", y=labels, classes=ids))
    with pytest.raises(ValueError, match="mine knows other classes than the pictures of Elsewhere"):
        other.check_classes(CLASSES, "mine")


def test_a_file_that_names_no_classes_is_of_cifar_10_s_and_no_folder_s(tmp_path):
    own = [{"id": f"own-{i}"} for i in range(12)]
    unnamed = extra.read(kept(tmp_path / "more.npz"))
    unnamed.check_classes(CLASSES, "mine")
    with pytest.raises(ValueError, match="other classes"):
        unnamed.check_classes(own, "mine")
    named = kept(tmp_path / "own.npz", classes=[c["id"] for c in own])
    extra.read(named).check_classes(own, "mine")


@pytest.mark.parametrize("module", [train, evaluate])
def test_the_commands_refuse_pictures_of_other_classes(
    module, tiny_npz, tmp_path, monkeypatch, capsys
):
    odd = kept(tmp_path / "odd.npz", y=np.arange(20) % 2, classes=["otter", "seal"])
    words = {
        train: ["cifar10_plain", "--data", str(tiny_npz), "--runs", str(tmp_path / "runs")],
        evaluate: ["ml/models/airbench94"],
    }[module]
    assert refusal(module, monkeypatch, *words, "--extra", str(odd)) == 2
    assert "knows other classes than the pictures of Elsewhere show" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_recipe_that_was_made_for_some_says_which_and_how_to_name_them(more):
    extra.check({"extra": "Elsewhere"}, more)
    extra.check({}, more)
    extra.check({}, None)
    with pytest.raises(ValueError, match=r"pictures of Elsewhere .* by --extra"):
        extra.check({"extra": "Elsewhere"}, None)
    with pytest.raises(ValueError, match="pictures of Nowhere, and these are of Elsewhere"):
        extra.check({"extra": "Nowhere"}, more)


@pytest.fixture(scope="module")
def trained(recipe, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extra")
    more = extra.read(kept(folder / "more.npz"))
    train.train({**recipe, "epochs": 1}, tiny, folder / "run", more)
    return folder / "run", more


@pytest.mark.slow
def test_a_run_and_its_model_say_what_else_they_learned_from(trained, tiny, tmp_path):
    run, more = trained
    told = {"name": "Elsewhere", "pictures": 20, "sha256": more.about["sha256"]}
    assert runs.card(run)["extra"] == told
    folder = export.export(run, tiny, tmp_path)
    about = json.loads((folder / manifest.CARD).read_text())["data"]
    assert about["extra"] == told
    assert about["pictures"] == tiny.counts(), "the splits are the set's own"


@pytest.mark.slow
def test_a_model_is_of_the_same_set_with_them_and_without(trained, run, tiny, tmp_path):
    with_them, without = (
        export.export(r, tiny, tmp_path / r.parent.name) for r in (trained[0], run)
    )
    hashes = {manifest.read(folder).data_sha256 for folder in (with_them, without)}
    assert hashes == {tiny.sha256}


@pytest.mark.slow
def test_a_run_does_not_go_on_without_them_or_with_others(trained, recipe, tiny, tmp_path):
    run, more = trained
    others = extra.Extra(
        "Elsewhere", more.classes, data.Labelled(more.pictures.x[:10], more.pictures.y[:10])
    )
    before = (run / runs.RUN).read_bytes()
    for given in (None, others):
        with pytest.raises(ValueError, match="begun with other extra pictures"):
            train.train({**recipe, "epochs": 2}, tiny, run, given)
    assert (run / runs.RUN).read_bytes() == before
    train.train({**recipe, "epochs": 1}, tiny, run, more)


@pytest.mark.slow
def test_a_run_of_before_there_were_any_goes_on_without_and_not_with_some(
    run, recipe, tiny, more, tmp_path
):
    before = shutil.copytree(run, tmp_path / "before")
    about = runs.card(before)
    assert about.pop("extra") == {}
    manifest.write_json(before / runs.RUN, about)
    with pytest.raises(ValueError, match="begun with other extra pictures, or with none"):
        train.train(recipe, tiny, before, more)
    train.train(recipe, tiny, before)
    assert runs.history(before) == runs.history(run)


def test_a_recipe_that_needs_some_is_not_trained_without(tiny_npz, tmp_path, monkeypatch, capsys):
    needing = {**recipes.read("cifar10_plain"), "extra": "Elsewhere"}
    monkeypatch.setattr(recipes, "read", lambda name: needing)
    words = ["cifar10_plain", "--data", str(tiny_npz), "--runs", str(tmp_path)]
    assert refusal(train, monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert "--extra" in error and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_model_is_measured_on_them_alone(tmp_path, monkeypatch, capsys):
    folder, path = manifest.MODELS / "airbench94", kept(tmp_path / "more.npz")
    before = (folder / manifest.CARD).read_bytes()
    words = ["ml.evaluate", str(folder), "--extra", str(path)]
    monkeypatch.setattr(sys, "argv", words)
    evaluate.main()
    runtime, part = Runtime.load(folder), coloured(20, seed=9)
    right = (runtime.predict(part.x).probabilities.argmax(axis=1) == part.y).mean()
    told = capsys.readouterr().out
    assert "on 20 pictures" in told and f"accuracy                        {right:.2%}" in told
    assert (folder / manifest.CARD).read_bytes() == before


def test_a_model_is_not_measured_on_what_it_learned_from(tmp_path, monkeypatch, capsys):
    path = kept(tmp_path / "more.npz")
    folder = shutil.copytree(manifest.MODELS / "airbench94", tmp_path / "model")
    card = manifest.read_card(folder)
    card["data"]["extra"] = extra.read(path).about
    manifest.write_json(folder / manifest.CARD, card)
    assert refusal(evaluate, monkeypatch, str(folder), "--extra", str(path)) == 2
    assert "was trained on these pictures of Elsewhere" in capsys.readouterr().err


ELSE = ["--write", "--against x", "--data x.npz", "--original x.npz", "--split validation"]


@pytest.mark.parametrize("word", [words.split() for words in ELSE])
def test_to_measure_on_them_and_something_else_at_once_is_refused(word, monkeypatch, capsys):
    words = ["ml/models/airbench94", "--extra", "more.npz", *word]
    assert refusal(evaluate, monkeypatch, *words) == 2
    assert "--extra measures on those pictures alone" in capsys.readouterr().err
