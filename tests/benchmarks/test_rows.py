"""Each row of the benchmark, small: real parts, and it fails on wrong answers only."""

import json
from dataclasses import replace

import pytest

from benchmarks import api, batch, history, network, pictures, single, soak, steps, workers
from benchmarks.report import Row, WrongError, table, write
from tests import models

MODEL = models.SHIPPED  # which the service of the tests serves
N = 40


@pytest.fixture(scope="module")
def contents() -> list[bytes]:
    return [pictures.jpeg(number) for number in range(N)]


@pytest.fixture(scope="module")
def files(contents) -> dict[str, bytes]:
    return {f"{number:05}.jpg": content for number, content in enumerate(contents)}


@pytest.fixture(scope="module")
def bare(contents) -> network.Bare:
    return network.measure(MODEL, contents)


@pytest.fixture
def lying(bare) -> network.Bare:
    """It says of one picture what the service does not say."""
    label, confidence = bare.answers[3]
    other = "frog" if label != "frog" else "cat"
    return replace(bare, answers=[*bare.answers[:3], (other, confidence), *bare.answers[4:]])


def test_the_bare_network_answers_every_picture(bare):
    assert len(bare.answers) == N
    assert bare.rate > 0 and bare.seconds > 0
    assert all(0.1 <= confidence <= 1 for _label, confidence in bare.answers)


def test_two_measurements_of_the_bare_network_count_the_same_pictures_each(bare):
    slower = replace(bare, rate=100.0, seconds=0.02)
    mean = replace(bare, rate=300.0, seconds=0.01).averaged(slower)
    assert (mean.rate, mean.seconds) == (pytest.approx(150), pytest.approx(0.015))
    assert mean.answers == bare.answers


def test_a_batch_is_answered_as_the_bare_network_answers(service, files, bare):
    measured = batch.run(service, files, bare)
    assert 0 < measured.accepted <= measured.done
    assert measured.spent["worker"] > 0 and measured.spent["web"] > 0
    share = batch.rows("tiny", measured, bare)[1]
    assert share.figure == pytest.approx(measured.rate / bare.rate)


def test_a_wrong_answer_of_a_batch_ends_the_measurement(service, files, lying):
    with pytest.raises(WrongError, match="Picture 3 is"):
        batch.run(service, files, lying)


def test_a_picture_without_an_answer_ends_the_measurement(service, files, bare):
    with pytest.raises(WrongError, match="Picture 2 is failed"):
        batch.run(service, {**files, "00002.jpg": b"no picture"}, bare)


def test_single_pictures_are_answered_alone_and_beside_a_batch(service, files, contents, bare):
    alone = single.idle(service, contents[:5], bare)
    loaded, seconds = single.under_load(service, files, contents, bare)
    assert len(alone) == 5 and len(loaded) >= 1 and seconds > 0
    anew = single.reconnecting(service, contents[:5], bare)
    p50, p95, each, under = single.rows("tiny", alone, anew, loaded, bare, 128)
    assert each.figure in anew
    assert p50.figure <= p95.figure <= max(alone)
    assert under.most == pytest.approx(3 * 128 / bare.rate * 1000 + p95.figure)


def test_a_kept_connection_carries_one_picture_after_another(service, contents):
    with service.connected() as client:
        api.ask_one(client, contents[0])
        first = client.connection.sock
        api.ask_one(client, contents[1])
        assert first is not None and client.connection.sock is first


def test_a_wrong_answer_beside_a_batch_ends_the_measurement(service, files, contents, lying):
    with pytest.raises(WrongError, match="Picture 0 is"):
        single.under_load(service, files, contents[3:], replace(lying, answers=lying.answers[3:]))


def test_every_step_is_measured():
    found = {row.name: row.figure for row in steps.measure(300)}
    assert {"step: storage", "step: claim", "step: publish"} <= found.keys()
    assert all(figure > 0 for figure in found.values())


def test_memory_is_watched_while_pictures_pass(service):
    seen = soak.run(service, 3 * N, N)
    assert all(len(found.rounds) == 3 and found.peak > 0 for found in seen.values())
    assert [row.unit for row in soak.rows(seen, 3 * N)] == ["MB"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("name", history.DATABASES)
def test_the_history_is_looked_at_before_and_after_it_grows(name):
    rows = list(history.measure(160, 500, repeats=3, databases=(name,)))
    assert [row.name.split(", ")[1].split(":")[0] for row in rows] == [
        *("list", "filter", "poll", "submit")
    ]
    assert all(row.figure > 0 for row in rows)


@pytest.mark.slow
def test_workers_that_only_wait_answer_all():
    (row,) = workers.measure(200, (1,))
    assert row.figure > 0 and row.name == "queue, 1 waiting worker on PostgreSQL"


# The report


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("a", 5, "ms", most=5), True),
        (Row("a", 5.1, "ms", most=5), False),
        (Row("a", 0.6, "", least=0.6), True),
        (Row("a", 0.59, "", least=0.6), False),
        (Row("a", 1, "ms"), None),
    ],
)
def test_a_row_says_whether_it_keeps_its_bound(row, met):
    assert row.met is met
    kept = {True: "yes", False: "**no**", None: ""}[met]
    assert table([row]).splitlines()[-1].endswith(f"| {kept} |")


def test_figures_are_written_with_machine_versions_commit_and_engine(tmp_path):
    path = tmp_path / "results.json"
    write(path, [Row("a", 1.5, "ms", most=2.0)], engine="litert")
    found = json.loads(path.read_text())
    assert found["engine"] == "litert"
    assert found["rows"][0] | {"name": "a", "figure": 1.5, "met": True} == found["rows"][0]
    assert found["machine"]["cores"] >= 1
    assert found["versions"]["django"] and found["commit"]


def test_the_pictures_of_a_batch_can_be_named_again(service, files):
    first = api.send(service, *api.as_zip(files))
    again = api.send(service, *api.as_lines(api.images(service, first)))
    api.wait(service, again)
    answers = list(api.results(service, again))
    assert [answer["custom_id"] for answer in answers] == [str(n) for n in range(N)]
