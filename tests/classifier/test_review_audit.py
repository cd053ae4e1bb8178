"""The random audit: which answers are drawn, with what probability, at what cost."""

import uuid

import pytest
from django.db import connection, transaction

from classifier.models import (
    Prediction,
    Result,
    ReviewTask,
    Stream,
)
from classifier.models.review_task import drawn
from tests import make
from tests.classifier.test_review_words import (
    ann as ann,
)
from tests.classifier.test_review_words import (
    say as say,
)

pytestmark = pytest.mark.django_db


def test_every_answer_knows_by_how_much_it_leads():
    row = make.answered(result=Result("dog", 0.7, [0.2, 0.7, 0.1]))
    assert row.margin == pytest.approx(0.5)


def test_an_only_class_leads_by_all_it_has():
    assert Result("dog", 1.0, [1.0]).margin == 1.0


def test_what_is_published_is_drawn_with_its_probability_kept(settings):
    settings.AUDIT_SHARE = 1.0
    row = make.answered()
    task = ReviewTask.objects.get()
    assert (task.prediction, task.stream, task.inclusion_probability) == (row, Stream.AUDIT, 1.0)


def test_nothing_is_drawn_where_the_share_is_nought():
    make.answered()
    assert not ReviewTask.objects.exists()


def test_an_answer_that_came_too_late_is_not_drawn(settings):
    settings.AUDIT_SHARE = 1.0
    row = make.prediction()
    (claimed,) = Prediction.objects.claim(1, worker="slow")
    Prediction.objects.filter(pk=row.pk).cancel()
    Prediction.objects.publish(claimed.fence, make.model_version(), {row.pk: make.RESULT})
    assert not ReviewTask.objects.exists()


def test_a_task_of_an_image_that_was_reviewed_before_is_settled_at_once(ann, settings):
    row = make.answered()
    say(ann, row, "cat")
    settings.AUDIT_SHARE = 1.0
    make.answer(Prediction.objects.ask(row.image))
    assert ReviewTask.objects.get().settled_at is not None


def test_the_draw_takes_its_share_of_all_and_the_same_ones_each_time():
    ids = [uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128) for n in range(20_000)]
    taken = [pk for pk in ids if drawn(pk, 0.1)]
    assert 1800 < len(taken) < 2200  # a hundred thousand to one
    assert taken == [pk for pk in ids if drawn(pk, 0.1)]
    assert not any(drawn(pk, 0.0) for pk in ids) and all(drawn(pk, 1.0) for pk in ids)


def test_the_draw_costs_a_publication_no_query_a_row(settings, django_assert_num_queries):
    version, rows = make.model_version(), [make.prediction() for _ in range(8)]
    claimed = Prediction.objects.claim(8, worker="w")
    results = {row.pk: make.RESULT for row in rows}

    def publish(share: float) -> None:
        settings.AUDIT_SHARE = share
        Prediction.objects.publish(claimed[0].fence, version, results)

    with transaction.atomic():
        with CountQueries() as without:
            publish(0.0)
        transaction.set_rollback(True)
    with CountQueries() as with_all:
        publish(1.0)
    assert len(with_all) <= len(without) + 2 and ReviewTask.objects.count() == 8


class CountQueries(list):
    def __enter__(self):
        self.wrapper = connection.execute_wrapper(self._note)
        self.wrapper.__enter__()
        return self

    def __exit__(self, *error):
        return self.wrapper.__exit__(*error)

    def _note(self, execute, sql, params, many, context):
        self.append(sql)
        return execute(sql, params, many, context)
