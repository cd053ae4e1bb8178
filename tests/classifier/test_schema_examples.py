"""Every operation of the schema has an example, which is valid, sendable and like a real answer."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from jsonschema_rs import Draft202012Validator
from rest_framework.test import APIClient

from classifier import exports
from classifier.models import Batch, Prediction, Source, WebhookDelivery, WebhookEndpoint
from tests import audits, make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
SCHEMA: dict[str, Any] = json.loads(
    OpenApiJsonRenderer().render(SchemaGenerator().get_schema(public=True))
)
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
}
MEDIA = [
    (name, part, media_type, media)
    for name, (_method, _path, operation) in OPERATIONS.items()
    for part, described in [
        ("body", operation.get("requestBody", {})),
        *((status, r) for status, r in operation["responses"].items() if status[0] == "2"),
    ]
    for media_type, media in described.get("content", {}).items()
]
NAMES = [" ".join(place) for *place, _media in MEDIA]


def test_every_operation_has_an_example_of_each_body_and_each_success():
    assert len(OPERATIONS) > 25
    assert [
        name for name, media in zip(NAMES, MEDIA, strict=True) if "example" not in media[3]
    ] == []
    bodies = {place[0] for place in MEDIA if place[1] == "body"}
    stated = {
        name for name, (_m, _p, operation) in OPERATIONS.items() if "requestBody" in operation
    }
    assert bodies == stated
    for name, (method, _path, operation) in OPERATIONS.items():
        shown = {place[0] for place in MEDIA if place[1] != "body"}
        assert (name in shown) == (method != "delete"), operation


@pytest.mark.parametrize(("_name", "_part", "_type", "media"), MEDIA, ids=NAMES)
def test_an_example_is_valid_by_its_own_schema(_name, _part, _type, media):
    faults = validator(media["schema"]).iter_errors(media["example"])
    assert [f"{fault.instance_path}: {fault.message}" for fault in faults] == []


def test_a_wrong_example_would_be_found():
    example = example_of("predictions_retrieve", "200")
    known = validator({"$ref": "#/components/schemas/Prediction"})
    assert known.is_valid(example)
    for wrong in ({**example, "status": "done"}, {**example, "created_at": "now"}, {}):
        assert not known.is_valid(wrong)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    whole = {**schema, "components": SCHEMA["components"]}
    return Draft202012Validator(whole, validate_formats=True)


def example_of(name: str, part: str, media_type: str = "application/json") -> Any:
    (found,) = [media for *place, media in MEDIA if place == [name, part, media_type]]
    return found["example"]


# What really comes back


@pytest.fixture
def ids(alice, settings) -> dict[str, str]:
    """Something of alice's at every path, by how the path begins."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    row = make.answered(alice)
    Prediction.objects.filter(pk=row.pk).update(metadata={"job": 7})
    endpoint = WebhookEndpoint.objects.register(alice.user, url="http://127.0.0.1/")
    delivery = WebhookDelivery.objects.record_test(endpoint)
    entry = {"at": timezone.now().isoformat(), "status": 204, "error": "", "ms": 87}
    WebhookDelivery.objects.mark_delivered(WebhookDelivery.objects.claim(), entry)
    return {
        "predictions": str(row.pk),
        "image": str(row.image.pk),
        "batches": str(batch_of(alice).pk),
        "webhook-endpoints": str(endpoint.pk),
        "delivery": str(delivery.pk),
    }


def batch_of(alice) -> Batch:
    batch = Batch.objects.create(owner=alice.user)
    row = Prediction.objects.ask(
        make.image(alice), batch=batch, position=0, custom_id="cat.jpg", source=Source.BATCH
    )
    make.answer(row)
    batch.seal()
    return batch


def with_an_export(client: APIClient, ids: dict[str, str]) -> None:
    ids["exports"] = client.post("/api/v1/exports", {"format": "csv"}, format="json").json()["id"]
    exports.write_waiting()


