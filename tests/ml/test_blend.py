"""A run that goes on with a model may be blended with it: real training, in miniature."""

import dataclasses
import shutil

import numpy as np
import pytest

from ml import architectures, export, manifest, runs, train, weights


def blending(recipe, model_folder, share=0.25):
    return {**recipe, "epochs": 1, "from": str(model_folder), "blend": share}


@pytest.fixture(scope="module")
def blended(recipe, tiny, model_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blended") / "it"
    train.train(blending(recipe, model_folder), tiny, folder)
    return folder


def test_a_blend_lies_between_what_the_run_began_with_and_what_it_came_to(blended, model_folder):
    began = architectures.build("cifar10_improved")
    weights.load(began, model_folder)
    ended = runs.network(blended).get_weights()
    for mean, first, last in zip(
        runs.finished(blended).get_weights(), began.get_weights(), ended, strict=True
    ):
        np.testing.assert_allclose(mean, 0.25 * last + 0.75 * first, atol=1e-6)
    assert any((a != b).any() for a, b in zip(began.get_weights(), ended, strict=True))


def test_the_model_that_is_written_is_the_blend(blended, tiny, tmp_path):
    written = architectures.build("cifar10_improved")
    weights.load(written, export.export(blended, tiny, tmp_path))
    for stored, mean in zip(
        written.get_weights(), runs.finished(blended).get_weights(), strict=True
    ):
        np.testing.assert_allclose(stored, mean, rtol=1e-3, atol=1e-6)  # half precision


@pytest.mark.slow
def test_a_resumed_run_is_blended_with_what_it_first_began_with(
    blended, recipe, tiny, model_folder, tmp_path
):
    other = tmp_path / "run"
    train.train(blending(recipe, model_folder), tiny, other)
    before = (other / runs.START).read_bytes()
    train.train({**blending(recipe, model_folder), "epochs": 2}, tiny, other)
    assert len(runs.history(other)) == 2
    assert (other / runs.START).read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"from": ""}, "nothing to blend with"), ({"blend": 1.5}, "at most one"), ({"blend": 0}, "")],
)
def test_a_recipe_that_cannot_be_blended_is_refused_before_it_is_trained(
    recipe, model_folder, changed, said
):
    with pytest.raises(ValueError, match=said or "above zero"):
        train.check_blend({**blending(recipe, model_folder), **changed})
    train.check_blend(recipe)


def test_a_run_that_was_begun_without_it_is_refused_before_it_goes_on(
    run, recipe, tiny, model_folder, tmp_path
):
    begun = shutil.copytree(run, tmp_path / "run")
    started = {**runs.card(run)["recipe"], "from": str(model_folder)}
    manifest.write_json(begun / runs.RUN, {**runs.card(run), "recipe": started, "models": {}})
    before = (begun / runs.RUN).read_bytes()
    about = {**runs.card(run), "recipe": {**started, "blend": 0.5}, "models": {}}
    with pytest.raises(ValueError, match="was begun without blend"):
        runs.begin(begun, about)
    assert (begun / runs.RUN).read_bytes() == before


def test_a_model_of_other_classes_is_not_blended_with(model_folder, tiny):
    train.check_classes(model_folder, tiny)
    other = dataclasses.replace(tiny, classes=tiny.classes[::-1])
    with pytest.raises(ValueError, match="names other classes"):
        train.check_classes(model_folder, other)
