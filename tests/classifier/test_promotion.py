"""Which model serves, by whom and why; and the way back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.translation import override

from classifier import installed_models
from classifier.models import (
    Image,
    ModelActivation,
    ModelVersion,
    Prediction,
    Review,
    Trial,
    TrialAnswer,
)
from classifier.models.trial import TrialStatus
from classifier.promotion import figures, serving, trials
from classifier.promotion.refused import Refused
from ml import manifest
from tests import make, models

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
SPEED = {"p50_ms": 10.0, "p95_ms": 12.0, "per_second": 100.0}


@pytest.fixture(autouse=True)
def in_english():
    with override("en"):
        yield


@pytest.fixture
def places(tmp_path, settings):
    return models.places(tmp_path / "models", settings)


@pytest.fixture
def other(places) -> str:
    return models.same(places).name


def judged(trial: Trial, status: TrialStatus = TrialStatus.PASSED, past=()) -> Trial:
    """A trial as a worker leaves it; tests/worker/test_trials.py has one do it."""
    report = figures.report(figures.pairs_of(trial))
    report |= {"speed": {"active": SPEED, "candidate": SPEED}, "past": list(past)}
    now = timezone.now()
    Trial.objects.filter(pk=trial.pk).update(status=status, report=report, finished_at=now)
    trial.refresh_from_db()
    return trial


REVIEWED = {"name": "REVIEWED", "value": 0, "limit": 50}


def refused(trial: Trial) -> Trial:
    return judged(trial, TrialStatus.REFUSED, [REVIEWED])


def serves() -> str:
    return installed_models.active().name


# Which candidates are tried


def test_a_trial_knows_its_candidate_and_what_it_is_compared_with(other):
    trial = trials.begin_gate(other)
    assert (trial.name, trial.active_folder) == ("same", models.NAME)
    assert trial.digest == installed_models.find("same").digest != trial.active_digest


def test_the_model_that_serves_is_no_candidate():
    with pytest.raises(Refused, match="serves"):
        trials.begin_gate(models.NAME)


def test_a_name_that_is_not_installed_is_refused_with_those_that_are(other):
    with pytest.raises(Refused, match=r"airbench94, .*efficientnet_lite2, same"):
        trials.begin_gate("gpt")


def test_one_that_cannot_be_read_is_refused_with_its_fault(places):
    (models.same(places) / "manifest.json").write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        trials.begin_gate("same")


def test_asking_twice_is_the_same_trial_and_another_waits_its_turn(places, other):
    assert trials.begin_gate(other).pk == trials.begin_gate(other).pk
    models.confused(places)
    with pytest.raises(Refused, match="Another candidate"):
        trials.begin_gate("confused")
    Trial.objects.all().cancel()
    assert trials.begin_gate("confused").name == "confused"


def test_where_the_model_that_serves_is_hidden_by_its_name_nothing_is_tried(places):
    models.confused(places, models.NAME)
    models.same(places)
    for name in ("same", models.NAME):
        with pytest.raises(Refused, match=f"{models.NAME} serves, and another folder.*--name"):
            trials.begin_gate(name)
    assert not Trial.objects.exists()


@pytest.mark.parametrize("sample", [-1, 100_001, 10**30])
def test_a_sample_that_cannot_be_is_refused_and_no_other_candidate_blamed(other, sample):
    with pytest.raises(Refused, match="from 0 to 100,000"):
        trials.begin_gate(other, sample=sample)


# Which pictures it is about


def review(row: Prediction, label: str = "cat", verdict: str = "other") -> Review:
    fields = {"image": row.image, "prediction": row, "model": row.model}
    return Review.objects.create(verdict=verdict, label=label, **fields)


def test_all_reviewed_pictures_and_a_sample_of_the_recent_are_chosen(other):
    rows = [make.answered() for _ in range(12)]
    review(rows[0])
    make.prediction()
    trial = trials.begin_gate(other, sample=5)
    trials.prepare(trial)
    chosen = set(trial.answers.values_list("prediction", flat=True))
    assert rows[0].pk in chosen and len(chosen) in (5, 6)
    assert trial.answers.filter(recent=True).count() == 5


def test_preparing_it_again_chooses_the_same(other):
    for _ in range(20):
        make.answered()
    trial = trials.begin_gate(other, sample=5)
    trials.prepare(trial)
    before = set(trial.answers.values_list("prediction", flat=True))
    trials.prepare(trial)
    assert set(trial.answers.values_list("prediction", flat=True)) == before


def test_what_is_deleted_or_withheld_is_not_among_them(other):
    trashed, withheld = make.answered(), make.answered()
    for row in (trashed, withheld):
        review(row)
    trashed.image.trash()
    withheld.image.quarantine()
    trial = trials.begin_gate(other)
    trials.prepare(trial)
    assert trial.progress() == (0, 0)


def test_erasing_a_picture_forgets_what_the_candidate_said_of_it(other):
    row = make.answered()
    trial = trials.begin_gate(other)
    trials.prepare(trial)
    assert TrialAnswer.objects.exists()
    row.image.erase()
    assert not TrialAnswer.objects.exists()


def test_a_picture_counts_once_with_the_newest_word_about_it(other):
    first = make.answered()
    again = make.answer(Prediction.objects.ask(first.image))
    review(first, "ship")
    review(again, "cat")
    trial = trials.begin_gate(other)
    trials.prepare(trial)
    for row in trial.answers.all():
        row.write(active_label="dog", label="cat", confidence=0.9)
    (pair,) = figures.pairs_of(trial)
    assert (pair.truth, pair.active, pair.candidate) == ("cat", "dog", "cat")


def test_however_many_are_reviewed_the_recent_sample_counts_in_a_gate(other, monkeypatch):
    """It is chosen first, so it would be the first to drop out, and with it the limit on flips."""
    monkeypatch.setattr(figures, "MOST", 2)
    for _ in range(4):
        review(make.answered())
    report = figures.report(tried(trials.begin_gate(other, sample=2)))
    assert (report["flips"]["of"], report["pictures"]) == (2, 4)


def test_of_a_shadow_the_newest_answers_count(other, monkeypatch):
    monkeypatch.setattr(figures, "MOST", 2)
    rows = [make.answered() for _ in range(4)]
    shadow = trials.begin_shadow(other, 1.0)
    for row in rows:
        TrialAnswer.objects.create(trial=shadow, prediction=row)
    assert len(answered_by(shadow)) == 2


def answered_by(trial: Trial) -> list[figures.Pair]:
    for row in trial.answers.all():
        row.write(active_label="dog", label="cat", confidence=0.9)
    return figures.pairs_of(trial)


def taught(folder: Path, **about: object) -> None:
    """As ml.export leaves the card of a model that was trained on reviewed pictures."""
    data = {"reviewed": {"train": 90, "validation": 10}, **about}
    (folder / manifest.CARD).write_text(json.dumps({"data": data}))


def reviewed_by_hash() -> list[str]:
    """Twenty answers, each with a word about it, of pictures that are older than any model; the
    hashes of their pictures."""
    rows = [make.answer(Prediction.objects.ask(picture(seed))) for seed in range(20)]
    for row in rows:
        review(row)
    Image.objects.update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    return [row.image.sha256 for row in rows]


def picture(seed: int) -> Image:
    return make.image(content=make.noise_jpeg(seed))


def counted(trial: Trial) -> tuple[int, int]:
    told = figures.report(tried(trial))["reviewed"]
    return told["n"], told["learned"]


def tried(trial: Trial) -> list[figures.Pair]:
    trials.prepare(trial)
    return answered_by(trial)


@pytest.mark.parametrize(
    ("about", "share"),
    [
        ({"reviewed_aside": 0.4}, 0.4),
        ({"reviewed_aside": 0.0}, 0.0),
        ({}, 0.1),  # as exports were made before cards said so
        ({"reviewed": {}}, 1.0),
    ],
)
def test_reviewed_pictures_that_the_candidate_learned_are_not_held_for_it(
    places, other, about, share
):
    taught(places / other, **about)
    hashes = reviewed_by_hash()
    aside = [sha256 for sha256 in hashes if int(sha256[:8], 16) < share * 2**32]
    assert counted(trials.begin_gate(other)) == (len(aside), 20 - len(aside))


def test_nor_those_that_the_model_that_serves_learned(places, other):
    serving.activate(installed_models.find(other))
    taught(places / other, reviewed_aside=0.0)
    reviewed_by_hash()
    assert counted(trials.begin_gate(models.NAME)) == (0, 20)


def test_what_was_sent_after_a_model_was_made_was_not_learned_by_it(places, other):
    taught(places / other, reviewed_aside=0.0)
    reviewed_by_hash()
    made = datetime.fromisoformat(manifest.read(places / other).created)
    later = Image.objects.values("pk")[:5]
    Image.objects.filter(pk__in=list(later.values_list("pk", flat=True))).update(
        created_at=made + timedelta(seconds=1)
    )
    assert counted(trials.begin_gate(other)) == (5, 15)


def test_what_shows_none_of_the_classes_counts_though_it_learned_from_others(places, other):
    taught(places / other, reviewed_aside=0.0)
    review(make.answered(), label="", verdict="none")
    (pair,) = tried(trials.begin_gate(other))
    assert pair.truth == "" and not pair.learned


def test_a_card_that_cannot_be_read_stops_no_trial(places, other):
    (places / other / manifest.CARD).write_text("{")
    reviewed_by_hash()
    assert counted(trials.begin_gate(other)) == (20, 0)


# Promoting


def test_one_within_the_limits_serves_and_the_row_says_by_whom(other):
    user = make.user("boss")
    row = serving.promote(judged(trials.begin_gate(other)), user, reason="better at night")
    assert serves() == "same"
    assert (row.user, row.reason, row.forced) == (user, "better at night", False)
    assert row.trial.name == "same"


def test_one_past_a_limit_serves_only_for_a_reason_which_is_kept(other):
    trial = refused(trials.begin_gate(other))
    for reason in ("", "  "):
        with pytest.raises(Refused, match="say why"):
            serving.promote(trial, force=reason)
    assert not ModelActivation.objects.exists()
    row = serving.promote(trial, force="the first one we have")
    assert (row.forced, row.reason) == (True, "the first one we have")


@pytest.mark.parametrize("status", ["queued", "running", "failed", "canceled"])
def test_without_a_verdict_nothing_is_promoted(other, status):
    trial = trials.begin_gate(other)
    trial.status = status
    with pytest.raises(Refused, match="no verdict"):
        serving.promote(trial, force="because")


def test_a_verdict_against_another_model_than_serves_now_is_worth_nothing(places, other):
    trial = judged(trials.begin_gate(other))
    serving.activate(installed_models.read(models.confused(places)))
    with pytest.raises(Refused, match="Another model serves"):
        serving.promote(trial)


def test_a_candidate_that_was_changed_since_is_not_promoted(places, other):
    trial = judged(trials.begin_gate(other))
    models.shutil.rmtree(places / "same")
    models.confused(places, "same")
    with pytest.raises(Refused, match="no longer installed"):
        serving.promote(trial)


def test_a_withdrawn_version_that_serves_again_is_trusted_again(places, other):
    found = installed_models.find(other)
    version = ModelVersion.objects.register(
        digest=found.digest, name="same", preprocessing="x", classes=make.CLASSES
    )
    ModelVersion.objects.update(recalled_at="2026-11-25T00:00Z")
    serving.activate(found)
    version.refresh_from_db()
    assert version.recalled_at is None


def test_a_shadow_that_is_promoted_is_no_shadow_any_more(other):
    trials.begin_shadow(other, 0.5)
    serving.activate(installed_models.find(other))
    assert Trial.objects.get().status == "ended"


# Going back


def test_going_back_leads_to_what_served_before_and_is_a_row_too(places, other):
    serving.activate(installed_models.find(other))
    models.confused(places)
    serving.activate(installed_models.find("confused"))
    row = serving.back(make.user("boss"))
    assert (serves(), row.reason) == ("same", "back from confused")
    assert ModelActivation.objects.count() == 3


def test_after_the_first_change_it_leads_to_the_model_that_shipped(other):
    serving.activate(installed_models.find(other))
    serving.back()
    assert serves() == models.NAME


def test_before_any_change_there_is_no_way_back():
    assert serving.way_back() is None
    with pytest.raises(Refused):
        serving.back()


def test_files_that_are_not_what_they_were_are_not_gone_back_to(places, other):
    serving.activate(installed_models.find(other))
    models.confused(places)
    serving.activate(installed_models.find("confused"))
    (places / "same" / "weights.npz").write_bytes(b"other")
    with pytest.raises(Refused, match="is not the file"):
        serving.back()
    assert serves() == "confused"


def test_where_only_workers_have_the_weights_the_way_back_is_open(places, other):
    serving.activate(installed_models.find(other))
    models.confused(places)
    serving.activate(installed_models.find("confused"))
    (places / "same" / "weights.npz").unlink()
    serving.back()
    assert serves() == "same"
