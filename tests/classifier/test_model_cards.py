"""What the pages and the API say of models: what was measured, and nothing that was not."""

import json
import re
import shutil

import numpy as np
import pytest

from ml import card_pictures, manifest
from tests import make, models

pytestmark = pytest.mark.django_db
SHIPPED, NAME = models.SHIPPED, models.NAME
CAT, DOG = 3, 5  # places of classes


@pytest.fixture
def places(settings, tmp_path):
    """A folder for models of one's own, beside those that ship."""
    settings.MODEL_FOLDERS = [tmp_path / "models", SHIPPED.parent]
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def second(places):
    """Another installed model: the shipped one under another id, without its weights."""
    folder = places / "second"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("weights.npz"))
    change(folder, id="second-1", calibration={"temperature": 2.0, "power": 1.0})
    return folder


def change(folder, **fields) -> None:
    content = json.loads((folder / manifest.MANIFEST).read_text())
    (folder / manifest.MANIFEST).write_text(json.dumps({**content, **fields}))


def measured() -> dict:
    return manifest.read_card(SHIPPED)["test"]


def page_of(client, path: str, language: str = "en") -> str:
    response = client.get(path, headers={"Accept-Language": language})
    assert response.status_code == 200, path
    return response.content.decode()


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Precision", "maybe none of these", "Layer by layer", "worst mistakes")),
     ("uk", ("Точність", "можливо, нічого з цього", "Шар за шаром", "найгірші помилки"))],
)  # fmt: skip
def test_the_card_is_told_in_both_languages(client, language, words):
    page = page_of(client, "/model/", language).lower()
    for word in words:
        assert word.lower() in page, word


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Elsewhere: 7,496 more to learn from"), ("uk", "Elsewhere: ще 7\xa0496 для навчання")],
)
def test_a_card_says_what_else_a_model_learned_from(client, second, language, told):
    card = manifest.read_card(second)
    card["data"]["extra"] = {}
    manifest.write_json(second / manifest.CARD, card)
    assert "more to learn from" not in page_of(client, "/models/second/")
    card["data"]["extra"] = {"name": "Elsewhere", "pictures": 7496, "sha256": "0" * 64}
    manifest.write_json(second / manifest.CARD, card)
    assert told in page_of(client, "/models/second/", language)


def test_its_figures_are_those_that_were_measured(client):
    test = manifest.read_card(SHIPPED)["test"]
    page = page_of(client, "/model/")
    figures = [test["accuracy"], test["jpeg_75"]["accuracy"], test["ece"], test["set"]["coverage"]]
    figures += [row["recall"] for row in test["per_class"]]
    figures += [kind["auroc"] for kind in test["off_topic"]["kinds"].values()]
    for share in figures:
        assert f"{round(100 * share, 1)}%" in page
    assert sum(int(n) for n in re.findall(r'title="[^"]* → [^"]*">(\d+)</a>', page)) == test["n"]


def trained_by(places, recipe: dict) -> None:
    """An installed model whose recipe says so of its training."""
    folder = places / "grown_on"
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("weights.npz"))
    described = manifest.read(folder).recipe
    for name in ("from", "blend", "averaging"):
        described.pop(name, None)
    change(folder, id="grown_on-1", recipe={**described, **recipe})


BEGAN = "This training began with the weights of grown."
MEAN, MIXED = "the mean of the weights", "Of each weight 70.0% comes from this training"


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({}, []),
        ({"from": ""}, []),
        ({"from": "grown"}, [BEGAN]),
        ({"from": "/srv/models/grown", "blend": 0.7}, [BEGAN, MIXED]),
        ({"averaging": {"after": 0.5}}, [MEAN]),
        ({"from": "grown", "averaging": {"after": 0.5}, "blend": 0.7}, [BEGAN, MEAN, MIXED]),
    ],
)
def test_beside_the_curves_stands_what_else_made_the_weights(client, places, recipe, told):
    trained_by(places, recipe)
    page = page_of(client, "/models/grown_on/")
    assert [words for words in (BEGAN, MEAN, MIXED) if words in page] == told


def test_a_cell_of_the_confusion_matrix_opens_its_pictures(client):
    page = page_of(client, "/model/")
    link = re.search(r'href="(/models/[^"]*\?true=cat&amp;answer=dog)"', page)
    shown = page_of(client, link[1].replace("&amp;", "&"))
    n = measured()["confusion"][CAT][DOG]
    assert shown.count("<svg viewBox") == n > 6 and "cat → dog" in shown
    assert "Shown are" not in shown
    sheet = client.get("/models/airbench94/pictures.jpg")
    assert sheet["Content-Type"] == "image/jpeg"


def test_of_right_answers_a_cell_shows_some_and_says_of_how_many(client):
    shown = page_of(client, f"/models/{NAME}/pictures/?true=cat&answer=cat")
    n = measured()["confusion"][CAT][CAT]
    assert shown.count("<svg viewBox") == 6 and f"Shown are 6 of {n}." in shown


def test_every_mistake_on_the_test_set_can_be_looked_at():
    for folder in manifest.shipped():
        card = manifest.read_card(folder)
        wrong = np.array(card["test"]["confusion"])
        np.fill_diagonal(wrong, 0)
        shown = np.zeros_like(wrong)
        for tile in card["pictures"]["tiles"]:
            if tile["true"] != tile["answer"]:
                shown[tile["true"], tile["answer"]] += 1
        assert (shown == wrong).all() and wrong.sum() < card_pictures.MISTAKES


