"""Data sets of what was reviewed: by command and from the admin, written by the jobs process."""

import csv
import io
import json
import zipfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from classifier import exports
from classifier.api.filters import PredictionFilter
from classifier.dataset import archive, asking, selection
from classifier.dataset.selection import Wanted
from classifier.models import Export, Image, Prediction, Review
from classifier.models.export import DATASET, LEASE
from ml import data, preprocess
from tests import audits, make

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[Prediction]:
    """A dog agreed with, a cat taken for a dog, one of no class, and one that nobody looked at."""
    shown = [make.noise_jpeg(seed=n, side=40) for n in range(4)]
    rows = [make.answer(Prediction.objects.ask(make.image(content=c))) for c in shown]
    for row, truth in zip(rows, ("dog", "cat", ""), strict=False):
        audits.say(row, truth)
    return rows


def written(wanted: Wanted = Wanted()) -> zipfile.ZipFile:  # noqa: B008  # frozen
    file = io.BytesIO()
    archive.write(file, wanted, lambda n: None)
    return zipfile.ZipFile(file)


def lines(dataset: zipfile.ZipFile) -> list[dict]:
    return [json.loads(line) for line in dataset.read("labels.jsonl").decode().splitlines()]


def test_every_reviewed_picture_lies_in_the_folder_of_its_label(rows):
    with written() as dataset:
        names = {Path(name).name: name for name in dataset.namelist() if name.endswith(".jpg")}
        assert len(names) == 3 and dataset.testzip() is None
        for row, truth in zip(rows, ("dog", "cat"), strict=False):
            split = selection.split_of(row.image.sha256, 0.1)
            name = f"{split}/{truth}/{row.image.sha256}.jpg"
            assert names[f"{row.image.sha256}.jpg"] == name
            assert dataset.read(name) == row.image.read_preview()
        assert names[f"{rows[2].image.sha256}.jpg"] == f"none/{rows[2].image.sha256}.jpg"


def test_lines_and_table_say_the_same_of_each_picture(rows):
    audits.say(rows[1], "cat", by="rob")
    drawn = audits.audited("ship", "ship", share=0.02)
    with written() as dataset:
        told = {line["sha256"]: line for line in lines(dataset)}
        table = list(csv.DictReader(io.StringIO(dataset.read("labels.csv").decode())))
    cat = told[rows[1].image.sha256]
    assert (cat["label"], cat["answer"], cat["verdict"]) == ("cat", "dog", "other")
    assert cat["reviewers"] == ["rita", "rob"] and cat["model"] == "d" * 64
    assert cat["prediction"] == str(rows[1].pk) and cat["confidence"] == 0.7
    assert cat["inclusion_probability"] is None
    assert told[drawn.image.sha256]["inclusion_probability"] == 0.02
    assert told[rows[2].image.sha256]["label"] == ""
    assert [row["file"] for row in table] == [line["file"] for line in told.values()]
    by_hash = {row["sha256"]: row for row in table}
    assert by_hash[rows[1].image.sha256]["reviewers"] == "rita; rob"
    assert by_hash[drawn.image.sha256]["inclusion_probability"] == "0.02"


def test_it_says_what_it_is_and_what_the_classes_are_called(rows):
    with written() as dataset:
        about = json.loads(dataset.read("dataset.json"))
        classes = json.loads(dataset.read("classes.json"))
    assert about["format"] == 1 and about["models"] == ["d" * 64] and about["missing"] == 0
    counted = Counter({label: n for s in about["pictures"].values() for label, n in s.items()})
    assert counted == {"dog": 1, "cat": 1, "": 1}
    assert classes == make.CLASSES


def test_a_picture_is_in_the_split_that_its_hash_says():
    hashes = [f"{n * 2654435761 % 2**32:08x}{'0' * 56}" for n in range(4000)]
    splits = Counter(selection.split_of(sha256, 0.1) for sha256 in hashes)
    assert splits["validation"] == pytest.approx(400, abs=40)
    moved = [h for h in hashes if selection.split_of(h, 0.1) == "validation"]
    assert all(selection.split_of(h, 0.2) == "validation" for h in moved)
    assert {selection.split_of(h, 0) for h in hashes} == {"train"}


def test_copies_of_a_picture_are_there_once_with_the_newest_word():
    content = make.noise_jpeg(seed=9, side=40)
    first, second = (
        make.answer(Prediction.objects.ask(make.image(content=content))) for _ in range(2)
    )
    audits.say(second, "cat")
    audits.say(first, "ship")
    with written() as dataset:
        (only,) = lines(dataset)
    assert only["label"] == "ship" and only["prediction"] == str(first.pk)


def test_owners_words_skips_and_withdrawn_ones_are_no_labels(rows):
    review = rows[0].reviews.get()
    Review.objects.withdraw(review.reviewer, [review.pk])
    owner = {"image": rows[3].image, "prediction": rows[3], "model": rows[3].model}
    Review.objects.create(**owner, by_owner=True, verdict="other", label="cat")
    with written() as dataset:
        assert {line["sha256"] for line in lines(dataset)} == {
            row.image.sha256 for row in rows[1:3]
        }


