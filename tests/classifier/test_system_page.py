"""The system page: queues, workers, and what Kadr stands on."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from classifier import system
from classifier.models import Prediction, Worker, WorkQueue
from tests import make
from tests.valkey import Valkey

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]
PAGE = "admin:classifier_workqueue_changelist"


def page_of(client: Client) -> str:
    return client.get(reverse(PAGE), headers={"Accept-Language": "en"}).content.decode()


def row_of(page: str, name: str) -> str:
    """A queue's row, as text."""
    found = re.search(rf'<tr id="queue-{name}">(.*?)</tr>', page, re.S)
    assert found
    return re.sub(r"<[^>]*>|\s+", " ", found[1])


def change(client: Client, name: str, state: str):
    return client.post(reverse("admin:classifier_queue", args=[name, state]))


def test_it_tells_depth_and_oldest_by_queue(admin_client):
    row = make.prediction()
    Prediction.objects.update(queued_at=row.queued_at - timedelta(minutes=7))
    make.prediction(priority=1)
    make.prediction(priority=1)
    page = page_of(admin_client)
    assert re.search(r"open\s+1\s+0\s+7.minutes", row_of(page, "interactive"))
    assert re.search(r"open\s+2\s+0\s+\d+.s", row_of(page, "batch"))
    assert re.search(r"open\s+0\s+0\s+–", row_of(page, "webhooks"))


def test_a_queue_is_paused_drained_and_opened_there(admin_client):
    for state in ("paused", "draining", "open"):
        assert change(admin_client, "batch", state).status_code == 302
        assert WorkQueue.objects.get(name="batch").state == state
        assert state in row_of(page_of(admin_client), "batch")
    assert WorkQueue.objects.get(name="batch").user.username == "admin"


def test_opening_a_queue_wakes_a_worker(admin_client, bell_rings):
    change(admin_client, "batch", "open")
    assert bell_rings


@pytest.mark.parametrize(("name", "state"), [("nothing", "paused"), ("batch", "gone")])
def test_what_is_no_queue_or_no_state_changes_nothing(admin_client, name, state):
    change(admin_client, name, state)
    assert not WorkQueue.objects.exists()


def test_staff_looks_and_only_who_may_changes(client):
    client.force_login(make.user("staff", is_staff=True))
    page = page_of(client)
    assert "interactive" in page and ">Pause" not in page
    assert reverse("admin:classifier_queue", args=["batch", "paused"]) not in page
    assert change(client, "batch", "paused").status_code == 403
    assert not WorkQueue.objects.exists()


def test_visitors_are_sent_to_the_log_in_page(client):
    assert "login" in client.get(reverse(PAGE))["Location"]
    assert "login" in change(client, "batch", "paused")["Location"]


def test_looking_at_the_address_that_changes_a_queue_changes_nothing(admin_client):
    url = reverse("admin:classifier_queue", args=["batch", "paused"])
    assert admin_client.get(url).status_code == 405
    assert not WorkQueue.objects.exists()


def test_it_tells_each_worker_s_host_model_device_last_batch_and_rate(admin_client):
    known = {"host": "gpu1", "device": "NVIDIA H100", "model": make.model_version()}
    done = {"answered": 12345, "last_batch_at": Now(), "last_batch_size": 64, "rate": 87.5}
    Worker.objects.beat("gpu1:7", **known, **done)
    Worker.objects.beat("gpu2:9", **{**known, "host": "gpu2"})
    Worker.objects.filter(name="gpu2:9").update(last_seen_at=Now() - timedelta(minutes=5))
    page = page_of(admin_client)
    for told in ("gpu1:7", "NVIDIA H100", "tiny", "dddddddd", "87.5", "12,345", "64", "alive"):
        assert told in page, told
    assert "gpu2:9" in page and "silent" in page


@pytest.fixture
def valkey(tmp_path, settings):
    server = Valkey(tmp_path).start()
    settings.REDIS_URL = server.url
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": server.url}}
    yield server
    server.kill()


def test_it_tells_what_kadr_stands_on(valkey):
    with override("en"):
        database, broker, disk = system.parts()
    assert not database.fault and len(database.known) == 3
    assert "valkey" in broker.known["kind"]
    assert "No worker has taken a message" in broker.fault
    assert broker.known["messages that wait"] == "0"
    assert " GB" in disk.known["free"] and not disk.fault


def test_a_broker_that_is_away_is_told_and_the_page_is_there(admin_client, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=0"
    assert "nowhere" in system.broker().fault
    assert "Queues" in page_of(admin_client)


def test_a_full_disk_is_told(settings):
    settings.FREE_BYTES = 1024**5
    assert system.disk().fault


def test_the_page_holds_no_script_and_no_style_of_its_own(admin_client):
    response = admin_client.get(reverse(PAGE))
    page = response.content.decode()
    assert "unsafe" not in response["Content-Security-Policy"]
    assert ' style="' not in page.split('id="live"')[1]
    assert re.findall(r"<script(?![^>]* src=)", page.split('id="live"')[1]) == []
