"""What reviewers and owners say, how it is withdrawn, and what an image is then taken to show."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from classifier.models import (
    Prediction,
    Result,
    Review,
    ReviewLock,
    ReviewTask,
    Stream,
    Verdict,
)
from classifier.models.review import Word
from classifier.problems import Problem
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db):
    return make.user("ann", is_staff=True)


@pytest.fixture
def ben(db):
    return make.user("ben", is_staff=True)


def say(reviewer, row: Prediction, label: str = "", skip: bool = False) -> Review:
    return Review.objects.say(reviewer, [Word(row.pk, label, skip)])[row.pk]


def label_of(row: Prediction) -> str | None:
    current = Review.objects.current().filter(image=row.image_id).first()
    return current.label if current else None


def task_of(row: Prediction, stream: Stream = Stream.AUDIT, **fields) -> ReviewTask:
    probability = 0.5 if stream == Stream.AUDIT else None
    return ReviewTask.objects.create(
        prediction=row, stream=stream, inclusion_probability=probability, **fields
    )


# Verdicts


@pytest.mark.parametrize(
    ("label", "skip", "verdict", "kept"),
    [
        ("dog", False, Verdict.AGREE, "dog"),
        ("cat", False, Verdict.OTHER, "cat"),
        ("", False, Verdict.NONE, ""),
        ("", True, Verdict.SKIP, ""),
        ("cat", True, Verdict.SKIP, ""),
    ],
)
def test_a_word_becomes_a_verdict_about_what_was_answered(ann, label, skip, verdict, kept):
    row = make.answered()
    review = say(ann, row, label, skip)
    review.refresh_from_db()
    assert (review.verdict, review.label, review.by_owner) == (verdict, kept, False)
    assert (review.reviewer, review.prediction, review.image) == (ann, row, row.image)
    assert review.model == row.model


def test_an_answer_that_changed_in_between_is_not_agreed_with(ann):
    row = make.answered()
    Prediction.objects.filter(pk=row.pk).update(label="cat")
    assert say(ann, row, "dog").verdict == Verdict.OTHER


def test_a_class_that_the_model_does_not_know_is_not_written_down(ann):
    row = make.answered()
    assert Review.objects.say(ann, [Word(row.pk, "unicorn")]) == {}
    assert not Review.objects.exists()


@pytest.mark.parametrize("state", ["waiting", "trashed", "erased", "unknown"])
def test_what_cannot_be_seen_cannot_be_reviewed(ann, state, django_capture_on_commit_callbacks):
    row = make.prediction() if state == "waiting" else make.answered()
    if state == "trashed":
        row.image.trash()
    if state == "erased":
        with django_capture_on_commit_callbacks(execute=True):
            row.image.erase()
    pk = uuid.uuid4() if state == "unknown" else row.pk
    assert Review.objects.say(ann, [Word(pk, "dog")]) == {}


def test_of_many_words_those_that_can_be_said_are(ann):
    good, gone = make.answered(), make.answered()
    gone.image.trash()
    said = Review.objects.say(ann, [Word(good.pk, "cat"), Word(gone.pk, "cat")])
    assert set(said) == {good.pk}


def test_a_word_that_is_sent_again_adds_nothing(ann):
    row = make.answered()
    assert say(ann, row, "cat").pk == say(ann, row, "cat").pk
    assert Review.objects.count() == 1


def test_a_change_of_mind_is_a_newer_row_beside_the_older(ann):
    row = make.answered()
    first, second = say(ann, row, "cat"), say(ann, row, "ship")
    assert first.pk < second.pk and label_of(row) == "ship"
    assert say(ann, row, "cat").pk > second.pk, "back again is a third"
    assert Review.objects.count() == 3 and label_of(row) == "cat"


def test_the_same_word_of_two_reviewers_is_two_rows(ann, ben):
    row = make.answered()
    assert say(ann, row, "cat").pk != say(ben, row, "cat").pk


def test_an_erased_image_takes_its_reviews_with_it(ann, django_capture_on_commit_callbacks):
    row = make.answered()
    task_of(row)
    say(ann, row, "cat")
    ReviewLock.objects.take(ann, [row.image_id])
    with django_capture_on_commit_callbacks(execute=True):
        row.image.erase()
    assert not Review.objects.exists() and not ReviewLock.objects.exists()


def test_reviews_outlive_their_reviewer(ann):
    row = make.answered()
    say(ann, row, "cat")
    ann.delete()
    assert Review.objects.get().reviewer is None and label_of(row) == "cat"


# What an image is taken to show


def test_the_newest_standing_word_of_any_reviewer_counts(ann, ben):
    row = make.answered()
    say(ann, row, "cat")
    say(ben, row, "ship")
    assert label_of(row) == "ship"
    assert Review.objects.standing().count() == 2 and Review.objects.current().count() == 1


def test_skips_and_owners_words_decide_nothing(ann, alice):
    row = make.answered(alice)
    say(ann, row, skip=True)
    Review.objects.dispute(row, "cat")
    assert label_of(row) is None and not Review.objects.standing().exists()


def test_a_word_about_one_answer_is_about_its_image(ann):
    row = make.answered()
    again = make.answer(Prediction.objects.ask(row.image), Result("cat", 0.6, [0.6, 0.3, 0.1]))
    task_of(again)
    say(ann, row, "cat")
    again.refresh_from_db()
    assert label_of(again) == "cat" and again.reviewed_at is not None
    assert ReviewTask.objects.get().settled_at is not None


# Withdrawing


def test_what_is_withdrawn_stays_but_does_not_count(ann):
    row = make.answered()
    review = say(ann, row, "cat")
    assert Review.objects.withdraw(ann, [review.pk]) == [review]
    assert label_of(row) is None
    assert list(Review.objects.order_by("pk").values_list("verdict", flat=True)) == [
        Verdict.OTHER,
        Verdict.WITHDRAWN,
    ]
    assert Review.objects.get(verdict=Verdict.WITHDRAWN).withdraws == review


def test_behind_a_withdrawn_word_the_one_before_counts_again(ann, ben):
    row = make.answered()
    say(ben, row, "ship")
    later = say(ann, row, "cat")
    Review.objects.withdraw(ann, [later.pk])
    row.refresh_from_db()
    assert label_of(row) == "ship" and row.reviewed_at is not None


def test_the_tasks_are_settled_by_a_word_and_open_again_without_one(ann):
    row = make.answered()
    task_of(row)
    task_of(row, Stream.DISAGREEMENT)
    review = say(ann, row, "cat")
    assert not ReviewTask.objects.open().exists()
    Review.objects.withdraw(ann, [review.pk])
    row.refresh_from_db()
    assert ReviewTask.objects.open().count() == 2 and row.reviewed_at is None


def test_a_skip_settles_nothing(ann):
    row = make.answered()
    task_of(row)
    say(ann, row, skip=True)
    row.refresh_from_db()
    assert ReviewTask.objects.open().exists() and row.reviewed_at is None


def test_nobody_withdraws_what_another_has_said(ann, ben):
    review = say(ann, make.answered(), "cat")
    assert Review.objects.withdraw(ben, [review.pk]) == []
    assert Review.objects.standing().count() == 1


def test_nothing_is_withdrawn_twice(ann):
    review = say(ann, make.answered(), "cat")
    Review.objects.withdraw(ann, [review.pk])
    assert Review.objects.withdraw(ann, [review.pk]) == []
    again = Review.objects.get(verdict=Verdict.WITHDRAWN)
    assert Review.objects.withdraw(ann, [again.pk]) == [], "an undoing cannot be undone"


@pytest.mark.django_db(transaction=True)
def test_two_undoings_at_the_same_moment_withdraw_once(ann):
    review = say(ann, make.answered(), "cat")
    undone = at_once(*[lambda: Review.objects.withdraw(ann, [review.pk])] * 2)
    assert sorted(len(found) for found in undone) == [0, 1]
    assert Review.objects.filter(verdict=Verdict.WITHDRAWN).count() == 1


def at_once(*acts):
    """What each returns, all begun at the same moment."""
    start, found = threading.Barrier(len(acts)), []

    def run(act) -> None:
        start.wait()
        found.append(act())
        connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


# What the database itself refuses


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "maybe"},
        {"verdict": Verdict.AGREE, "label": ""},
        {"verdict": Verdict.NONE, "label": "cat"},
        {"verdict": Verdict.SKIP, "label": "cat"},
        {"verdict": Verdict.WITHDRAWN},
    ],
)
def test_a_review_that_contradicts_itself_cannot_be_stored(ann, fields):
    row = make.answered()
    about = {"image": row.image, "prediction": row, "model": row.model, "reviewer": ann}
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.create(**about, **fields)


@pytest.mark.parametrize("probability", [None, 0.0, 1.5])
def test_an_audit_task_states_the_probability_with_which_it_was_drawn(probability):
    row = make.answered()
    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewTask.objects.create(
            prediction=row, stream=Stream.AUDIT, inclusion_probability=probability
        )


# The owner's word


def test_an_owner_says_what_is_right_and_it_becomes_a_task(alice):
    row = make.answered(alice)
    review = Review.objects.dispute(row, "cat")
    assert (review.by_owner, review.reviewer, review.verdict) == (True, alice.user, Verdict.OTHER)
    task = ReviewTask.objects.get()
    assert (task.stream, task.proposed, task.inclusion_probability) == (Stream.OWNER, "cat", None)


def test_a_visitor_without_an_account_may_say_so_too():
    row = make.answered()
    assert Review.objects.dispute(row, "").verdict == Verdict.NONE
    assert Review.objects.get().reviewer is None
    assert ReviewTask.objects.get().proposed == ""


def test_a_second_word_of_the_owner_replaces_the_first_while_nobody_has_decided(alice, ann):
    row = make.answered(alice)
    Review.objects.dispute(row, "cat")
    Review.objects.dispute(row, "ship")
    assert ReviewTask.objects.get().proposed == "ship"
    say(ann, row, "dog")
    Review.objects.dispute(row, "cat")
    task = ReviewTask.objects.get()
    assert task.proposed == "ship" and task.settled_at, "what is decided stays decided"


def test_where_a_reviewer_has_decided_the_owners_word_is_kept_and_opens_nothing(alice, ann):
    row = make.answered(alice)
    say(ann, row, "dog")
    Review.objects.dispute(row, "cat")
    assert ReviewTask.objects.get().settled_at is not None
    assert Review.objects.filter(by_owner=True).count() == 1 and label_of(row) == "dog"


def test_an_owner_takes_it_back(alice):
    row = make.answered(alice)
    Review.objects.dispute(row, "cat")
    Review.objects.dispute(row, "ship")
    assert len(Review.objects.take_back(row)) == 2
    assert not ReviewTask.objects.exists()
    assert Review.objects.take_back(row) == []


@pytest.mark.parametrize("label", ["dog", "unicorn"])
def test_a_dispute_names_another_class_that_the_model_knows(alice, label):
    with pytest.raises(Problem, match="LABEL_INVALID"):
        Review.objects.dispute(make.answered(alice), label)
    assert not ReviewTask.objects.exists()


def test_what_is_not_answered_cannot_be_disputed(alice):
    with pytest.raises(Problem, match="NOT_ANSWERED"):
        Review.objects.dispute(make.prediction(alice), "cat")


# Locks


def test_an_image_is_held_by_one_reviewer(ann, ben):
    images = [make.image().pk, make.image().pk]
    assert ReviewLock.objects.take(ann, images[:1]) == set(images[:1])
    assert ReviewLock.objects.take(ben, images) == set(images[1:])


def test_a_lock_runs_out(ann, ben, settings):
    image = make.image().pk
    settings.REVIEW_LOCK_SECONDS = -1
    ReviewLock.objects.take(ann, [image])
    settings.REVIEW_LOCK_SECONDS = 60
    assert ReviewLock.objects.take(ben, [image]) == {image}
    assert ReviewLock.objects.take(ann, [image]) == set()


def test_what_is_decided_is_held_no_more(ann):
    row = make.answered()
    ReviewLock.objects.take(ann, [row.image_id])
    say(ann, row, "cat")
    assert not ReviewLock.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_reviewers_who_ask_at_the_same_moment_each_gets_other_images(ann, ben):
    images = [make.image().pk for _ in range(30)]
    take = ReviewLock.objects.take
    one, other = at_once(lambda: take(ann, images), lambda: take(ben, images))
    assert not one & other and one | other == set(images)
