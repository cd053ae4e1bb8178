"""The statistics page: what it shows, to whom, and that it needs no colours and no scripts."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import override

from classifier.models import Prediction, Review
from classifier.statistics import audit, page, traffic
from classifier.statistics.accuracy import Accuracy
from classifier.statistics.period import Period
from tests import audits, make

pytestmark = pytest.mark.django_db
URL = "/admin/statistics/"


@pytest.fixture
def staff(client) -> Client:
    client.force_login(make.user("staff", is_staff=True))
    return client


@pytest.fixture
def some() -> list[Prediction]:
    """Ten audited answers: eight right, a cat taken for a dog, and one of no class."""
    rows = [audits.audited("dog", "dog", confidence=0.9) for _ in range(8)]
    return [*rows, audits.audited("dog", "cat"), audits.audited("ship", "")]


def show(client: Client, **query) -> str:
    response = client.get(URL, query, headers={"Accept-Language": "en"})
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("url", [URL, f"{URL}pictures/?truth=cat&answer=dog"])
def test_it_is_for_staff(client, url):
    response = client.get(url)
    assert response.status_code == 302 and "login" in response["Location"]
    client.force_login(make.user("nobody"))
    assert client.get(url).status_code == 302


def test_without_anything_it_says_so(staff):
    text = words(show(staff))
    assert "Nothing was drawn for the random audit" in text
    assert "Nothing was answered yet" in text and "None among the newest 0" in text


def test_what_nobody_has_looked_at_gives_no_estimate(staff):
    audits.audited()
    text = words(show(staff))
    assert "nobody has looked at it yet" in text and "95 % interval" not in text


def test_the_estimate_stands_with_its_interval_and_what_it_rests_on(staff, some):
    text = words(show(staff))
    assert "80.0%" in text and "95 % interval: 49.0% to 94.3%" in text
    assert "10 reviewed answers of 10 in the random audit, which stand for about 20" in text
    assert "88.9%" in text  # on pictures of the classes
    assert "tiny (dddddddd)" in text


def test_where_only_the_unsure_ones_were_reviewed_it_says_why_there_is_none(staff):
    for _ in range(20):
        audits.audited("dog", "cat", confidence=0.4)
        audits.audited("dog", "dog", confidence=0.45)
        audits.audited("dog", confidence=0.95)
    text = words(show(staff))
    assert "cannot speak for the others" in text and "95 % interval:" not in text


def test_a_cell_of_the_matrix_opens_its_pictures(staff, some):
    html = show(staff)
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+answer=\w+)"', html)]
    assert len(links) == 3
    (wrong,) = [link for link in links if "truth=cat" in link]
    shown = staff.get(wrong, headers={"Accept-Language": "en"}).content.decode()
    assert reverse("image", args=[some[8].image_id]) in shown and "1 picture of" in shown
    assert shown.count("<img") == 1 and "cat → dog" in shown
    (none,) = [link for link in links if "truth=&" in link]
    assert (
        "none of the classes → ship"
        in staff.get(none, headers={"Accept-Language": "en"}).content.decode()
    )


def test_a_deleted_picture_is_in_no_count_and_in_no_cell(staff, some):
    some[8].image.trash()
    html = show(staff)
    assert "truth=cat" not in html and "9 reviewed answers of 9" in words(html)
    some[7].image.erase()
    assert "8 reviewed answers of 8" in words(show(staff))


def test_another_period_or_model_can_be_asked_for(staff, some):
    audits.audited("cat", "cat", at=timezone.now() - timedelta(days=20))
    assert "of 11 in the random audit" in words(show(staff))
    assert "of 10 in the random audit" in words(show(staff, days=7))
    assert "Accuracy by week" in words(show(staff, days=90))
    digest = make.model_version().digest
    assert "of 11 in the random audit" in words(show(staff, model=digest))
    other = make.model_version(digest="e" * 64)
    assert "Nothing was drawn" in words(show(staff, model=other.digest))


@pytest.mark.parametrize("query", [{"days": "8"}, {"days": "x"}, {"model": "nobody's"}])
def test_one_that_there_is_not_is_not_found(staff, query):
    assert staff.get(URL, query).status_code == 404


def test_failures_are_counted_by_code_and_can_be_opened(staff):
    for code in ("IMAGE_UNDECODABLE", "ATTEMPTS_EXHAUSTED", "ATTEMPTS_EXHAUSTED"):
        fields = {"status": "failed", "error_code": code, "finished_at": timezone.now()}
        make.prediction(**fields)
    html = show(staff)
    assert "error_code=ATTEMPTS_EXHAUSTED" in html
    rows = re.findall(r"<tr>.*?</tr>", html)
    (row,) = [row for row in rows if "ATTEMPTS_EXHAUSTED" in row]
    assert words(row).rstrip().endswith("2")


def test_what_waits_is_told_by_priority_with_its_age(staff):
    hour = timezone.now() - timedelta(hours=1)
    make.prediction(queued_at=hour)
    make.prediction()
    make.prediction(priority=1)
    text = words(show(staff))
    assert "Waiting, sent by itself 2, the oldest for 1" in text
    assert "Waiting, of batches 1, the oldest for 0" in text


def test_labels_stand_against_the_training_set(staff, some, settings, monkeypatch):
    monkeypatch.setattr(traffic.Traffic, "training_shares", {"cat": 0.5, "dog": 0.3, "ship": 0.2})
    seen = traffic.Traffic()
    assert [(s.label, s.live) for s in seen.shifts] == [("cat", 0), ("dog", 0.9), ("ship", 0.1)]
    assert seen.distance == pytest.approx(0.6)
    assert "60.0% of the answers would have to name another class" in words(show(staff))


def test_the_shipped_model_s_card_says_what_it_was_trained_on():
    shares = traffic.Traffic().training_shares
    assert len(shares) == 10 and sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_reviewers_agreement_is_told(staff, some):
    for row in some[:8]:
        audits.say(row, "dog", by="rob")
    audits.say(some[8], "dog", by="rob")
    audits.say(some[9], "", by="rob")
    text = words(show(staff))
    assert "Two reviewers looked at 10 pictures and said the same in 90.0%" in text
    told = Accuracy(Period.last())
    assert told.agreement.n == 10 and told.agreements[0][:2] == ("rita", "rob")
    assert f"kappa, which leaves out agreement by chance: {told.agreement.kappa:.2f}" in text


def test_a_mind_that_was_changed_counts_once_and_a_withdrawn_word_not_at_all(some):
    audits.say(some[0], "cat", by="rob")
    audits.say(some[0], "dog", by="rob")
    told = Accuracy(Period.last())
    assert (told.agreement.n, told.agreement.observed) == (1, 1.0)
    assert told.overall.value == pytest.approx(0.8)
    last = audits.say(some[1], "cat", by="rob")
    assert Accuracy(Period.last()).overall.value == pytest.approx(0.7)
    Review.objects.withdraw(audits.reviewer("rob"), [last.pk])
    assert Accuracy(Period.last()).overall.value == pytest.approx(0.8)
    assert Accuracy(Period.last()).agreement.n == 1


def test_the_owner_s_word_is_not_a_review(some):
    row = some[0]
    Review.objects.create(
        image=row.image,
        prediction=row,
        model=row.model,
        by_owner=True,
        verdict="other",
        label="cat",
    )
    assert Accuracy(Period.last()).overall.value == pytest.approx(0.8)


def test_the_page_has_no_inline_styles_or_scripts_and_every_chart_has_a_name(staff, some):
    html = show(staff)
    content = html[html.index('id="content"') :]
    assert "style=" not in content and not re.search(r"\son\w+=", content)
    charts = re.findall(r'<svg [^>]*role="img"[^>]*>', content)
    assert len(charts) == 3
    for chart in charts:
        named = re.search(r'aria-labelledby="([\w-]+)"', chart)[1]
        assert f'id="{named}"' in content
    assert content.count("<summary>") == 3  # each as a table too


def test_numbers_in_charts_are_not_written_with_commas(staff, some):
    html = staff.get(URL, headers={"Accept-Language": "uk"}).content.decode()
    for svg in re.findall(r"<svg.*?</svg>", html, re.S):
        drawn = " ".join(re.findall(r'(?:x|y|cx|cy|width|height|d)="([^"]*)"', svg))
        assert "," not in drawn


def test_a_class_name_cannot_break_the_page(staff):
    name = '<b>"x"&'
    row = audits.audited("dog", "dog")
    Prediction.objects.filter(pk=row.pk).update(label=name)
    html = show(staff)
    assert name not in html and escape(name) in html


def test_the_page_asks_no_more_questions_for_more_rows(staff, some, django_assert_max_num_queries):
    for _ in range(20):
        audits.audited("cat", "cat")
    with django_assert_max_num_queries(30 + 22):  # one count a day
        show(staff)


def test_all_staff_find_it(staff):
    html = staff.get("/admin/").content.decode()
    assert f'href="{URL}"' in html


def test_labels_come_with_their_names_in_the_reader_s_language(some):
    with override("uk"):
        assert page.label_names()["cat"] == "кіт"
    with override("en"):
        assert page.label_names()["cat"] == "cat"


def test_of_more_than_can_be_read_the_oldest_are_left_out_and_it_says_so(staff, monkeypatch):
    monkeypatch.setattr(audit, "MOST", 3)
    for _ in range(2):
        audits.audited("dog", "cat", at=timezone.now() - timedelta(days=2))
    for _ in range(3):
        audits.audited("dog", "dog")
    told = Accuracy(Period.last())
    assert told.overall.value == 1.0 and told.cut
    assert "Older ones of the period are left out" in words(show(staff))
