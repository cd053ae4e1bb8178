"""README says what is, in both languages."""

import ast
import json
import re
from pathlib import Path

import pytest

from classifier.api.serializers import PredictionSerializer
from ml import manifest
from tests import models

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "ml" / "models"
MANIFEST = json.loads((models.SHIPPED / "manifest.json").read_text())
READERS = {"broker", "time_zone", "text", "choice", "number", "share", "switch", "words", "secret"}
OUTSIDE = {"XDG_RUNTIME_DIR"}  # the desktop's, not ours


@pytest.fixture(params=["README.md", "README.uk.md"])
def readme(request) -> str:
    text = (ROOT / request.param).read_text()
    # Numbers as English writes them.
    return text.replace("\u00a0", " ").replace(",", ".") if "uk" in request.param else text


def settings_read() -> set[str]:
    tree = ast.parse((ROOT / "classifier_site" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in READERS
        if isinstance(call.args[0], ast.Constant) and call.func.value.id == "env"
    } - OUTSIDE


def test_every_setting_is_in_the_table_and_nothing_else(readme):
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", readme, re.M))
    assert len(table) > 10
    assert table == settings_read()


def test_every_make_target_named_exists(readme):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"run", "test"} <= set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", readme)) <= targets


def test_every_link_leads_somewhere(readme):
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    local = [link for link in links if "://" not in link]
    assert len(local) >= 6
    assert [link for link in local if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", [folder.name for folder in manifest.shipped()])
def test_the_models_figures_are_those_of_their_cards(readme, name):
    test = json.loads((MODELS / name / "card.json").read_text())["test"]
    parameters = json.loads((MODELS / name / "manifest.json").read_text())["metrics"]["parameters"]
    low, high = test["interval_95"]
    shares = (test["accuracy"], low, high, test["jpeg_75"]["accuracy"], test["ece"])
    shares += (test["set"]["coverage"],)
    for share in shares:
        assert f"{share * 100:.2f}" in readme
    assert re.search(f"{parameters:,}".replace(",", "."), readme)


def test_the_model_that_serves_is_the_most_accurate_one_to_which_jpeg_does_little_harm():
    cards = {p.name: manifest.read_card(p)["test"] for p in manifest.shipped()}
    lost = {name: test["accuracy"] - test["jpeg_75"]["accuracy"] for name, test in cards.items()}
    fit = [name for name in cards if round(lost[name], 4) <= 0.015]
    assert max(fit, key=lambda name: cards[name]["accuracy"]) == models.NAME


def test_the_example_is_the_object_that_the_api_gives():
    text = (ROOT / "README.md").read_text()
    example = json.loads(re.search(r"```json\n(.*?)```", text, re.S)[1])
    assert list(example) == list(PredictionSerializer().fields)
    assert example["model"]["name"] == MANIFEST["id"]
