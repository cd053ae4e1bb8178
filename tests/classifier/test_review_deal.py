"""Who gets which image next: the orders, the locks, and what the review page's script asks."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from classifier.models import (
    Prediction,
    Result,
    Review,
    ReviewLock,
    ReviewTask,
    Stream,
)
from classifier.models.review import Word
from classifier.models.review_task import ReviewLockQuerySet
from classifier.review.deal import deal
from classifier.review.orders import ORDERS
from tests import make

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def ann(db):
    return make.user("ann", is_staff=True)


@pytest.fixture
def ben(db):
    return make.user("ben", is_staff=True)


def browser_of(user, **options) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


@pytest.fixture
def staff(ann) -> Client:
    return browser_of(ann)


def answered(lead: float = 0.5, **fields) -> Prediction:
    """An answer whose likeliest label leads by so much."""
    top = (0.9 + lead) / 2
    result = Result("dog", top, [0.1, top, 0.9 - top], 1.0, False)
    row = make.answered(result=result)
    if fields:
        Prediction.objects.filter(pk=row.pk).update(**fields)
    return row


def dealt(reviewer, order: str, n: int = 10, have=()) -> list:
    return [row.pk for row in deal(reviewer, order, n, have)]


def task(row: Prediction, stream: Stream, **fields) -> ReviewTask:
    probability = 0.5 if stream == Stream.AUDIT else None
    made = ReviewTask.objects.create(
        prediction=row, stream=stream, inclusion_probability=probability
    )
    ReviewTask.objects.filter(pk=made.pk).update(**fields)
    return made


def say(reviewer, row: Prediction, label: str = "cat", skip: bool = False) -> Review:
    return Review.objects.say(reviewer, [Word(row.pk, label, skip)])[row.pk]


# Orders


def test_the_most_uncertain_comes_first(ann):
    sure, unsure, middling = answered(0.6), answered(0.1), answered(0.3)
    assert dealt(ann, "uncertain") == [unsure.pk, middling.pk, sure.pk]


def test_of_what_is_off_topic_the_strangest_comes_first_and_the_rest_not_at_all(ann):
    answered()
    strange = answered(off_topic=True, off_topic_score=2.0)
    stranger = answered(off_topic=True, off_topic_score=5.0)
    assert dealt(ann, "off_topic") == [stranger.pk, strange.pk]


def test_the_newest_come_first(ann):
    rows = [answered(), answered(), answered()]
    Prediction.objects.filter(pk=rows[0].pk).update(created_at=timezone.now() + timedelta(hours=1))
    assert dealt(ann, "newest") == [rows[0].pk, rows[2].pk, rows[1].pk]


def test_the_audit_comes_in_the_order_that_was_drawn_for_it(ann):
    rows = [answered(), answered(), answered()]
    for row, rank in zip(rows, (0.7, 0.2, 0.5), strict=True):
        task(row, Stream.AUDIT, rank=rank)
    answered()
    assert dealt(ann, "audit") == [rows[1].pk, rows[2].pk, rows[0].pk]


@pytest.mark.parametrize("stream", [Stream.OWNER, Stream.DISAGREEMENT])
def test_other_tasks_come_the_oldest_first_and_by_their_own_stream(ann, stream):
    rows = [answered(), answered()]
    task(rows[0], stream)
    task(rows[1], stream, created_at=timezone.now() - timedelta(days=1))
    task(answered(), Stream.AUDIT)
    task(rows[0], Stream.AUDIT)
    assert dealt(ann, str(stream)) == [rows[1].pk, rows[0].pk]


def test_a_second_opinion_is_asked_of_another_reviewer_once(ann, ben):
    row = answered()
    say(ann, row)
    assert dealt(ann, "second") == []
    assert dealt(ben, "second") == [row.pk]
    say(ben, row, "ship")
    carl = make.user("carl", is_staff=True)
    assert dealt(carl, "second") == []


def test_no_second_opinion_is_asked_of_what_was_withdrawn_or_skipped(ann, ben):
    withdrawn, skipped = say(ann, answered()), answered()
    Review.objects.withdraw(ann, [withdrawn.pk])
    say(ann, skipped, skip=True)
    assert dealt(ben, "second") == []


@pytest.mark.parametrize("order", sorted(set(ORDERS) - {"second"}))
def test_what_is_decided_waiting_or_deleted_comes_in_no_order(ann, ben, order):
    fields = {"off_topic": True, "off_topic_score": 1.0}
    decided, deleted, good = answered(**fields), answered(**fields), answered(**fields)
    waiting = make.prediction()
    for row in (decided, deleted, good, waiting):
        for stream in Stream:
            task(row, stream)
    say(ben, decided)
    deleted.image.trash()
    assert dealt(ann, order) == [good.pk]


def test_a_new_answer_about_a_reviewed_image_need_not_be_looked_at(ann, ben):
    row = answered()
    say(ben, row)
    make.answer(Prediction.objects.ask(row.image))
    assert dealt(ann, "newest") == []


def test_an_answer_of_the_release_before_which_has_no_margin_comes_by_its_age(ann):
    row = answered(margin=None)
    assert dealt(ann, "uncertain") == [] and dealt(ann, "newest") == [row.pk]


def test_what_i_skipped_comes_to_others_and_not_to_me(ann, ben):
    row = answered()
    review = say(ann, row, skip=True)
    assert dealt(ann, "uncertain") == [] and dealt(ben, "uncertain") == [row.pk]
    ReviewLock.objects.all().delete()
    Review.objects.withdraw(ann, [review.pk])
    assert dealt(ann, "uncertain") == [row.pk], "the skip was undone"


# Two reviewers


@pytest.mark.parametrize("order", ["uncertain", "newest"])
def test_two_reviewers_do_not_get_the_same_image(ann, ben, order):
    rows = {answered().pk for _ in range(6)}
    first, second = set(dealt(ann, order, 3)), set(dealt(ben, order, 6))
    assert len(first) == len(second) == 3 and first | second == rows


def test_nor_the_same_image_by_two_answers_about_it(ann, ben):
    row = answered()
    make.answer(Prediction.objects.ask(row.image))
    assert len(dealt(ann, "newest")) == 1 and dealt(ben, "newest") == []


def test_an_image_comes_back_when_its_lock_has_run_out(ann, ben):
    row = answered()
    dealt(ann, "uncertain")
    ReviewLock.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert dealt(ben, "uncertain") == [row.pk]


def test_what_another_was_quicker_to_take_is_made_up_for(ann, ben, monkeypatch):
    rows = [answered(0.1 * n) for n in range(1, 5)]
    take, calls = ReviewLockQuerySet.take, []

    def slower(self, reviewer, images, page):
        if not calls:
            take(self, ben, [rows[0].image_id, rows[1].image_id])
        calls.append(reviewer)
        return take(self, reviewer, images, page)

    monkeypatch.setattr(ReviewLockQuerySet, "take", slower)
    assert dealt(ann, "uncertain", 2) == [rows[2].pk, rows[3].pk]


def test_what_one_has_is_not_dealt_again(ann):
    first, second = answered(0.1), answered(0.2)
    assert dealt(ann, "uncertain", have=[first.image_id]) == [second.pk]


# What the script asks


def post(client: Client, path: str, body, **extra):
    at = reverse(f"review-{path}")
    return client.post(at, body, content_type="application/json", **extra)


def ask(client: Client, n: int = 10, order: str = "uncertain", have=(), **extra):
    return post(client, "deal", {"order": order, "n": n, "have": list(have)}, **extra)


def test_the_script_is_told_all_that_a_tile_shows(staff, alice):
    row = make.answered(alice)
    Review.objects.dispute(row, "cat")
    body = ask(staff, headers={"Accept-Language": "en"}).json()
    (item,) = body["items"]
    assert item["label"] == "dog" and item["confidence"] == pytest.approx(0.7)
    assert [entry["label"] for entry in item["top"]] == ["dog", "cat", "ship"]
    assert item["src"] == f"/images/{row.image_id}.jpg"
    assert item["proposals"] == [{"stream": "owner", "name": "cat"}]
    classes = body["models"][str(item["model"])]
    assert [known["id"] for known in classes] == ["cat", "dog", "ship"]


def test_verdicts_are_answered_with_their_numbers_in_order(staff):
    rows = [answered(), answered()]
    words = [{"prediction": row.pk, "label": "dog"} for row in rows]
    words.insert(1, {"prediction": NOBODY, "label": "dog"})
    numbers = post(staff, "words", {"words": words}).json()["reviews"]
    assert numbers[1] is None
    assert [Review.objects.get(pk=n).prediction_id for n in (numbers[0], numbers[2])] == [
        row.pk for row in rows
    ]


def test_what_is_undone_is_the_reviewers_again(staff, ann, ben):
    row = answered()
    number = post(staff, "words", {"words": [{"prediction": row.pk, "label": ""}]}).json()
    answer = post(staff, "withdraw", {"reviews": number["reviews"]})
    assert answer.json() == {"withdrawn": number["reviews"]}
    assert dealt(ben, "uncertain") == [] and dealt(ann, "uncertain") == [row.pk]


def test_who_goes_on_asking_keeps_what_they_have(staff, settings):
    answered()
    ask(staff)
    ReviewLock.objects.update(until=timezone.now() + timedelta(seconds=5))
    ask(staff, have=[])
    assert ReviewLock.objects.get().until > timezone.now() + timedelta(seconds=60)


def test_who_leaves_frees_what_the_page_had_and_no_more(staff, ann, ben):
    here, other = answered(), answered()
    dealt(ann, "uncertain")
    at = reverse("review-release")
    assert staff.post(at, {"images": [here.image_id]}).status_code == 204
    assert dealt(ben, "uncertain") == [here.pk]
    assert ReviewLock.objects.get(image=other.image_id).reviewer == ann


def test_nobody_frees_what_another_has(ann, ben):
    row = answered()
    dealt(ann, "uncertain")
    browser_of(ben).post(reverse("review-release"), {"images": [row.image_id]})
    assert ReviewLock.objects.get().reviewer == ann


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deal", {"order": "unknown", "n": 3, "have": []}),
        ("deal", {"order": "newest", "n": 0, "have": []}),
        ("deal", {"order": "newest", "n": 101, "have": []}),
        ("deal", {"order": "newest", "n": 3, "have": ["x"]}),
        ("words", {"words": []}),
        ("words", {"words": [{"label": "dog"}]}),
        ("words", {"words": [{"prediction": "x"}]}),
        ("words", {"words": [{"prediction": NOBODY, "label": "x" * 101}]}),
        ("words", {"words": [{"prediction": NOBODY}] * 101}),
        ("words", []),
        ("withdraw", {"reviews": [0]}),
        ("withdraw", {"reviews": [2**63]}),
        ("withdraw", {}),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_and_changes_nothing(staff, path, body):
    answered()
    response = post(staff, path, body)
    assert response.status_code == 400 and response.json()["code"] == "INVALID_REQUEST"
    assert not Review.objects.exists() and not ReviewLock.objects.exists()


def test_a_review_that_does_not_exist_is_not_withdrawn(staff):
    assert post(staff, "withdraw", {"reviews": [12345]}).json() == {"withdrawn": []}


# Who may


@pytest.mark.parametrize("path", ["deal", "words", "withdraw", "release"])
def test_only_staff_may_review(path, alice):
    for client in (Client(), browser_of(alice.user)):
        response = post(client, path, {})
        assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


def test_a_request_from_another_site_is_refused(ann):
    response = ask(browser_of(ann, enforce_csrf_checks=True))
    assert (response.status_code, response.json()["code"]) == (403, "CSRF_FAILED")


def test_no_token_reviews(alice, alice_api):
    User.objects.filter(pk=alice.user.pk).update(is_staff=True)
    at = reverse("review-deal")
    answer = alice_api.post(at, {"order": "newest", "n": 1, "have": []}, format="json")
    assert answer.status_code == 403


# The page


def test_the_page_opens_in_every_order_and_names_how_many_wait(staff):
    task(answered(), Stream.OWNER)
    for order in ORDERS:
        shown = staff.get(reverse("review"), {"order": order})
        assert shown.status_code == 200
        assert 'class="waiting">1<' in shown.content.decode()
    assert staff.get(reverse("review"), {"order": "unknown"}).status_code == 404


def test_what_is_in_the_trash_does_not_wait(staff):
    row = answered()
    task(row, Stream.OWNER)
    row.image.trash()
    assert 'class="waiting"' not in staff.get(reverse("review")).content.decode()


def test_visitors_and_users_are_sent_to_the_log_in_page(client, alice):
    for browser in (client, browser_of(alice.user)):
        response = browser.get(reverse("review"))
        assert response.status_code == 302 and "/admin/login/" in response["Location"]


def test_the_page_keeps_the_sites_policy(staff):
    response = staff.get(reverse("review"))
    body = response.content.decode()
    assert "unsafe-inline" not in response["Content-Security-Policy"]
    assert " style=" not in body and " onclick=" not in body


def test_the_admin_leads_to_it(staff):
    assert reverse("review") in staff.get(reverse("admin:index")).content.decode()
    for model in ("review", "reviewtask"):
        listed = staff.get(reverse(f"admin:classifier_{model}_changelist"))
        assert reverse("review") in listed.content.decode()


def test_the_admin_lists_what_was_said_and_what_waits(staff, ann, alice):
    row = make.answered(alice)
    Review.objects.dispute(row, "cat")
    review = say(ann, row, "ship")
    Review.objects.withdraw(ann, [review.pk])
    reviews = staff.get(reverse("admin:classifier_review_changelist")).content.decode()
    assert reviews.count('class="field-preview"') == 3
    tasks = reverse("admin:classifier_reviewtask_changelist")
    assert staff.get(tasks, {"state": "open"}).content.decode().count("field-preview") == 1
    assert staff.get(tasks, {"state": "settled"}).content.decode().count("field-preview") == 0
    assert staff.get(reverse("admin:classifier_review_change", args=[review.pk])).status_code == 200
    assert staff.post(reverse("admin:classifier_review_add"), {}).status_code == 403


def test_a_list_costs_no_query_a_row(staff, ann, django_assert_max_num_queries):
    for _ in range(12):
        say(ann, answered())
    with django_assert_max_num_queries(16):
        staff.get(reverse("admin:classifier_review_changelist"))


@pytest.mark.parametrize("order", ORDERS)
def test_a_deal_costs_no_query_an_image(ann, order, django_assert_max_num_queries):
    for _ in range(8):
        row = answered(off_topic=True, off_topic_score=1.0)
        for stream in Stream:
            task(row, stream)
    client = browser_of(ann)
    with django_assert_max_num_queries(14):
        ask(client, order=order)