def test_what_is_in_the_trash_or_erased_is_left_out(rows):
    rows[0].image.trash()
    rows[1].image.erase()
    with written() as dataset:
        assert [line["sha256"] for line in lines(dataset)] == [rows[2].image.sha256]


def test_a_picture_whose_file_is_lost_is_left_out_and_counted(rows):
    rows[0].image.preview.storage.delete(rows[0].image.preview.name)
    file = io.BytesIO()
    assert archive.write(file, Wanted(), lambda n: None).missing == 1
    with zipfile.ZipFile(file) as dataset:
        assert len(lines(dataset)) == 2
        assert json.loads(dataset.read("dataset.json"))["missing"] == 1


@pytest.mark.parametrize("label", ["a/b", "../../etc", ".", "..", "con:", 'x"y', "50%", "кіт"])
def test_a_label_stays_one_plain_folder_whatever_is_in_it(label):
    folder = selection.folder_of(label)
    assert folder and not set('/\\:"\0') & set(folder) and not folder.startswith(".")
    assert len({selection.folder_of(other) for other in (label, "a", "%2E")}) == 3


def test_a_name_that_a_spreadsheet_would_run_is_only_text(rows):
    audits.say(rows[0], "dog", by="=1+1")
    with written() as dataset:
        table = dataset.read("labels.csv").decode()
    assert "rita; =1+1" in table
    audits.say(rows[1], "cat", by="@SUM")
    Review.objects.filter(prediction=rows[1], reviewer__username="rita").delete()
    with written() as dataset:
        assert "'@SUM" in dataset.read("labels.csv").decode()


def test_pages_join_without_a_gap(rows, monkeypatch):
    monkeypatch.setattr(selection, "PAGE", 2)
    heard: list[int] = []
    archive.write(io.BytesIO(), Wanted(), heard.append)
    assert heard == [2, 3]


# By command


