"""Batches of lines that name pictures sent before."""

import json

import pytest

from classifier.intake import Intake
from classifier.models import Image, Prediction
from tests import make
from tests.classifier.test_batches_api import URL, lines, send

pytestmark = pytest.mark.django_db(transaction=True)


def send_lines(api, images):
    body = "".join(
        json.dumps({"image_id": str(pk), "custom_id": f"item {n}"}) + "\n"
        for n, pk in enumerate(images)
    )
    return api.post(URL, body, content_type="application/jsonl")


def test_pictures_sent_before_are_named_line_by_line(api):
    ids = [p.image_id for p in Prediction.objects.filter(batch=send(api).json()["id"])]
    response = send_lines(api, [*ids, make.prediction().image_id])
    assert response.status_code == 202
    assert response.json()["counts"]["queued"] == 3
    assert lines(api, response.json()["id"])[3]["error"]["code"] == "IMAGE_NOT_FOUND"
    assert Image.objects.count() == 4


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b'{"custom_id": "a"}', b'{"image_id": "x"}', b'{"image_id": 7}']
)
def test_a_line_that_makes_no_sense_is_named(api, line):
    response = api.post(URL, b"\n" + line, content_type="application/jsonl")
    assert (response.status_code, response.json()["code"]) == (422, "BATCH_LINE_INVALID")


def test_one_that_is_erased_while_its_line_is_read_fails_alone(api, monkeypatch):
    send(api)
    first, *others = Image.objects.order_by("pk")
    pack = Intake._pack

    def erased_meanwhile(self):
        pack(self)
        if first.pk:  # the lines' end is looked for, too
            first.erase()

    monkeypatch.setattr(Intake, "_pack", erased_meanwhile)
    response = send_lines(api, [image.pk for image in (first, *others)])
    assert response.status_code == 202
    told = lines(api, response.json()["id"])
    assert told[0]["error"]["code"] == "IMAGE_NOT_FOUND"
    assert [line["status"] for line in told[1:]] == ["queued"] * len(others)
