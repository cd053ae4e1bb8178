"""What the service, or a proxy in front of it, answers in place of an answer."""

import pytest

from kadr_client import files
from tests.kadr_client import fake as faults


def last_line(outcome) -> str:
    return outcome.err.splitlines()[-1]


def test_a_body_that_was_cut_off_is_sent_again_as_the_service_asks(client, fake, pictures):
    fake.faults = [faults.refuse("BODY_INCOMPLETE", 400)] * 3
    outcome = client(pictures)
    assert outcome.code == 0 and len(fake.batches) == 1
    assert "(BODY_INCOMPLETE); trying again in" in outcome.err


def test_another_refusal_with_400_is_final(client, fake, pictures):
    fake.faults = [faults.refuse("INVALID_REQUEST", 400)]
    outcome = client(pictures)
    assert outcome.code == 3 and "(INVALID_REQUEST)" in outcome.one_line


def test_a_proxy_that_limits_requests_is_asked_again_when_it_says(client, fake, pictures, naps):
    fake.faults = [faults.page(429, **{"Retry-After": "7"})] * 20
    outcome = client(pictures)
    assert outcome.code == 0 and naps.count(7) == 20
    assert "kadr: HTTP 429; trying again in 7 s" in outcome.err


def test_who_limits_requests_and_does_not_say_for_how_long_is_not_waited_for_without_end(
    client, fake, pictures, naps
):
    fake.faults = [faults.page(429)] * 200
    outcome = client(pictures)
    assert outcome.code == 3 and 540 < sum(naps) <= 600
    times = 200 - len(fake.faults)
    assert last_line(outcome) == (
        f"kadr: {fake.url} limits requests and let none through, {times} times in 10 minutes: HTTP "
        "429. If it is a proxy, raise its limit. What was sent is kept: the same command goes on "
        "from there"
    )


def test_nor_is_the_service_where_it_does_not_say(client, fake, pictures, naps):
    fake.faults = [faults.refuse("RATE_LIMITED", 429)] * 200
    outcome = client(pictures)
    assert outcome.code == 3 and sum(naps) <= 600
    assert "10 minutes: The title of RATE_LIMITED. More (RATE_LIMITED). If" in last_line(outcome)


def test_a_proxy_that_says_the_same_again_and_again_is_believed_for_an_hour(
    client, fake, pictures, naps
):
    fake.faults = [faults.page(429, **{"Retry-After": "600"})] * 20
    outcome = client(pictures)
    assert outcome.code == 3 and naps == [600] * 6
    assert "7 times in 60 minutes: HTTP 429" in last_line(outcome)


def test_the_service_itself_is_waited_for_as_long_as_it_says(client, fake, pictures, naps):
    fake.faults = [faults.refuse("RATE_LIMITED", 429, **{"Retry-After": "600"})] * 20
    assert client(pictures).code == 0 and naps.count(600) == 20


def test_each_request_is_waited_for_anew(client, fake, pictures, naps, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    some = [faults.page(429, **{"Retry-After": "1800"})] * 2
    fake.faults = [*some, faults.pass_on, *some, faults.pass_on, *some]
    assert client(pictures).code == 0 and naps.count(1800) == 6


def test_what_was_sent_before_the_limit_is_not_sent_again_after_it(
    client, fake, pictures, monkeypatch
):
    monkeypatch.setattr(files, "MOST_FILES", 2)
    fake.faults = [faults.pass_on, faults.pass_on, *[faults.page(429)] * 200]
    assert client(pictures).code == 3
    fake.faults.clear()
    fake.log.clear()
    outcome = client(pictures)
    assert outcome.code == 0 and len(outcome.rows) == 5
    assert fake.log.count("POST /api/v1/batches") == 1 and len(fake.batches) == 3


def test_a_proxy_that_waited_too_long_for_the_body_gets_it_again(client, fake, pictures):
    fake.faults = [faults.page(408)] * 3
    assert client(pictures).code == 0


def test_a_proxy_that_takes_no_request_so_large_is_told_with_what_to_do(client, fake, pictures):
    fake.faults = [faults.page(413)]
    outcome = client(pictures)
    assert outcome.code == 3
    assert outcome.one_line == (
        f"kadr: something in front of {fake.url} takes no request of that size (HTTP 413); raise "
        "its limit to 200 MB (nginx: client_max_body_size 200m)"
    )


def test_what_the_service_itself_finds_too_large_is_told_in_its_words(client, fake, pictures):
    fake.faults = [faults.refuse("BATCH_TOO_LARGE", 413)]
    assert "(BATCH_TOO_LARGE)" in client(pictures).one_line


@pytest.mark.parametrize(
    "fault",
    [
        faults.refuse("DATABASE_UNAVAILABLE", 503, **{"Retry-After": "45"}),
        faults.page(503, **{"Retry-After": "45"}),
    ],
)
def test_a_service_that_is_away_is_left_alone_for_as_long_as_it_says(
    client, fake, pictures, naps, fault
):
    fake.faults = [fault] * 4
    outcome = client(pictures)
    assert outcome.code == 0 and naps[:4] == [45] * 4


def test_a_time_that_is_too_short_hurries_nobody(client, fake, pictures, naps):
    fake.faults = [faults.refuse("STORAGE_FULL", 503, **{"Retry-After": "0"})] * 9
    client(pictures)
    assert 15 <= naps[8] <= 30


def test_where_the_service_answered_to_the_last_it_is_not_said_to_be_silent(client, fake, pictures):
    fake.faults = [faults.refuse("STORAGE_FULL", 503)] * 50
    outcome = client(pictures)
    assert outcome.code == 3
    assert last_line(outcome) == (
        "kadr: the service refused to the last: The title of STORAGE_FULL. More (STORAGE_FULL)"
    )


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "uk_UA.UTF-8"}, "uk"),
        ({"LANG": "uk"}, "uk"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({}, "en"),
        ({"LC_MESSAGES": "uk_UA", "LANG": "en_US"}, "uk"),
        ({"LC_ALL": "C.UTF-8", "LC_MESSAGES": "uk_UA", "LANG": "uk_UA"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "uk_UA"}, "uk"),
        ({"LANG": "ukr"}, "en"),
    ],
)
def test_the_service_is_asked_in_the_language_of_the_person_s_environment(
    client, fake, pictures, monkeypatch, environment, language
):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client(pictures)
    assert fake.languages == {language}
