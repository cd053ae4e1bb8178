"""Run by the upgrade tests in a process of its own, on an upgraded database: what the API and the
admin make of it. Prints what it saw as JSON."""

import json
import re

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.storage import default_storage  # noqa: E402
from django.test import Client  # noqa: E402

from classifier.models import Image  # noqa: E402
from tests import make  # noqa: E402
from tests.upgrades.states import SESSION, TOKEN_PREFIX  # noqa: E402

settings.STORAGES["staticfiles"]["BACKEND"] = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
)
PICTURE = make.jpeg()
PATHS = ("predictions", "batches", "exports", "webhook-endpoints")


def bring_pictures() -> None:
    """SQL holds no files: each picture gets one."""
    for image in Image.objects.all():
        for name in {image.original.name, image.preview.name}:
            default_storage.save(name, ContentFile(PICTURE))


def of_api(client: Client) -> dict[str, object]:
    seen: dict[str, object] = {}
    for path in PATHS:
        response = client.get(f"/api/v1/{path}?page_size=100")
        if response.status_code == 401:  # webhooks need an account
            continue
        assert response.status_code == 200, (path, response.content)
        body = response.json()
        seen[path] = rows = body if isinstance(body, list) else body["results"]
        for row in rows:
            detail = client.get(f"/api/v1/{path}/{row['id']}")
            assert detail.status_code == 200, (path, row["id"], detail.content)
    pictured = [row for row in seen["predictions"] if row["image"]]  # not what a batch refused
    assert len(pictured) >= 5
    for row in pictured:
        assert b"".join(client.get(row["image"]["url"]).streaming_content) == PICTURE
    for row in seen["batches"]:
        assert client.get(f"/api/v1/batches/{row['id']}/results").status_code == 200
    return seen


def of_admin() -> int:
    """Every list and every row of the app."""
    client, opened = Client(), 0
    client.force_login(User.objects.get(username="alice"))
    index = client.get("/admin/").content.decode()
    for url in sorted(set(re.findall(r"/admin/classifier/\w+/(?=\")", index))):
        page = client.get(url)
        assert page.status_code == 200, url
        for row in set(re.findall(rf"{url}[\w-]+/change/", page.content.decode())):
            assert client.get(row).status_code == 200, row
            opened += 1
    return opened


bring_pictures()
bearers = [
    Client(headers={"Authorization": f"Bearer {TOKEN_PREFIX}{name}"}) for name in ("alice", "bob")
]
visitor = Client()
visitor.cookies[settings.SESSION_COOKIE_NAME] = SESSION
print(json.dumps({"api": [of_api(c) for c in (*bearers, visitor)], "admin": of_admin()}))
