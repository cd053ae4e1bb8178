"""A request that is cut off is no shorter request."""

import io

import pytest

from classifier.models import ApiToken, Batch, Prediction
from classifier_site.wsgi import application
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)  # a real request closes its connection
BOUNDARY = "b"


def body(*pictures: bytes) -> bytes:
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="%d.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (n, content)
        for n, content in enumerate(pictures)
    ]
    return b"".join(parts) + b"--b--\r\n"


def post(path: str, token: str, sent: bytes, stated: int) -> str:
    """The status line of a POST of which only `sent` arrives."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
        "CONTENT_LENGTH": str(stated),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "HTTP_IDEMPOTENCY_KEY": "k",
        "wsgi.input": io.BytesIO(sent),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    response = application(environ, lambda status, *_rest: said.append(status))
    b"".join(response)
    return said[0][:3]


@pytest.mark.parametrize("path", ["/api/v1/predictions", "/api/v1/batches"])
def test_a_form_that_is_cut_off_anywhere_leaves_nothing_and_may_be_sent_again(alice, path):
    token = ApiToken.objects.issue(alice.user, "test")
    whole = body(make.noise_jpeg(1)) if "predictions" in path else body(*[make.jpeg()] * 2)
    for end in range(0, len(whole) - 1, max(1, len(whole) // 40)):
        assert post(path, token, whole[:end], len(whole)) == "400"
    assert not Prediction.objects.exists() and not Batch.objects.exists()
    assert post(path, token, whole, len(whole)) == "202"
