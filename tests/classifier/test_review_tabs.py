"""One reviewer in two tabs, which are as two reviewers: neither takes the other's images."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from classifier.models import Prediction, Review, ReviewLock
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db):
    return make.user("ann", is_staff=True)


class Tab:
    """The page as its script asks for it."""

    def __init__(self, reviewer) -> None:
        self.client = Client()
        self.client.force_login(reviewer)
        self.page = self.client.get(reverse("review")).context["texts"]["page"]
        self.items: list[dict] = []

    def ask(self, path: str, **body):
        answer = self.client.post(
            reverse(f"review-{path}"), {**body, "page": self.page}, content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    def deal(self, n: int = 2) -> list[str]:
        """The images that are dealt to it."""
        have = [item["image"] for item in self.items]
        items = self.ask("deal", order="newest", n=n, have=have)["items"]
        self.items += items
        return [item["image"] for item in items]

    def decide(self, item: dict, label: str) -> int | None:
        (number,) = self.ask("words", words=[{"prediction": item["id"], "label": label}])["reviews"]
        return number

    def close(self) -> None:
        images = [item["image"] for item in self.items]
        self.client.post(reverse("review-release"), {"page": self.page, "images": images})


@pytest.fixture
def tabs(ann) -> list[Tab]:
    for _ in range(4):
        make.answered()
    return [Tab(ann), Tab(ann)]


def locked() -> set[str]:
    return {str(pk) for pk in ReviewLock.objects.held().values_list("image", flat=True)}


def test_each_gets_images_of_its_own(tabs):
    first, second = (set(tab.deal()) for tab in tabs)
    assert len(first) == len(second) == 2 and not first & second
    assert tabs[0].deal() == tabs[1].deal() == []


def test_what_is_decided_in_one_is_nowhere_to_be_decided_again(tabs):
    one, other = tabs
    one.deal(1)
    one.decide(one.items[0], "cat")
    other.deal(4)
    assert one.items[0]["image"] not in [item["image"] for item in other.items]
    for item in other.items:
        other.decide(item, "dog")
    assert Review.objects.values("image").distinct().count() == Review.objects.count() == 4
    assert not locked()


def test_who_closes_one_frees_its_images_and_not_those_of_the_other(tabs):
    one, other = tabs
    mine, others = one.deal(), other.deal()
    one.close()
    assert locked() == set(others)
    assert set(other.deal(4)) == set(mine)


def test_not_even_one_that_the_other_has_since_been_dealt(tabs):
    one, other = tabs
    (image,) = one.deal(1)
    ReviewLock.objects.update(until=timezone.now() - timedelta(seconds=1))
    other.deal(4)
    one.close()
    assert image in locked()


def test_who_works_in_one_does_not_hold_what_the_other_has(tabs):
    one, other = tabs
    one.deal()
    mine = other.deal()
    soon = timezone.now() + timedelta(seconds=5)
    ReviewLock.objects.update(until=soon)
    other.decide(other.items[0], "cat")
    renewed = ReviewLock.objects.filter(until__gt=soon + timedelta(seconds=1))
    assert [str(lock.image_id) for lock in renewed] == mine[1:]


def test_what_is_undone_in_one_does_not_come_to_the_other(tabs):
    one, other = tabs
    one.deal(1)
    number = one.decide(one.items[0], "cat")
    assert one.ask("withdraw", reviews=[number]) == {"withdrawn": [number]}
    assert one.items[0]["image"] not in other.deal(4)


def test_both_words_are_kept_and_the_later_counts_where_a_tab_stood_still_for_too_long(tabs):
    one, other = tabs
    one.deal(1)
    ReviewLock.objects.update(until=timezone.now() - timedelta(seconds=1))
    other.deal(4)
    (same,) = [item for item in other.items if item["image"] == one.items[0]["image"]]
    one.decide(one.items[0], "cat")
    other.decide(same, "ship")
    assert [review.label for review in Review.objects.current()] == ["ship"]
    assert Review.objects.count() == 2
    assert Prediction.objects.filter(reviewed_at=None).count() == 3


def test_a_page_of_before_an_upgrade_which_names_none_goes_on(ann, tabs):
    old = Tab(ann)
    old.page = ""
    mine = old.deal()
    assert mine and not set(mine) & set(tabs[0].deal(4))
    old.close()
    assert not set(mine) & locked()