def body_of(name: str, media_type: str, ids: dict[str, str]) -> Any:
    """The example as it is sent, with pictures that exist in it."""
    example = example_of(name, "body", media_type)
    if media_type == "application/jsonl":
        return json.dumps({**json.loads(example), "image_id": ids["image"]})
    if media_type == "multipart/form-data":
        files = example["image"] if isinstance(example["image"], list) else [example["image"]]
        sent = [SimpleUploadedFile(f"{n}.jpg", make.jpeg()) for n, _file in enumerate(files)]
        fields = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in example.items()}
        return {**fields, "image": sent}
    if name.startswith("webhook"):
        return {**example, "url": "http://127.0.0.1/"} if "url" in example else example
    return {**example, "image_id": ids["image"]} if "image_id" in example else example


def ask(client: APIClient, name: str, ids: dict[str, str], media_type: str = "") -> Any:
    method, path, operation = OPERATIONS[name]
    collection = path.split("/")[3]
    path = path.replace("{delivery_id}", ids["delivery"]).replace("{id}", ids.get(collection, ""))
    path = path.replace("{name}", settings.MODEL_FOLDER.name)
    if "requestBody" not in operation:
        return getattr(client, method)(path)
    body = body_of(name, media_type, ids)
    if media_type == "application/jsonl":
        return client.post(path, body, content_type=media_type)
    form = {"application/json": "json", "multipart/form-data": "multipart"}[media_type]
    return getattr(client, method)(path, body, format=form)


JSON_ANSWERS = [
    (name, status, sent)
    for name, (_method, _path, operation) in OPERATIONS.items()
    for status, response in operation["responses"].items()
    if status[0] == "2" and "application/json" in response.get("content", {})
    if (name, status) != ("predictions_create", "200")  # needs a worker; tests/live/ has one
    for sent in operation.get("requestBody", {"content": [""]})["content"]
]


@pytest.mark.parametrize(("name", "status", "sent"), JSON_ANSWERS)
def test_an_example_is_what_really_comes_back(alice_api, alice, ids, name, status, sent):
    with_an_export(alice_api, ids)
    if name in ("predictions_cancel_create", "predictions_retry_create"):
        row = make.prediction(alice, metadata={"job": 7})
        ids["predictions"] = str(row.pk)
        if "retry" in name:
            Prediction.objects.filter(pk=row.pk).cancel()
    if name == "stats_accuracy_retrieve":
        audits.as_staff(alice.user)
        audits.audited(truth="cat")
    if name == "predictions_restore_create":
        alice_api.delete(f"/api/v1/predictions/{ids['predictions']}")
    response = ask(alice_api, name, ids, sent)
    assert response.status_code == int(status), response.json()
    assert differences(example_of(name, status), response.json()) == []


@pytest.mark.parametrize("media_type", ["text/csv", "application/jsonl"])
def test_the_examples_of_results_are_what_really_is_streamed(alice_api, ids, media_type):
    response = alice_api.get(
        f"/api/v1/batches/{ids['batches']}/results", headers={"Accept": media_type}
    )
    real = response.getvalue().decode()
    example = example_of("batches_results_retrieve", "200", media_type)
    if media_type == "text/csv":
        assert example.split("\r\n")[0] == real.split("\r\n")[0]
        assert {line.count(",") for line in example.split("\r\n")[:-1]} == {7}
    else:
        assert differences(json.loads(example), json.loads(real)) == []


# What they hold is the sender's, or the model's, or shortened.
FREE = {"metadata", "metrics", "recipe", "libraries", "card", "filter", "limits"}


def differences(example: Any, real: Any, at: str = "") -> list[str]:
    """Where two answers do not have the same fields, or values of other types."""
    if at.rsplit("/", 1)[-1] in FREE or None in (example, real):
        return []
    if type(example) is not type(real) and not {type(example), type(real)} <= {int, float}:
        return [f"{at}: {example!r} is shown, {real!r} comes"]
    if isinstance(example, dict):
        missing = [f"{at}/{name}: in one only" for name in example.keys() ^ real.keys()]
        both = example.keys() & real.keys()
        return missing + [d for n in both for d in differences(example[n], real[n], f"{at}/{n}")]
    if isinstance(example, list) and example and real:
        return differences(example[0], real[0], f"{at}/0")
    return []
