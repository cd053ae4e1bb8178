"""A run goes on as what it was begun as, or it says what is another now and stays as it is."""

import dataclasses
import shutil

import pytest

from ml import data, export, manifest, runs, train


@pytest.fixture
def begun(run, tmp_path):
    """A finished run, to be gone on with."""
    return shutil.copytree(run, tmp_path / "run")


def changed(recipe: dict, place: str, value: object) -> dict:
    table, _, name = place.rpartition(".")
    return {**recipe, **({table: {**recipe[table], name: value}} if table else {name: value})}


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (
            "architecture",
            "airbench94",
            "with architecture 'cifar10_improved', and not 'airbench94'",
        ),
        ("options", {}, "with options"),
        ("batch", 40, "with batch 20, and not 40"),
        ("seed", 99, "with seed"),
        ("precision", "mixed_bfloat16", "with precision 'float32', and not 'mixed_bfloat16'"),
        ("loss.label_smoothing", 0.5, "with loss"),
        ("optimizer.name", "sgd", r"with \[optimizer\] name 'adamw', and not 'sgd'"),
        ("optimizer.weight_decay", 0.7, r"with \[optimizer\] weight_decay"),
    ],
)
def test_what_the_checkpoint_holds_cannot_be_changed_on_the_way(
    begun, recipe, tiny, place, value, said
):
    before = (begun / runs.RUN).read_bytes()
    with pytest.raises(ValueError, match=said):
        train.train(changed(recipe, place, value), tiny, begun)
    assert (begun / runs.RUN).read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "value"),
    [("epochs", 1), ("optimizer.peak_learning_rate", 1e-5), ("augment.cutout", 2)],
)
def test_what_it_reads_from_the_recipe_each_time_can(begun, recipe, tiny, place, value):
    train.train(changed(recipe, place, value), tiny, begun)
    assert runs.card(begun)["recipe"] == changed(recipe, place, value)


@pytest.mark.slow
def test_defaults_that_are_written_out_are_no_change(begun, recipe, tiny):
    train.train({**recipe, "precision": "float32", "from": ""}, tiny, begun)


@pytest.mark.slow
def test_a_run_of_before_whose_labels_and_models_were_not_written_down_goes_on(begun, recipe, tiny):
    about = runs.card(begun)
    del about["labels_sha256"], about["models"]
    manifest.write_json(begun / runs.RUN, about)
    train.train(recipe, tiny, begun)
    assert runs.card(begun)["labels_sha256"] == tiny.labels_sha256


def relabelled(dataset):
    y = dataset.train.y.copy()
    y[0] = (y[0] + 1) % 10
    return dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, y=y))


def test_other_labels_for_the_same_pictures_are_no_more_gone_on_with_than_others(
    begun, recipe, tiny, tmp_path
):
    other = relabelled(tiny)
    assert other.sha256 == tiny.sha256
    with pytest.raises(ValueError, match="begun with other labels"):
        train.train(recipe, other, begun)
    with pytest.raises(ValueError, match="trained with other labels"):
        export.export(begun, other, tmp_path)


def test_a_run_is_not_gone_on_with_when_its_models_have_become_others(
    begun, recipe, tiny, model_folder, tmp_path
):
    teacher = shutil.copytree(model_folder, tmp_path / "teacher")
    taught = {"teacher": str(teacher), "share": 0.5, "temperature": 1.0}
    about = {**runs.card(begun), "models": {str(teacher): "0" * 64}}
    manifest.write_json(begun / runs.RUN, about)
    with pytest.raises(ValueError, match="begun with other models"):
        train.train({**recipe, "distillation": taught}, tiny, begun)


@pytest.mark.slow
def test_the_same_models_may_be_named_otherwise_and_the_first_one_be_gone(
    begun, recipe, tiny, model_folder, tmp_path
):
    teacher = shutil.copytree(model_folder, tmp_path / "teacher")
    known = {"gone": "1" * 64, "at home": manifest.read(teacher).digest}
    manifest.write_json(begun / runs.RUN, {**runs.card(begun), "models": known})
    taught = {"teacher": str(teacher), "share": 0.5, "temperature": 1.0}
    train.train({**recipe, "from": str(tmp_path / "gone"), "distillation": taught}, tiny, begun)
    assert runs.card(begun)["models"] == known


def test_a_run_that_goes_on_keeps_what_it_was_begun_with(begun, recipe):
    about = runs.card(begun)
    manifest.write_json(begun / runs.RUN, {**about, "recipe": {**recipe, "from": "the first"}})
    runs.begin(begun, {**about, "recipe": {**recipe, "from": "another", "epochs": 9}})
    assert runs.card(begun)["recipe"] == {**recipe, "from": "the first", "epochs": 9}


def test_it_is_compared_with_that_where_it_is_still_there(begun, recipe, model_folder):
    about = runs.card(begun)
    for named, found in (
        (str(model_folder), str(model_folder)),
        ("airbench94", str(manifest.MODELS / "airbench94")),
        ("airbench96_short", ""),  # a recipe is still to make it
        (str(begun / "gone"), ""),
        ("", ""),
    ):
        manifest.write_json(begun / runs.RUN, {**about, "recipe": {**recipe, "from": named}})
        assert train._began_with(begun) == found


@pytest.mark.slow
def test_a_card_names_the_very_models_that_the_run_began_with(recipe, tiny, model_folder, tmp_path):
    on = {**recipe, "epochs": 1, "from": str(model_folder)}
    train.train(on, tiny, tmp_path / "runs" / "on")
    card = manifest.read_card(export.export(tmp_path / "runs" / "on", tiny, tmp_path))
    assert card["models"] == {str(model_folder): manifest.read(model_folder).digest}


def test_fewer_pictures_than_a_batch_are_refused_before_a_run_is_begun(recipe, tiny, tmp_path):
    few = dataclasses.replace(tiny, train=data.Labelled(tiny.train.x[:7], tiny.train.y[:7]))
    with pytest.raises(ValueError, match="one batch of 8; there are 7 to learn from"):
        train.train(recipe, few, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_option_that_the_network_does_not_take_is_told_by_its_name(recipe, tiny, tmp_path):
    odd = {**recipe, "options": {"conv_dropuot": 0.1}}
    with pytest.raises(ValueError, match=r"\[options\]: cifar10_improved .*conv_dropuot"):
        train.train(odd, tiny, tmp_path / "run")
    assert not runs.is_begun(tmp_path / "run")


@pytest.mark.slow
def test_a_resumed_run_still_lets_adamw_decay_kernels_only(begun, recipe, tiny):
    model = train.train(recipe, tiny, begun)
    decayed = {v.name: model.optimizer._use_weight_decay(v) for v in model.trainable_variables}
    assert {name for name, decays in decayed.items() if decays} == {"kernel"}
    assert {"gamma", "beta", "bias"} <= {name for name, decays in decayed.items() if not decays}
