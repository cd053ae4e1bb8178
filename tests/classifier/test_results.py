"""The results of a large batch, of which no more than a page is ever in memory."""

import json
import tracemalloc

import pytest
from django.utils import timezone

from classifier.api import results
from classifier.models import Batch, Prediction, Status
from tests import make

pytestmark = pytest.mark.django_db
ROWS = 1750


@pytest.fixture
def batch(alice) -> Batch:
    now = timezone.now()
    batch = Batch.objects.create(owner=alice.user, sealed_at=now, finished_at=now)
    answer = {"label": "dog", "confidence": 0.7, "probabilities": [0.2, 0.7, 0.1]}
    answer["model"] = make.model_version()
    Prediction.objects.bulk_create(
        Prediction(
            batch=batch,
            owner=alice.user,
            position=n,
            custom_id=f"{n}.jpg",
            status=Status.SUCCEEDED,
            finished_at=now,
            **answer,
        )
        for n in range(ROWS)
    )
    return batch


@pytest.mark.parametrize(("media_type", "extra"), [("application/jsonl", 0), ("text/csv", 1)])
def test_however_long_the_batch_only_a_page_of_it_is_in_memory(
    alice_api, batch, monkeypatch, media_type, extra
):
    def most_memory(page: int) -> int:
        monkeypatch.setattr(results, "PAGE", page)
        headers = {"Accept": media_type}
        response = alice_api.get(f"/api/v1/batches/{batch.pk}/results", headers=headers)
        tracemalloc.start()
        try:
            lines = sum(chunk.count(b"\n") for chunk in response.streaming_content)
            assert lines == ROWS + extra
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most_memory(ROWS)  # whatever is kept for ever is there now
    assert most_memory(ROWS // 10) < most_memory(ROWS) / 3


def test_a_page_costs_one_query_however_far_down_it_is(
    alice_api, batch, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(results, "PAGE", 250)
    response = alice_api.get(f"/api/v1/batches/{batch.pk}/results")
    # The last one finds nothing, and one reads the model of all.
    with django_assert_num_queries(ROWS // 250 + 2):
        sizes = [chunk.count(b"\n") for chunk in response.streaming_content]
    assert sum(sizes) == ROWS and max(sizes) == results.CHUNK


@pytest.fixture
def mixed(alice) -> Batch:
    """One of each fate: two versions' answers, one withheld, one in the trash, one failed, one
    that waits, one that was erased."""
    now = timezone.now()
    batch = Batch.objects.create(owner=alice.user, sealed_at=now)
    fates = ("plain", "newer", "withheld", "trashed", "failed", "waits", "erased")
    for n, fate in enumerate(fates):
        row = make.prediction(alice, batch=batch, position=n, custom_id=fate)
        if fate not in ("failed", "waits"):
            make.answer(row)
    rows = {row.custom_id: row for row in batch.items.select_related("image")}
    newer = make.model_version(digest="e" * 64)
    batch.items.filter(custom_id="newer").update(model=newer, off_topic=True, off_topic_score=2.5)
    type(rows["plain"].image).objects.filter(pk=rows["withheld"].image_id).update(
        quarantined_at=now
    )
    rows["trashed"].image.trash()
    rows["erased"].image.erase()
    fields = {"status": Status.FAILED, "error_code": "PREVIEW_UNREADABLE", "finished_at": now}
    batch.items.filter(custom_id="failed").update(**fields)
    return batch


@pytest.mark.parametrize("media_type", ["application/jsonl", "text/csv"])
def test_whatever_became_of_an_item_its_line_costs_no_query(
    alice_api, mixed, media_type, django_assert_num_queries
):
    response = alice_api.get(f"/api/v1/batches/{mixed.pk}/results", headers={"Accept": media_type})
    with django_assert_num_queries(3):  # a page, its two models, and the page that is empty
        assert b"".join(response.streaming_content)


def test_each_line_tells_its_item_s_fate_and_its_own_model(alice_api, mixed):
    response = alice_api.get(f"/api/v1/batches/{mixed.pk}/results")
    told = {
        line["custom_id"]: line
        for line in map(json.loads, b"".join(response.streaming_content).splitlines())
    }
    assert list(told) == ["plain", "newer", "withheld", "trashed", "failed", "waits", "erased"]
    assert told["plain"]["result"]["label"] == "dog"
    assert told["newer"]["result"]["off_topic"] == {"score": 2.5, "flag": True}
    assert told["newer"]["model"] and told["waits"]["model"] is None
    assert told["withheld"]["error"]["code"] == "IMAGE_WITHHELD"
    assert told["failed"]["error"]["code"] == "PREVIEW_UNREADABLE"
    assert [name for name, line in told.items() if line["deleted"]] == ["trashed", "erased"]
    assert [name for name, line in told.items() if line["result"]] == ["plain", "newer"]
