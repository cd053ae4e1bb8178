"""Which of the installed models serves, and what `manage.py activate` refuses."""

import shutil

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.core.management.base import CommandError

from classifier import installed_models, model_card
from classifier.management.commands import activate
from classifier.models import ModelActivation, Worker
from ml import manifest
from tests import make
from tests.classifier.test_model_cards import NAME, SHIPPED, change
from tests.classifier.test_model_cards import places as places
from tests.classifier.test_model_cards import second as second

pytestmark = pytest.mark.django_db


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
    with pytest.raises(CommandError, match=r"airbench94, .*efficientnet_lite2, second"):
        call_command("activate", "nothing")


def test_a_model_without_its_weights_is_refused_and_the_old_one_stays(second):
    with pytest.raises(CommandError, match=r"weights\.npz"):
        call_command("activate", "second")
    assert not ModelActivation.objects.exists()


def test_a_model_whose_weights_are_not_those_of_its_manifest_is_refused_too(second):
    content = bytearray((SHIPPED / "weights.npz").read_bytes())
    content[-1] ^= 1
    (second / "weights.npz").write_bytes(content)
    with pytest.raises(CommandError, match=r"weights\.npz is not the file that"):
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
    # Loading for real is the test above's, and tests/browser/test_own_classes.py's.
    monkeypatch.setattr(activate, "check", lambda model, engine: None)
    call_command("activate", "second-1", reason="better at night")
    (row,) = ModelActivation.objects.all()
    assert (row.folder, row.reason) == ("second", "better at night")
    assert row.digest == manifest.read(second).digest
    assert "serves from now on" in capsys.readouterr().out
