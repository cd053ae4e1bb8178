"""Refusals that tell the truth about what is wrong."""

import base64
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from django.utils.translation import override

from classifier.models import Prediction
from classifier.problem_kinds import KINDS
from classifier.problems import Problem
from tests import make

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


@pytest.mark.parametrize("path", ["/", URL])
def test_a_host_that_is_not_ours_is_told_which_setting_to_look_at(client, path):
    response = client.get(path, headers={"Host": "kadr.example"})
    assert response.status_code == 400
    assert "KADR_HOSTS" in response.content.decode()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered_whatever_name_they_use(client, path):
    assert client.get(path, headers={"Host": "10.1.2.3"}).status_code in (200, 503)


@pytest.mark.parametrize("position", ["p=nonsense", "p=" + "9" * 400, "o=-1", "p=\x00"])
def test_a_cursor_that_is_made_up_is_refused(api, position):
    cursor = base64.b64encode(position.encode()).decode()
    response = api.get(f"{URL}?{urlencode({'cursor': cursor})}")
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert response.json()["code"] == "CURSOR_INVALID"


def test_a_history_mark_from_before_all_time_gives_the_first_page(client):
    client.post("/", {"image": make.upload()})
    mark = "0001-01-01T00:00:00+23:59_" + "0" * 32
    page = client.get("/", {"before": mark})
    assert page.status_code == 200


def test_what_failed_is_tried_again_after_a_while_and_not_at_once(settings):
    settings.RETRY_SECONDS = 10
    row = make.prediction()
    (claimed,) = Prediction.objects.claim(1, worker="w")
    Prediction.objects.give_back(claimed.fence, row.pk, "INFERENCE_FAILED")
    assert Prediction.objects.claim(1, worker="w") == []
    Prediction.objects.update(queued_at=timezone.now() - timedelta(seconds=1))
    assert len(Prediction.objects.claim(1, worker="w")) == 1


def test_the_docs_tell_every_code_its_status_and_what_to_do():
    text = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.+?) \| (.*?) ?\|$", text, re.MULTILINE)
    with override("en"):
        told = {code: (int(status), title, detail) for code, status, title, detail in rows}
        problems = {code: Problem(code) for code in KINDS}
        assert told == {c: (p.status, p.title, p.detail) for c, p in problems.items()}
