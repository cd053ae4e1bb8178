"""The pages show each request as code that gives it again."""

import html
import re

import pytest

from classifier.models import Prediction
from tests import make
from tests.classifier.test_pages import LANGUAGES, is_ukrainian, main_text, post

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_result_shows_its_own_request_as_code(client, language):
    response = post(client, make.upload(name='a "b" <i>.jpg'), language=language)
    (row,) = Prediction.objects.all()
    page = client.get(f"/predictions/{row.pk}/", headers={"Accept-Language": language})
    codes = shown_code(page)
    assert [code.split()[0] for code in codes] == ["curl", "import", "import"]
    assert all("http://testserver/api/v1/predictions" in code for code in codes)
    assert all("wait=30" in code and "KADR_TOKEN" in code for code in codes)
    assert 'a \\"b\\" <i>.jpg' in codes[1] and "<i>" not in page.content.decode()
    assert is_ukrainian(main_text(response)) == (language == "uk")


def test_the_start_page_shows_the_same_code_for_any_picture(client):
    codes = shown_code(client.get("/"))
    assert len(codes) == 3
    assert all("photo.jpg" in code for code in codes)


def test_the_code_names_the_address_by_which_the_page_was_reached(client, settings):
    settings.ALLOWED_HOSTS = ["kadr.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = {"Host": "kadr.example", "X-Forwarded-Proto": "https"}
    for code in shown_code(client.get("/", headers=headers)):
        assert "https://kadr.example/api/v1/predictions" in code


def test_a_number_of_labels_that_was_asked_for_stands_in_the_code(client):
    post(client, make.upload())
    Prediction.objects.update(top_k=7)
    (row,) = Prediction.objects.all()
    curl, python, javascript = shown_code(client.get(f"/predictions/{row.pk}/"))
    assert "top_k=7" in curl
    assert '{"top_k": "7"}' in python
    assert 'body.append("top_k", "7")' in javascript


def shown_code(response) -> list[str]:
    found = re.findall(r'<code translate="no">(.*?)</code>', response.content.decode(), re.DOTALL)
    return [html.unescape(code) for code in found]