def exported(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("export_dataset", str(path), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_writes_a_file_for_its_owner_alone(rows, tmp_path):
    path = tmp_path / "set.zip"
    said = exported(path)
    assert "none 1" in said and path.stat().st_mode & 0o777 == 0o600
    assert len(lines(zipfile.ZipFile(path))) == 3
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["set.zip"]


def test_it_takes_a_period_a_model_and_a_share(rows, tmp_path):
    old = rows[0].reviews.get()
    Review.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=10))
    since = (timezone.now() - timedelta(days=1)).date().isoformat()
    exported(tmp_path / "new.zip", "--since", since, "--validation", "0.9", "--model", "ddd")
    assert len(lines(zipfile.ZipFile(tmp_path / "new.zip"))) == 2
    exported(tmp_path / "old.zip", "--until", since, "--model", "tiny")
    assert len(lines(zipfile.ZipFile(tmp_path / "old.zip"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "yesterday"], "ISO 8601"),
        (["--validation", "1"], "from 0 to 0.9"),
        (["--validation", "half"], "from 0 to 0.9"),
        (["--model", "nobody's"], "has answered here"),
        (["--until", "2001-01-01"], "nothing is reviewed"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line_and_no_file(rows, tmp_path, options, said):
    with pytest.raises(CommandError, match=said):
        exported(tmp_path / "set.zip", *options)
    assert not [p for p in tmp_path.iterdir() if p.is_file()]


def test_it_writes_over_nothing_and_leaves_no_half_file(rows, tmp_path, monkeypatch):
    path = tmp_path / "set.zip"
    path.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        exported(path)
    assert path.read_text() == "mine"
    with pytest.raises(CommandError, match="cannot be written"):
        exported(tmp_path / "nowhere" / "set.zip")
    monkeypatch.setattr(archive, "_about", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exported(tmp_path / "other.zip")
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {"set.zip"}


# From the admin


@pytest.fixture
def staff(client) -> Client:
    client.force_login(make.user("staff", is_staff=True))
    return client


def listed(client: Client) -> str:
    return client.get(reverse("admin:classifier_export_changelist")).content.decode()


def test_the_jobs_process_writes_what_was_asked_for_in_the_admin(
    staff, rows, django_capture_on_commit_callbacks, monkeypatch
):
    rings = []
    monkeypatch.setattr("classifier.bell.ring", rings.append)
    with django_capture_on_commit_callbacks(execute=True):
        response = staff.post(reverse("export-dataset"))
    assert response["Location"] == reverse("admin:classifier_export_changelist") and rings
    export = Export.objects.get()
    assert export.dataset["total"] == 3 and export.status == "queued"
    assert exports.write_waiting() == 1
    export.refresh_from_db()
    assert (export.status, export.rows) == ("ready", 3)
    url = f"/api/v1/exports/{export.pk}/file"
    assert url in listed(staff)
    file = staff.get(url)
    assert "kadr-dataset-" in file["Content-Disposition"]
    assert len(lines(zipfile.ZipFile(io.BytesIO(file.getvalue())))) == 3


def test_chosen_reviews_make_a_data_set_of_their_images(staff, rows):
    chosen = [str(rows[1].reviews.get().pk)]
    data = {"action": "export_dataset", "_selected_action": chosen}
    staff.post(reverse("admin:classifier_review_changelist"), data)
    exports.write_waiting()
    export = Export.objects.get()
    with zipfile.ZipFile(export.file.open("rb")) as dataset:
        assert [line["sha256"] for line in lines(dataset)] == [rows[1].image.sha256]
    shown = staff.get(f"/api/v1/exports/{export.pk}").json()
    assert shown["filter"]["reviewed"]["images"] == 1


def test_too_many_chosen_ones_are_refused_with_what_to_do(staff, rows, monkeypatch):
    monkeypatch.setattr(asking, "MOST", 1)
    chosen = [str(row.reviews.get().pk) for row in rows[:2]]
    data = {"action": "export_dataset", "_selected_action": chosen}
    page = staff.post(
        reverse("admin:classifier_review_changelist"),
        data,
        follow=True,
        headers={"Accept-Language": "en"},
    )
    assert "export everything from the statistics page" in page.content.decode()
    assert not Export.objects.exists()


def test_where_nothing_is_reviewed_nothing_is_written(staff):
    make.answered()
    page = staff.post(
        reverse("export-dataset"), follow=True, headers={"Accept-Language": "en"}
    ).content.decode()
    assert "there is nothing to export" in page and not Export.objects.exists()


def test_it_is_for_staff_and_only_by_post(client, staff, rows):
    assert staff.get(reverse("export-dataset")).status_code == 405
    client.logout()
    assert client.post(reverse("export-dataset")).status_code == 302
    client.force_login(make.user("nobody"))
    assert client.post(reverse("export-dataset")).status_code == 302
    assert not Export.objects.exists()


def test_who_is_no_longer_staff_can_no_longer_fetch_it(staff, rows):
    staff.post(reverse("export-dataset"))
    exports.write_waiting()
    export = Export.objects.get()
    export.owner.is_staff = False
    export.owner.save()
    for path in ("", "/file"):
        assert staff.get(f"/api/v1/exports/{export.pk}{path}").status_code == 404
    assert staff.get("/api/v1/exports").json()["results"] == []


def test_others_staff_too_cannot_fetch_it(staff, client, rows):
    staff.post(reverse("export-dataset"))
    exports.write_waiting()
    client.force_login(make.user("other", is_staff=True))
    export = Export.objects.get()
    assert client.get(f"/api/v1/exports/{export.pk}/file").status_code == 404
    assert str(export.pk) not in listed(client)


def test_users_cannot_ask_for_everybody_s_pictures_over_the_api(alice_api: APIClient, rows):
    for everybody_s in ({}, "true", {"images": []}):
        asked = {"format": "zip", "filter": {DATASET: everybody_s}}
        response = alice_api.post("/api/v1/exports", asked, format="json")
        assert response.status_code == 400 and not Export.objects.exists()


def test_no_filter_of_predictions_is_called_as_the_set_of_what_was_reviewed():
    assert DATASET not in PredictionFilter.base_filters


def test_one_that_is_being_written_shows_how_far_it_is(staff, rows):
    staff.post(reverse("export-dataset"))
    claimed = Export.objects.claim()
    assert claimed.hold_on(2)
    assert '<progress max="3" value="2">2 / 3</progress>' in listed(staff)


def test_a_writer_that_lost_its_claim_writes_no_file(staff, rows):
    staff.post(reverse("export-dataset"))
    silent = Export.objects.claim()
    Export.objects.update(lease_until=timezone.now() - LEASE)
    second = Export.objects.claim()
    with pytest.raises(exports.Superseded):
        exports.write(silent)
    exports.write(second)
    assert Export.objects.get().status == "ready" and Image.objects.count() == 4


def test_what_it_writes_is_what_training_reads(rows, tmp_path):
    small = np.zeros((20, 32, 32, 3), np.uint8), np.arange(20, dtype=np.uint8) % 10
    original = tmp_path / "original.npz"
    np.savez(original, x_train=small[0], y_train=small[1], x_test=small[0], y_test=small[1])
    exported(tmp_path / "set.zip", "--validation", "0")
    mixed = data.load(tmp_path / "set.zip", original)
    assert mixed.reviewed == {"train": 2, "validation": 0}
    ids = [c["id"] for c in mixed.classes]
    assert sorted(ids[y] for y in mixed.train.y[-2:]) == ["cat", "dog"]
    shown = preprocess.from_jpeg(rows[0].image.read_preview(), data.SIZE)
    assert any((x == shown).all() for x in mixed.train.x[-2:])
