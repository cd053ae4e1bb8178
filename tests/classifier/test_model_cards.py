"""What the pages and the API say of models: what was measured, and nothing that was not."""

import json
import re
import shutil

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.core.management.base import CommandError

from classifier import installed_models, model_card
from classifier.management.commands import activate
from classifier.models import ModelActivation, Worker
from ml import manifest
from tests import make, models

pytestmark = pytest.mark.django_db
SHIPPED, NAME = models.SHIPPED, models.NAME


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
    assert shown.count("<svg viewBox") == 6 and "cat → dog" in shown
    sheet = client.get("/models/airbench94/pictures.jpg")
    assert sheet["Content-Type"] == "image/jpeg"


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
        ("airbench_wide", True),
        ("cifar10_improved", False),
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


# Which one serves


def activated(folder) -> None:
    described = manifest.read(folder)
    ModelActivation.objects.create(folder=folder.name, digest=described.digest, name=described.id)


def test_the_newest_activation_decides_which_one_serves(second):
    assert installed_models.active() == site.MODEL_FOLDER
    activated(second)
    assert installed_models.active() == second
    assert model_card.model_card().manifest.id == "second-1"
    activated(SHIPPED)
    assert installed_models.active() == SHIPPED
    assert installed_models.changed() == ""


def retrained(folder) -> str:
    """Another version in the same folder; its digest."""
    change(folder, thresholds={"off_topic": 1.5, "set": 0.5})
    return manifest.read(folder).digest


def test_one_that_was_changed_since_its_activation_does_not_serve(second, capsys):
    activated(second)
    before, after = manifest.read(second).digest, retrained(second)
    assert installed_models.active() == site.MODEL_FOLDER
    assert not installed_models.serves(before) and not installed_models.serves(after)
    call_command("models")
    *_lines, last = capsys.readouterr().out.splitlines()
    assert "second was changed since it was activated" in last
    assert f"take {NAME}" in last and "manage.py activate second" in last


def test_what_is_served_instead_is_what_was_activated_before_it(second, places):
    shutil.copytree(second, places / "third")
    change(places / "third", id="third-1")
    activated(second)
    activated(places / "third")
    retrained(places / "third")
    assert installed_models.active() == second
    assert installed_models.changed() == "third"
    activated(places / "third")
    assert installed_models.active() == places / "third"
    assert installed_models.changed() == ""


@pytest.mark.parametrize("fault", ["removed", "broken"])
def test_one_that_is_no_longer_there_does_not_serve_either(second, fault):
    activated(second)
    shutil.rmtree(second) if fault == "removed" else (second / "manifest.json").write_text("{")
    assert installed_models.active() == site.MODEL_FOLDER
    assert installed_models.changed() == "second"


def test_the_page_and_the_api_tell_of_the_one_that_serves_instead(second, api):
    activated(second)
    retrained(second)
    rows = {row["name"]: row["active"] for row in api.get("/api/v1/models").json()}
    assert rows[NAME] and not rows["second"]
    assert api.get("/model/").context["m"].id == manifest.read(SHIPPED).id


def test_a_worker_that_cannot_load_it_has_the_ones_before_it_to_turn_to(second):
    ModelActivation.objects.create(folder="second", digest="1" * 64, name="second-1")
    ModelActivation.objects.create(folder="gone", digest="2" * 64, name="gone")
    folders = [folder for folder, _digest in installed_models.in_turn()]
    assert folders == [second, site.MODEL_FOLDER]


def test_one_s_own_models_hide_shipped_ones_of_the_same_name(places):
    shutil.copytree(SHIPPED, places / NAME)
    assert installed_models.find(NAME).folder == places / NAME


def test_the_list_marks_the_one_that_serves_and_names_what_is_broken(second, places, capsys):
    (places / "broken").mkdir()
    (places / "broken" / manifest.MANIFEST).write_text("{")
    call_command("models")
    out = capsys.readouterr().out
    (serving,) = [line for line in out.splitlines() if line.startswith("*")]
    figures = manifest.read(SHIPPED).metrics
    assert f"{NAME}-" in serving and f"{figures['test']['accuracy']:.2%}" in serving
    assert f"{figures['parameters']:,}" in serving
    assert "second-1" in out and "! broken" in out


def test_a_model_that_is_not_there_is_refused_with_those_that_are(second):
    with pytest.raises(CommandError, match=r"airbench94, .*cifar10_improved, second"):
        call_command("activate", "nothing")


def test_a_model_without_its_weights_is_refused_and_the_old_one_stays(second):
    with pytest.raises(CommandError, match=r"weights\.npz"):
        call_command("activate", "second")
    assert not ModelActivation.objects.exists()


def test_a_model_whose_golden_answers_do_not_hold_is_refused_and_the_old_one_stays(second):
    shutil.copy(SHIPPED / "weights.npz", second)
    with pytest.raises(CommandError, match="golden inputs differently"):
        call_command("activate", "second")
    assert not ModelActivation.objects.exists()


def test_a_model_is_checked_in_every_engine_that_workers_have(second, monkeypatch):
    """Also where this command was given without KADR_ENGINE."""
    checked = []
    monkeypatch.setattr(activate, "check", lambda model, engine: checked.append(engine))
    call_command("activate", "second-1")
    served = {"host": "a", "device": "CPU", "model": make.model_version()}
    Worker.objects.beat("a:1", **served, engine="litert")
    call_command("activate", "second-1")
    Worker.objects.beat("a:2", **served, engine="tensorflow")
    call_command("activate", "second-1")
    assert checked[:2] == ["tensorflow", "litert"]
    assert sorted(checked[2:]) == ["litert", "tensorflow"]


def test_the_check_is_made_in_the_engine_that_is_named(second):
    shutil.copy(SHIPPED / "weights.npz", second)
    found = installed_models.find("second")
    with pytest.raises(CommandError, match="abacus"):
        activate.check(found, "abacus")


def test_a_model_that_holds_is_activated_with_its_reason(second, monkeypatch, capsys):
    # Loading for real is the test above's, and tests/live/test_own_classes.py's.
    monkeypatch.setattr(activate, "check", lambda model, engine: None)
    call_command("activate", "second-1", reason="better at night")
    (row,) = ModelActivation.objects.all()
    assert (row.folder, row.reason) == ("second", "better at night")
    assert row.digest == manifest.read(second).digest
    assert "serves from now on" in capsys.readouterr().out


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
