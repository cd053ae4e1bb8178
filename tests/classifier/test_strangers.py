"""Every route of the schema, with another user's token: nothing is there."""

import json
import re
import uuid

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from classifier import exports
from classifier.models import ApiToken, Prediction, WebhookDelivery, WebhookEndpoint
from tests import make

pytestmark = pytest.mark.django_db
FOR_ALL = {"/api/v1/models/{name}"}  # what is told of models is nobody's
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def hers(alice_api, alice) -> dict[str, str]:
    """One of everything that alice can have, by the first part of its path."""
    single = alice_api.post("/api/v1/predictions", {"image": make.upload()}).json()
    batch = alice_api.post("/api/v1/batches", {"image": [make.upload()]}).json()
    export = alice_api.post("/api/v1/exports", {"format": "csv"}, format="json").json()
    exports.write_waiting()
    endpoint = WebhookEndpoint.objects.create(user=alice.user, url="https://receiver.example/")
    delivery = WebhookDelivery.objects.record_test(endpoint)
    return {
        "predictions": single["id"],
        "batches": batch["id"],
        "exports": export["id"],
        "webhook-endpoints": str(endpoint.pk),
        "delivery_id": str(delivery.pk),
        "image": single["image"]["id"],
    }


@pytest.fixture
def stranger(bob) -> APIClient:
    token = ApiToken.objects.issue(bob.user, "test")
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def operations(client: APIClient) -> list[tuple[str, str]]:
    schema = client.get("/api/v1/schema", {"format": "json"}).json()
    return [
        (method, path)
        for path, methods in schema["paths"].items()
        for method in methods
        if method in METHODS
    ]


def filled(path: str, ids: dict[str, str]) -> str:
    kind = path.split("/")[3]
    path = path.replace("{delivery_id}", ids["delivery_id"])
    path = path.replace("{name}", settings.MODEL_FOLDER.name)
    return re.sub(r"\{\w+\}", ids.get(kind, ""), path)


def test_nothing_of_others_can_be_read_changed_or_fetched(alice_api, stranger, hers):
    walked = [(m, p) for m, p in operations(alice_api) if "{" in p and p not in FOR_ALL]
    assert len(walked) >= 19
    for method, path in walked:
        response = getattr(stranger, method)(filled(path, hers), {}, format="json")
        assert response.status_code == 404, (method, path)
    assert Prediction.objects.filter(status="queued").count() == 2


def test_no_list_holds_anything_of_others(alice_api, stranger, hers):
    lists = [path for method, path in operations(alice_api) if method == "get" and "{" not in path]
    ids = set(hers.values())
    for path in lists:
        seen = json.dumps(stranger.get(path, {"id": hers["predictions"]}).json())
        assert not [pk for pk in ids if pk in seen], path


def test_a_picture_of_others_cannot_be_asked_about(stranger, hers):
    response = stranger.post("/api/v1/predictions", {"image_id": hers["image"]}, format="json")
    assert response.json()["code"] == "IMAGE_NOT_FOUND"
    assert stranger.get(f"/images/{hers['image']}.jpg").status_code == 404


def test_a_picture_is_fetched_with_the_token_that_sent_it(alice, alice_api, hers):
    url = f"/images/{hers['image']}.jpg"
    assert alice_api.get(url).status_code == 200
    writes_only = ApiToken.objects.issue(alice.user, "writes", scopes=["write"])
    for bearer in (writes_only, "kadr_made_up", ""):
        client = APIClient(headers={"Authorization": f"Bearer {bearer}"})
        client.force_login(alice.user)  # a token counts, and then nothing beside it
        assert client.get(url).status_code == 404


def test_what_is_another_s_looks_like_what_does_not_exist(alice_api, stranger, hers):
    nothing = {name: str(uuid.uuid4()) for name in hers}
    for method, path in operations(alice_api):
        if "{" not in path or path in FOR_ALL:
            continue
        theirs, none = filled(path, hers), filled(path, nothing)
        answers = [getattr(stranger, method)(url, {}, format="json") for url in (theirs, none)]
        bodies = [
            {**answer.json(), "instance": ""} for answer in answers if answer.status_code == 404
        ]
        assert len(bodies) == 2 and bodies[0] == bodies[1], (method, path)


@pytest.mark.parametrize("who", ["nobody", "a visitor", "another user"])
def test_no_page_or_picture_tells_that_something_is_there(hers, bob, who):
    client = Client(headers={"Accept-Language": "en"})
    if who == "a visitor":
        client.post("/", {"image": make.upload()})
    elif who == "another user":
        client.force_login(bob.user)
    for path, kind in (("/predictions/{}/", "predictions"), ("/images/{}.jpg", "image")):
        none = str(uuid.uuid4())
        theirs = client.get(path.format(hers[kind]))
        nothing = client.get(path.format(none))
        assert (theirs.status_code, nothing.status_code) == (404, 404)
        assert comparable(theirs, hers[kind]) == comparable(nothing, none)
    theirs = client.get("/results/", {"id": hers["predictions"]})
    none = str(uuid.uuid4())
    assert comparable(theirs, hers["predictions"]) == comparable(
        client.get("/results/", {"id": none}), none
    )


def comparable(response, pk: str) -> str:
    """The page without the id it was asked for and without the random CSRF tokens."""
    page = response.content.decode().replace(pk, "ID")
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_every_unsafe_request_of_a_session_needs_the_csrf_token(alice, alice_api, hers):
    """The page's own verbs and the API's alike; a token's bearer needs none."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    walked = [(m, p) for m, p in operations(alice_api) if m != "get"]
    walked += [("post", p) for p in ("/", "/login/", "/logout/", "/i18n/setlang/", "/admin/login/")]
    assert len(walked) >= 17
    before = alice_api.get("/api/v1/predictions").json()
    for method, path in walked:
        url = filled(path, hers) if path.startswith("/api/") else path
        response = getattr(client, method)(url, {}, content_type="application/json")
        assert response.status_code == 403, (method, path)
        assert "CSRF" in response.content.decode() or "застаріл" in response.content.decode()
    assert alice_api.get("/api/v1/predictions").json() == before


def test_every_route_asks_for_the_scope_that_it_needs(alice, alice_api, hers):
    def bearer(scope: str) -> APIClient:
        token = ApiToken.objects.issue(alice.user, scope, scopes=[scope])
        return APIClient(headers={"Authorization": f"Bearer {token}"})

    reads, writes, reviews = bearer("read"), bearer("write"), bearer("review")
    open_to_all = {"/api/v1/schema", "/api/v1/meta"}
    for method, path in operations(alice_api):
        if path in open_to_all:
            continue
        wrong = (writes, reviews) if method == "get" else (reads, reviews)
        for client in wrong:
            response = getattr(client, method)(filled(path, hers), {}, format="json")
            assert response.status_code == 403, (method, path)
            assert response.json()["code"] == "TOKEN_SCOPE", (method, path)


def test_the_same_routes_are_there_for_their_owner(alice_api, hers):
    """So that the walk above proves something."""
    for method, path in operations(alice_api):
        if method == "get" and "{" in path:
            assert alice_api.get(filled(path, hers)).status_code == 200, path
