"""A recipe that cannot be meant is refused when it is read, in one line that names the place."""

import copy

import pytest

from ml import recipes
from ml.recipes.checks import check

SHIPPED = sorted(path.stem for path in recipes.FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_each_recipe_that_ships_can_be_read(name):
    assert recipes.read(name)["epochs"] >= 1


@pytest.fixture
def full():
    """A recipe that says all that one can say."""
    recipe = recipes.read("airbench96")
    more = {"resizing": {"side": 24, "until": 0.5}, "averaging": {"after": 0.5}}
    recipe = copy.deepcopy({**recipe, "reviewed_share": 0.25, **more})
    recipe["augment"]["mirror"] = False
    check(recipe)
    return recipe


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("seed", -1, "seed is a whole number, 0 at least, and not -1"),
        ("epochs", 0, "epochs is a whole number, 1 at least, and not 0"),
        ("epochs", 2.5, "epochs is a whole number"),
        ("epochs", True, "epochs is a whole number"),
        ("batch", "64", "batch is a whole number, 1 at least, and not '64'"),
        ("blend", 1.2, "blend is above 0 and at most 1"),
        ("precision", "half", "precision is float32 or mixed_bfloat16"),
        ("precision", "mixed_float16", "precision is float32 or mixed_bfloat16"),
        ("architecture", 96, "architecture is a name"),
        ("teachers", "me", "teachers is not known; known: architecture, augment, averaging"),
        ("optimizer", "sgd", r"\[optimizer\] is a table"),
        ("options", 3, r"\[options\] is a table"),
        ("optimizer.name", "adam", r"\[optimizer\] name is adamw or sgd, and not 'adam'"),
        ("optimizer.peak_learning_rate", 0, "peak_learning_rate is a number above 0"),
        ("optimizer.peak_learning_rate", "high", "peak_learning_rate is a number above 0"),
        ("optimizer.shape", "step", "shape is cosine or linear"),
        ("optimizer.lookahead", 1.0, "lookahead is at least 0 and below 1"),
        ("optimizer.nesterov", True, r"\[optimizer\] nesterov is not known; known: decay_epochs"),
        ("loss.label_smoothing", 1, "label_smoothing is at least 0 and below 1"),
        ("augment.jpeg_share", 75, "jpeg_share is from 0 to 1"),
        ("augment.jpeg_quality", [95, 60], "jpeg_quality is two whole numbers from 1 to 100"),
        ("augment.jpeg_quality", [0.6, 0.95], "jpeg_quality is two whole numbers"),
        ("augment.jpeg_quality", 75, "jpeg_quality is two whole numbers"),
        ("augment.zoom", [0, 1], "zoom is two sides"),
        ("augment.shift", 0.1, "shift is a whole number"),
        ("augment.mirror", "no", "mirror is true or false"),
        ("augment.cutmix_share", 1.5, "cutmix_share is from 0 to 1"),
        ("augment.jpeg_frist", True, r"\[augment\] jpeg_frist is not known"),
        ("distillation.teacher", [1], "teacher is a name or a list of names"),
        ("distillation.share", 0, "share is above 0 and at most 1"),
        ("pruning.keep", 0, "keep is above 0 and at most 1"),
        ("resizing.side", 4, "side is a whole number, 8 at least"),
        ("averaging.after", -1, r"\[averaging\] after is from 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(full, place, value, said):
    table, _, name = place.rpartition(".")
    (full[table] if table else full)[name] = value
    with pytest.raises(ValueError, match=said):
        check(full)


@pytest.mark.parametrize(
    "place",
    ["seed", "epochs", "batch", "optimizer", "loss", "augment", "optimizer.momentum",
     "optimizer.shape", "loss.label_smoothing", "augment.cutout", "averaging.after"],
)  # fmt: skip
def test_what_is_missing_is_named(full, place):
    table, _, name = place.rpartition(".")
    del (full[table] if table else full)[name]
    with pytest.raises(ValueError, match=rf"{name}\]? is missing"):
        check(full)


@pytest.mark.parametrize(
    "place",
    ["architecture", "from", "blend", "precision", "options", "resizing", "averaging",
     "distillation", "pruning", "reviewed_share", "optimizer.lookahead", "augment.mirror"],
)  # fmt: skip
def test_what_may_be_left_out_is_not_asked_for(full, place):
    table, _, name = place.rpartition(".")
    del (full[table] if table else full)[name]
    check(full)


def test_a_file_that_is_refused_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    (tmp_path / "broken.toml").write_text("seed = = 1")
    (tmp_path / "short.toml").write_text("seed = 1")
    with pytest.raises(ValueError, match=r"broken\.toml: .*line 1"):
        recipes.read("broken")
    with pytest.raises(ValueError, match=r"short\.toml: epochs is missing"):
        recipes.read("short")
