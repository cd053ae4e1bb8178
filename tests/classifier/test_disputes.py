"""The owner's «wrong»: by the API and on the page of an answer."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from classifier.models import Prediction, Review, ReviewTask, Stream, Verdict
from classifier.models.review import Word
from tests import make

pytestmark = pytest.mark.django_db


def api_of(row) -> str:
    return f"/api/v1/predictions/{row.pk}/dispute"


def dispute(client: APIClient, row, label):
    return client.post(api_of(row), {"label": label}, format="json")


@pytest.fixture
def browser(alice) -> Client:
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(alice.user)
    return client


def page_of(browser: Client, row) -> str:
    return browser.get(reverse("prediction", args=[row.pk])).content.decode()


def submit(browser: Client, row, **fields):
    return browser.post(reverse("dispute", args=[row.pk]), fields, follow=True)


# The API


def test_the_right_class_is_named_and_becomes_a_task(alice, alice_api):
    row = make.answered(alice)
    response = dispute(alice_api, row, "cat")
    assert response.status_code == 201
    assert (response.json()["label"], ReviewTask.objects.get().proposed) == ("cat", "cat")
    assert Review.objects.get().by_owner


def test_none_of_the_classes_is_null(alice, alice_api):
    row = make.answered(alice)
    response = dispute(alice_api, row, None)
    assert response.status_code == 201 and response.json()["label"] is None
    assert Review.objects.get().verdict == Verdict.NONE


def test_the_answer_itself_stays_as_it_is(alice, alice_api):
    row = make.answered(alice)
    dispute(alice_api, row, "cat")
    assert alice_api.get(f"/api/v1/predictions/{row.pk}").json()["result"]["label"] == "dog"


def test_it_can_be_taken_back_twice_over(alice, alice_api):
    row = make.answered(alice)
    dispute(alice_api, row, "cat")
    assert alice_api.delete(api_of(row)).status_code == 204
    assert alice_api.delete(api_of(row)).status_code == 204
    assert not ReviewTask.objects.exists()
    assert Review.objects.filter(verdict=Verdict.WITHDRAWN).count() == 1


@pytest.mark.parametrize("body", [{}, {"label": 3.5}, {"label": ["cat"]}, {"label": "x" * 101}, []])
def test_a_body_that_names_no_class_is_refused(alice, alice_api, body):
    row = make.answered(alice)
    response = alice_api.post(api_of(row), body, format="json")
    assert response.status_code in (400, 422) and not Review.objects.exists()


def test_a_stranger_cannot_dispute_what_is_not_theirs(alice, bob):
    row = make.answered(bob)
    for client in (APIClient(), APIClient()):
        assert dispute(client, row, "cat").status_code == 404
    staff = APIClient()
    staff.force_login(make.user("ann", is_staff=True))
    assert dispute(staff, row, "cat").status_code == 404, "staff review, they do not own"
    assert not Review.objects.exists()


def test_a_visitor_disputes_what_the_browser_sent(api):
    sent = api.post("/api/v1/predictions", {"image": make.upload()}).json()
    row = make.answer(Prediction.objects.get(pk=sent["id"]))
    assert dispute(api, row, "ship").status_code == 201
    assert ReviewTask.objects.get().stream == Stream.OWNER


def test_what_is_in_the_trash_cannot_be_disputed(alice, alice_api):
    row = make.answered(alice)
    row.image.trash()
    response = dispute(alice_api, row, "cat")
    assert (response.status_code, response.json()["code"]) == (409, "NOT_ANSWERED")


# The page


def test_the_page_offers_the_other_classes_and_none(alice, browser):
    page = page_of(browser, make.answered(alice))
    assert "Wrong?" in page and "None of these" in page
    for label, offered in (("cat", True), ("ship", True), ("", True), ("dog", False)):
        assert (f'name="label" value="{label}"' in page) == offered


def test_a_pressed_class_is_written_down_and_can_be_taken_back(alice, browser):
    row = make.answered(alice)
    page = submit(browser, row, label="cat").content.decode()
    assert "You said: cat." in page and "Somebody will look at it." in page
    assert 'name="label"' not in page
    page = submit(browser, row).content.decode()
    assert 'name="label"' in page and not ReviewTask.objects.exists()


def test_none_of_these_is_written_down(alice, browser):
    row = make.answered(alice)
    assert "You said: none of these." in submit(browser, row, label="").content.decode()


def test_what_makes_no_sense_is_refused_in_a_sentence(alice, browser):
    row = make.answered(alice)
    page = submit(browser, row, label="unicorn").content.decode()
    assert "This class cannot be named here" in page and not Review.objects.exists()


def test_the_owner_sees_what_a_reviewer_has_decided(alice, browser):
    row = make.answered(alice)
    submit(browser, row, label="cat")
    ann = make.user("ann", is_staff=True)
    review = Review.objects.say(ann, [Word(row.pk, "ship")])[row.pk]
    page = page_of(browser, row)
    assert "A person has looked: ship." in page and "Somebody will look" not in page
    Review.objects.withdraw(ann, [review.pk])
    Review.objects.say(ann, [Word(row.pk)])
    assert "it is none of these classes" in page_of(browser, row)


def test_staff_see_the_page_of_another_without_the_form(alice):
    staff = Client(headers={"Accept-Language": "en"})
    staff.force_login(make.user("ann", is_staff=True))
    row = make.answered(alice)
    assert 'name="label"' not in page_of(staff, row)
    assert submit(staff, row, label="cat").status_code == 404


def test_a_form_from_another_site_is_refused(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice.user)
    assert submit(browser, make.answered(alice), label="cat").status_code == 403


def test_every_answer_in_the_history_leads_to_it(alice, browser):
    row = make.answered(alice)
    make.prediction(alice)
    page = browser.get("/").content.decode()
    assert f'href="/predictions/{row.pk}/#wrong"' in page
    assert page.count("#wrong") == 2, "what waits has nothing to be wrong, and hides it"


def test_what_waits_shows_no_form(alice, browser):
    assert 'name="label"' not in page_of(browser, make.prediction(alice))
