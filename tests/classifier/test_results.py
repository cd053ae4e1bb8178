"""The results of a large batch, of which no more than a page is ever in memory."""

import weakref
from collections.abc import Iterator

import pytest
from django.db.models.signals import post_init
from django.utils import timezone

from classifier.api import results
from classifier.models import Batch, Prediction, Status
from tests import make

pytestmark = pytest.mark.django_db
ROWS = 1750


class Living:
    """Counts the predictions that are in memory, and remembers the most there were."""

    def __init__(self) -> None:
        self.now = self.most = self.ever = 0

    def born(self, instance: Prediction, **_kwargs: object) -> None:
        self.ever += 1
        self.now += 1
        self.most = max(self.most, self.now)
        weakref.finalize(instance, self._gone)

    def _gone(self) -> None:
        self.now -= 1


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


@pytest.fixture
def living() -> Iterator[Living]:
    counted = Living()
    post_init.connect(counted.born, sender=Prediction)
    yield counted
    post_init.disconnect(counted.born, sender=Prediction)


@pytest.mark.parametrize(("media_type", "extra"), [("application/jsonl", 0), ("text/csv", 1)])
def test_however_long_the_batch_only_a_page_of_it_is_in_memory(
    alice_api, batch, living, monkeypatch, media_type, extra
):
    monkeypatch.setattr(results, "PAGE", 250)
    response = alice_api.get(f"/api/v1/batches/{batch.pk}/results", headers={"Accept": media_type})
    lines = sum(chunk.count(b"\n") for chunk in response.streaming_content)
    assert lines == ROWS + extra
    assert living.ever == ROWS
    assert living.most <= 2 * 250  # one page, and the next while it is read
    assert living.now <= 250


def test_a_page_costs_one_query_however_far_down_it_is(
    alice_api, batch, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(results, "PAGE", 250)
    response = alice_api.get(f"/api/v1/batches/{batch.pk}/results")
    # The last one finds nothing, and one reads the model of all.
    with django_assert_num_queries(ROWS // 250 + 2):
        sizes = [chunk.count(b"\n") for chunk in response.streaming_content]
    assert sum(sizes) == ROWS and max(sizes) == results.CHUNK