def test_the_card_says_where_its_figures_are_worst(client):
    test, classes = measured(), [c["en"] for c in manifest.read(SHIPPED).classes]
    recall = [row["recall"] for row in test["per_class"]]
    kinds = test["off_topic"]["kinds"]
    page = page_of(client, "/model/")
    hardest = classes[recall.index(min(recall))]
    saved = test["jpeg_75"]["accuracy"]
    assert f"least often: {hardest}, {min(recall):.1%}" in page
    assert f"it names {test['accuracy']:.1%} right, and {saved:.1%} where" in page
    limits = client.get(f"/api/v1/models/{NAME}").json()["limits"]
    assert limits["least_noticed"] == min(row["flagged"] for row in kinds.values())
    assert limits["hardest_class"] == hardest
    assert limits["jpeg_loss"] == pytest.approx(test["accuracy"] - saved, abs=1e-4)


def test_a_kind_that_was_not_measured_is_no_limit(client, second):
    card = manifest.read_card(second)
    card["test"]["off_topic"]["kinds"] = {"noise": None}
    manifest.write_json(second / manifest.CARD, card)
    assert "notices least often" not in page_of(client, "/models/second/")
    assert "least_noticed" not in client.get("/api/v1/models/second-1").json()["limits"]


def test_what_jpeg_does_not_cost_is_no_limit(client, second):
    card = manifest.read_card(second)
    card["test"]["jpeg_75"]["accuracy"] = card["test"]["accuracy"]
    manifest.write_json(second / manifest.CARD, card)
    assert "JPEG costs it" in page_of(client, "/model/")
    assert "JPEG costs it" not in page_of(client, "/models/second/")


def test_pictures_that_come_from_fewer_are_not_counted_as_so_many(client):
    page = page_of(client, "/model/")
    assert "(500 made of 16)" in page and "(500 made of 100)" in page


@pytest.mark.parametrize("query", ["", "?true=cat", "?true=cat&answer=unicorn", "?true=&answer="])
def test_a_cell_that_is_none_is_not_found(client, query):
    assert client.get(f"/models/{NAME}/pictures/{query}").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..", f"{NAME}.partial", ".hidden"])
def test_only_installed_models_have_a_card(client, name):
    assert client.get(f"/models/{name}/").status_code == 404
    assert client.get(f"/api/v1/models/{name}").status_code == 404


def test_nothing_else_of_a_model_s_folder_is_served(client):
    for name in ("weights.npz", "manifest.json", "golden.json"):
        assert client.get(f"/models/{NAME}/{name}").status_code == 404


def test_a_model_that_was_not_measured_says_so(client, second):
    (second / manifest.CARD).unlink()
    assert "not been measured" in page_of(client, "/models/second/")


def test_programs_read_the_same(client, second):
    listed = client.get("/api/v1/models").json()
    assert [(m["name"], m["active"]) for m in listed] == [
        ("airbench94", False),
        ("airbench96", False),
        ("airbench_wide", False),
        ("cifar10_improved", False),
        ("efficientnet_lite0", False),
        ("efficientnet_lite2", True),
        ("second", False),
    ]
    card = client.get("/api/v1/models/second-1").json()
    assert card["id"] == "second-1"
    assert card["card"]["test"] == manifest.read_card(SHIPPED)["test"]


def test_an_answer_leads_to_the_card_of_the_very_version_that_gave_it(admin_client, second):
    row = make.answered()
    assert "/models/" not in page_of(admin_client, f"/predictions/{row.pk}/")
    type(row.model).objects.update(digest=manifest.read(second).digest)
    assert 'href="/models/second/"' in page_of(admin_client, f"/predictions/{row.pk}/")


def test_a_card_that_cannot_be_read_does_not_take_the_page_along(client, second):
    (second / manifest.CARD).write_text("{")
    assert "not been measured" in page_of(client, "/models/second/")


# What an answer says beside its label


def unsure(**fields):
    row = make.answered()
    for name, value in {"thresholds": {"set": 0.15, "off_topic": 1.0}}.items():
        setattr(row.model, name, value)
    row.model.save()
    type(row).objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row


def test_the_set_holds_what_is_likely_enough_and_always_the_likeliest():
    row = unsure()
    assert [entry["label"] for entry in row.conformal_set()] == ["dog", "cat"]
    row.model.thresholds = {"set": 0.99, "off_topic": 1.0}
    assert [entry["label"] for entry in row.conformal_set()] == ["dog"]


def test_a_model_of_before_has_no_sets(alice_api, alice):
    row = make.answered(alice)
    assert row.conformal_set() is None
    result = alice_api.get(f"/api/v1/predictions/{row.pk}").json()["result"]
    assert (result["set"], result["off_topic"]) == (None, None)


def test_the_page_says_maybe_none_of_these_instead_of_a_label(admin_client):
    row = unsure(off_topic=True, off_topic_score=2.5)
    page = page_of(admin_client, f"/predictions/{row.pk}/")
    heading = re.search(r"<h1>(.*?)</h1>", page, re.S)[1]
    assert "Maybe none of these" in heading and "dog" not in heading and "%" not in heading
    assert "The closest:" in page


def test_the_page_names_what_else_it_may_be(admin_client):
    row = unsure(off_topic=False, off_topic_score=-3.0)
    assert "It may also be: cat" in page_of(admin_client, f"/predictions/{row.pk}/")


def test_what_is_off_topic_is_filtered_and_exported_as_such(alice, alice_api):
    row = make.answered(alice)
    type(row).objects.filter(pk=row.pk).update(off_topic=True, off_topic_score=2.5)
    make.answered(alice)
    found = alice_api.get("/api/v1/predictions?off_topic=true").json()["results"]
    assert [p["id"] for p in found] == [str(row.pk)]
    assert found[0]["result"]["off_topic"] == {"score": 2.5, "flag": True}
