"""A recipe may begin with a file of weights that is no model yet."""

import hashlib
import shutil

import numpy as np
import pytest

from ml import architectures, recipes, runs, train, weights

IDS = ["one", "two", "three"]


@pytest.fixture
def network():
    return architectures.build("airbench94", classes=4)


@pytest.fixture
def file(network, tmp_path):
    path = tmp_path / "start.npz"
    with path.open("wb") as out:
        weights.save_start(network, out)
    return path


def test_another_network_begins_with_all_but_its_last_layer(network, file):
    other = architectures.build("airbench94", classes=3)
    own = other.layers[-2].get_weights()
    weights.start_from(other, file, IDS)
    for mine, theirs in zip(other.layers[:-2], network.layers[:-2], strict=True):
        for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
            assert (a == b).all()
    assert (other.layers[-2].get_weights()[0] == own[0]).all()


def test_another_architecture_is_refused(file):
    with pytest.raises(ValueError, match=r"start\.npz holds airbench94, and the recipe airbench96"):
        weights.start_from(architectures.build("airbench96"), file, IDS)


def drop_the_last(arrays):
    arrays.pop(list(arrays)[-1])


def drop_the_name(arrays):
    arrays.pop("architecture")


def spoil_a_shape(arrays):
    last = list(arrays)[-1]
    arrays[last] = arrays[last][..., :3]


@pytest.mark.parametrize("damage", [drop_the_last, drop_the_name, spoil_a_shape])
def test_a_file_that_lacks_something_is_refused_and_nothing_is_begun(file, damage):
    arrays = dict(np.load(file))
    damage(arrays)
    np.savez(file, **arrays)
    other = architectures.build("airbench94", classes=3)
    before = [w.copy() for w in other.get_weights()]
    with pytest.raises(ValueError, match=r"start\.npz holds no weights to begin with"):
        weights.start_from(other, file, IDS)
    assert all((a == b).all() for a, b in zip(before, other.get_weights(), strict=True))


@pytest.mark.parametrize("keep", [0, 20, 5000])
def test_a_file_that_is_cut_short_is_refused(network, file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"start\.npz holds no weights to begin with"):
        weights.start_from(network, file, IDS)


def test_a_file_of_one_array_is_refused(network, tmp_path):
    np.save(tmp_path / "start.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"start\.npy holds no weights to begin with"):
        weights.start_from(network, tmp_path / "start.npy", IDS)


def test_a_recipe_names_it_by_its_hash(file):
    known = recipes.models({"from": str(file)})
    assert known == {str(file): hashlib.sha256(file.read_bytes()).hexdigest()}


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no .*gone\.npz to begin with"):
        recipes.models({"from": str(tmp_path / "gone.npz")})


def test_what_needs_a_whole_model_refuses_it_in_one_line(file):
    with pytest.raises(ValueError, match=r"goes on with a model, and .*start\.npz is a file"):
        train.complete({"from": str(file)})
    with pytest.raises(ValueError, match=r"blend: .*start\.npz is a file of weights"):
        train.check_blend({"from": str(file), "blend": 0.5})


@pytest.mark.slow
def test_a_run_begins_with_it_and_goes_on_when_it_is_gone(recipe, tiny, tmp_path):
    first = train.train({**recipe, "epochs": 1}, tiny, tmp_path / "first")
    path = tmp_path / "start.npz"
    with path.open("wb") as out:
        weights.save_start(first, out)
    on = {**recipe, "from": str(path), "epochs": 1}
    train.train(on, tiny, tmp_path / "second")
    assert list(runs.card(tmp_path / "second")["models"]) == [str(path)]
    shutil.move(path, tmp_path / "elsewhere.npz")
    train.train({**on, "epochs": 2}, tiny, tmp_path / "second")
    assert len(runs.history(tmp_path / "second")) == 2
