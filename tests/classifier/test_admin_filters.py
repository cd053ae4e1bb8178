"""The filters of the admin's lists: what they offer, without reading a long list for it."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import filling
from classifier.models import (
    Correction,
    Image,
    Prediction,
    Recall,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import make

pytestmark = pytest.mark.django_db
PREDICTIONS = "admin:classifier_prediction_changelist"
DATED = ["prediction", "image", "review", "reviewtask", "webhookdelivery"]
ENGLISH = {"Accept-Language": "en"}


def asked(client, page: str = PREDICTIONS, **params: str):
    return client.get(reverse(page), params, headers=ENGLISH)


def shown(client, **params: str) -> set[str]:
    response = asked(client, **params)
    return {str(row.pk) for row in response.context["cl"].result_list}


def at(*moments: str) -> list[Prediction]:
    """Answered predictions of these moments, in ISO 8601."""
    rows = [make.answered() for _ in moments]
    for row, moment in zip(rows, moments, strict=True):
        Prediction.objects.filter(pk=row.pk).update(created_at=datetime.fromisoformat(moment))
    return rows


def ids(*rows: Prediction) -> set[str]:
    return {str(row.pk) for row in rows}


# By class and by error


def test_the_classes_that_the_models_know_are_offered_whether_or_not_they_occur(admin_client):
    dog = make.answered()
    page = asked(admin_client).content.decode()
    assert all(f'href="?label={name}"' in page for name in ("cat", "dog", "ship"))
    assert shown(admin_client, label="dog") == ids(dog)
    assert shown(admin_client, label="cat") == set()


def test_a_class_of_an_older_version_is_offered_too(admin_client):
    older = make.model_version("e" * 64)
    type(older).objects.filter(pk=older.pk).update(
        classes=[{"id": "axolotl", "uk": "аксолотль", "en": "axolotl"}]
    )
    assert 'href="?label=axolotl"' in asked(admin_client).content.decode()


def test_the_errors_that_occur_are_offered(admin_client):
    make.answered()
    assert "By error" not in asked(admin_client).content.decode()
    broken = make.prediction(error_code="INFERENCE_FAILED")
    page = asked(admin_client).content.decode()
    assert "By error" in page and page.count('href="?error_code=') == 1
    assert shown(admin_client, error_code="INFERENCE_FAILED") == ids(broken)
    assert str(broken.pk) not in shown(admin_client, error_code="")
    assert len(shown(admin_client, error_code="")) == 1


# By day


@pytest.fixture
def three():
    return at("2026-03-01T00:00:00+00:00", "2026-03-01T23:59:59+00:00", "2026-03-02T00:00:00+00:00")


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2026-03-01", "2026-03-01", [0, 1]),
        ("2026-03-02", "", [2]),
        ("", "2026-03-01", [0, 1]),
        ("2026-02-01", "2026-03-31", [0, 1, 2]),
        ("2026-03-03", "", []),
        ("2026-03-02", "2026-03-01", []),
        ("", "", [0, 1, 2]),
    ],
)
def test_from_one_day_to_another_both_are_whole(admin_client, three, settings, first, last, found):
    settings.TIME_ZONE = "UTC"
    said = shown(admin_client, created_at_first=first, created_at_last=last)
    assert said == ids(*(three[place] for place in found))


def test_a_day_begins_at_midnight_where_the_site_is(admin_client, settings):
    settings.TIME_ZONE = "Europe/Kyiv"  # two hours ahead in winter
    late, next_day = at("2026-02-28T21:59:59+00:00", "2026-02-28T22:00:00+00:00")
    assert shown(admin_client, created_at_first="2026-03-01") == ids(next_day)
    assert shown(admin_client, created_at_last="2026-02-28") == ids(late)


def test_the_first_day_of_all_is_refused_where_it_begins_before_time_does(admin_client, settings):
    settings.TIME_ZONE = "Europe/Kyiv"
    assert asked(admin_client, created_at_first="0001-01-01").status_code == 302


@pytest.mark.parametrize("written", ["yesterday", "2026-02-30", "9999-12-31", "2026-03-01'--"])
def test_a_day_that_is_none_is_refused_and_no_list_is_shown_for_it(admin_client, three, written):
    response = asked(admin_client, created_at_last=written)
    assert response.status_code == 302 and response["Location"].endswith("?e=1")


def test_the_form_takes_along_what_else_the_list_was_asked_for(admin_client, three):
    page = asked(admin_client, label="dog", q="photo", created_at_first="2026-03-02", o="4")
    form = page.content.decode().partition('<form method="get">')[2].partition("</form>")[0]
    for name, value in (("label", "dog"), ("q", "photo"), ("o", "4")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in form
    assert form.count('name="created_at_first"') == form.count('name="created_at_last"') == 1
    assert 'name="created_at_first" value="2026-03-02"' in form


def test_what_it_takes_along_cannot_break_out_of_the_form(admin_client, three):
    page = asked(admin_client, q='"><script>alert(1)</script>').content.decode()
    assert "<script>alert(1)" not in page


def test_its_links_are_days_from_today_back(admin_client, monkeypatch):
    today = datetime(2026, 3, 4, 12, tzinfo=UTC)
    monkeypatch.setattr("classifier.admin.filters.timezone.localdate", lambda: today.date())
    page = asked(admin_client, created_at_first="2026-03-04").content.decode()
    links = ["2026-03-04", "2026-02-26", "2026-03-01", "2026-01-01"]
    assert all(f'href="?created_at_first={day}"' in page for day in links)
    assert '<li class="selected"><a href="?created_at_first=2026-03-04">Today</a>' in page


def test_an_older_link_s_lookup_holds_until_another_day_is_chosen(admin_client, three):
    response = asked(admin_client, created_at__year="2025", label="dog")
    assert not response.context["cl"].result_list
    page = response.content.decode()
    assert '<li class="selected"><a href="?label=dog">Any date</a>' not in page
    assert '<a href="?label=dog">Any date</a>' in page
    assert 'type="hidden" name="created_at__year"' not in page.partition('<form method="get">')[2]


# By what an endpoint answered


def test_deliveries_are_found_by_the_kind_of_their_last_answer(admin_client, alice):
    deliveries = "admin:classifier_webhookdelivery_changelist"
    endpoint = WebhookEndpoint.objects.create(user=alice.user, url="https://example.org/hook")
    for status in (None, 200, 299, 404, 500, 503):
        WebhookDelivery.objects.create(endpoint=endpoint, event="test", last_status=status)
    found = {}
    for kind in ("none", "2", "3", "4", "5", "nonsense"):
        rows = asked(admin_client, deliveries, answered=kind).context["cl"].result_list
        found[kind] = sorted(row.last_status or 0 for row in rows)
    assert found["none"] == [0] and found["2"] == [200, 299] and found["3"] == []
    assert found["4"] == [404] and found["5"] == [500, 503]
    assert found["nonsense"] == [0, 200, 299, 404, 500, 503]


@pytest.mark.parametrize("model", DATED)
def test_every_list_of_what_comes_day_by_day_has_it(admin_client, model):
    page = asked(admin_client, f"admin:classifier_{model}_changelist").content.decode()
    assert 'name="created_at_first"' in page and 'name="created_at_last"' in page


def test_it_is_told_in_ukrainian_too(admin_client):
    page = admin_client.get(reverse(PREDICTIONS), headers={"Accept-Language": "uk"})
    text = page.content.decode()
    assert "Перший день" in text and "Показати ці дні" in text and "Останні 7 днів" in text


# However long the list is


@pytest.mark.parametrize("model", [*DATED, "correction"])
def test_no_list_is_read_to_find_out_what_there_is_to_choose(admin_client, model):
    make.answered()
    make.prediction(error_code="INFERENCE_FAILED")
    with CaptureQueriesContext(connection) as told:
        asked(admin_client, f"admin:classifier_{model}_changelist")
    queries = [q["sql"] for q in told.captured_queries]
    assert not [sql for sql in queries if "MIN(" in sql or "trunc" in sql.lower()]
    chosen = [sql for sql in queries if "DISTINCT" in sql]
    assert all("error_code" in sql and "JOIN" not in sql for sql in chosen)
    assert len(chosen) == (model == "prediction")


def test_the_errors_come_out_of_their_index():
    ended = Prediction.objects.order_by("error_code").exclude(error_code="")
    codes = ended.values_list("error_code", flat=True).distinct()
    if connection.vendor == "sqlite":  # PostgreSQL reads a short table whole
        assert "COVERING INDEX prediction_with_error" in codes.explain()


def test_so_does_a_list_of_one_error(admin_client):
    make.prediction(error_code="INFERENCE_FAILED")
    rows = asked(admin_client, error_code="INFERENCE_FAILED").context["cl"].queryset
    if connection.vendor == "sqlite":
        plan = rows[:50].explain()
        assert "USING INDEX prediction_with_error" in plan and "TEMP B-TREE" not in plan


def test_a_list_of_one_model_comes_out_of_its_index(admin_client):
    model = make.answered().model
    rows = asked(admin_client, model__id__exact=str(model.pk)).context["cl"].queryset
    assert rows.count() == 1
    if connection.vendor == "sqlite":
        plan = rows[:50].explain()
        assert "USING INDEX prediction_of_model" in plan and "TEMP B-TREE" not in plan


@pytest.mark.parametrize("written", [str, lambda pk: f" {pk.hex.upper()} "])
def test_a_whole_id_is_looked_up_and_not_looked_for(admin_client, written):
    row, _other = make.answered(), make.answered()
    response = asked(admin_client, q=written(row.pk))
    assert [found.pk for found in response.context["cl"].result_list] == [row.pk]
    assert " LIKE " not in str(response.context["cl"].queryset.query)


def test_so_it_is_where_a_list_is_of_what_belongs_to_a_prediction(admin_client):
    rows = [make.answered() for _ in range(2)]
    recall = Recall.objects.create()
    for row in rows:
        Correction.objects.create(recall=recall, prediction=row)
    response = asked(admin_client, "admin:classifier_correction_changelist", q=str(rows[1].pk))
    assert [found.prediction_id for found in response.context["cl"].result_list] == [rows[1].pk]
    assert " LIKE " not in str(response.context["cl"].queryset.query)


def test_a_name_that_is_written_like_an_id_is_found_all_the_same(admin_client):
    row, _other = make.answered(), make.answered()
    name = "3F2504E0-4F89-11D3-9A0C-0305E82C3301"
    Image.objects.filter(pk=row.image_id).update(name=f"{name}.jpg")
    assert shown(admin_client, q=name) == ids(row)


@pytest.mark.parametrize("params", [{}, {"label": "dog"}, {"status__exact": "succeeded"}])
def test_a_page_of_a_filtered_list_comes_out_of_the_index_of_the_newest(
    admin_client, admin_user, params
):
    picture = make.image()
    filling.answered(admin_user, 1000, image=lambda _: picture)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rows = asked(admin_client, **params).context["cl"].queryset
    if connection.vendor == "sqlite":
        plan = rows[:50].explain()
        assert "USING INDEX prediction_newest" in plan and "TEMP B-TREE" not in plan


def test_a_page_costs_as_many_queries_whatever_is_on_it(admin_client):
    counts = []
    for more in (1, 5):
        for _ in range(more):
            make.answered()
        with CaptureQueriesContext(connection) as told:
            asked(admin_client)
        counts.append(len(told))
    assert counts[0] == counts[1]
