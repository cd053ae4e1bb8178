"""How pictures leave the service: inert, and without what their owner did not mean to show."""

import io
import re

import pytest
from django.conf import settings as site
from PIL import Image as Pillow

from classifier.models import Image
from tests import archives, hostile, make

pytestmark = pytest.mark.django_db
TRACES = (b"SECRET", b"Exif", b"http://ns.adobe", b"ICC_PROFILE", b"Photoshop", b"GPS")
POLYGLOT = hostile.with_segments(
    make.jpeg(40, 40), hostile.segment(hostile.COMMENT, b"<html><script>alert(1)</script>")
)


def by_form(client, alice_api, data):
    client.post("/", {"image": make.upload(data)})


def by_api(client, alice_api, data):
    alice_api.post("/api/v1/predictions", {"image": make.upload(data)})


def by_batch(client, alice_api, data):
    alice_api.post("/api/v1/batches", {"image": make.upload(data)})


def by_zip(client, alice_api, data):
    send_archive(alice_api, archives.zip_of({"a.jpg": data}))


def by_tar(client, alice_api, data):
    send_archive(alice_api, archives.tar_of({"a.jpg": data}))


def send_archive(api, content):
    api.post("/api/v1/batches", {"archive": make.upload(content, "photos")})


def content(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize("size", [(48, 40), (320, 200), (1600, 1000)])
@pytest.mark.parametrize("sent", [by_form, by_api, by_batch, by_zip, by_tar])
def test_a_picture_s_metadata_is_never_served_whatever_way_it_came_in(
    client, alice_api, alice, sent, size
):
    data = hostile.telling(*size)
    assert all(trace in data for trace in (b"SECRET", b"Exif", b"http://ns.adobe", b"ICC_PROFILE"))
    sent(client, alice_api, data)
    image = Image.objects.get()
    if image.owner:
        client.force_login(alice.user)
    preview = content(client.get(f"/images/{image.pk}.jpg"))
    assert [trace for trace in TRACES if trace in preview] == []
    picture = Pillow.open(io.BytesIO(preview))
    assert not picture.getexif() and not {"exif", "xmp", "comment", "icc_profile"} & set(
        picture.info
    )
    assert picture.height > picture.width  # it was stored sideways
    assert (image.width, image.height) == (size[1], size[0])


def test_a_picture_is_served_so_that_a_browser_can_only_show_it(client):
    client.post("/", {"image": make.upload(POLYGLOT, "page.html")})
    response = client.get(f"/images/{Image.objects.get().pk}.jpg")
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r'inline; filename="[0-9a-f-]{36}\.jpg"', response["Content-Disposition"])
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "private" in response["Cache-Control"]
    assert b"<script" not in content(response)


def test_an_unchanged_picture_is_answered_as_strictly(client):
    client.post("/", {"image": make.upload(POLYGLOT)})
    url = f"/images/{Image.objects.get().pk}.jpg"
    response = client.get(url, headers={"If-None-Match": client.get(url)["ETag"]})
    assert response.status_code == 304
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_original_is_at_no_address(client, admin_client):
    client.post("/", {"image": make.upload(POLYGLOT)})
    image = Image.objects.get()
    for base in ("/images/", "/media/", "/data/images/", "/static/", "/"):
        for name in (image.original.name, image.preview.name):
            assert client.get(base + name).status_code == 404
    page = admin_client.get(f"/admin/classifier/image/{image.pk}/change/").content.decode()
    assert image.original.name not in page


def test_a_name_that_is_a_script_is_only_shown(client):
    client.post("/", {"image": make.upload(name="<script>alert(1)</script>.jpg")}, follow=True)
    page = client.get("/").content.decode()
    assert "<script>alert" not in page


PAGES = ["/", "/model/", "/login/", "/api/", "/admin/login/", "/nothing/", "/api/v1/schema"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_policy_that_allows_nothing_inline_and_nobody_else(client, path):
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert "default-src 'self'" in policy and "object-src 'none'" in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/admin/", "/admin/classifier/image/", "/admin/auth/user/add/"])
def test_the_admin_has_the_same_policy(admin_client, path):
    assert admin_client.get(path)["Content-Security-Policy"] == site.CONTENT_SECURITY_POLICY


def test_a_body_larger_than_anything_taken_is_refused_before_it_is_read(client):
    for path, most in (("/", site.MAX_FORM_BYTES), ("/login/", site.MAX_FORM_BYTES)):
        response = client.generic("POST", path, b"", CONTENT_LENGTH=str(most + 1))
        assert response.status_code == 413
    response = client.generic("POST", "/api/v1/batches", b"", CONTENT_LENGTH=str(10 * 1024**3))
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("path", ["/", "/login/", "/api/v1/batches", "/api/v1/predictions"])
def test_a_body_in_chunks_is_not_taken_for_an_empty_one(client, path):
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert client.generic("POST", path, b"", **chunked).status_code == 411
    # A proxy may say so of every request that it took by HTTP/2.
    assert client.get(path, **{"HTTP_TRANSFER_ENCODING": "chunked"}).status_code != 411


def test_thousands_of_fields_are_refused(api):
    fields = {f"field{n}": "x" for n in range(5000)}
    response = api.post("/api/v1/predictions", {**fields, "image": make.upload()})
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_REQUEST")


def test_thousands_of_files_are_refused(api):
    files = [make.upload(b"x") for _ in range(1500)]
    assert api.post("/api/v1/predictions", {"image": files}).json()["code"] == "TOO_MANY_IMAGES"
    assert api.post("/api/v1/batches", {"image": files}).json()["code"] == "BATCH_TOO_LARGE"
