"""The clients that ask all systems, what they count, and how peers are started and ended. The peers
themselves are not installed with the project; Kadr is real here."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import network, pictures
from benchmarks.network import Bare
from benchmarks.peers import __main__ as peers
from benchmarks.peers import systems
from benchmarks.peers.classifier import FOLDER, Classifier, PlainClassifier
from benchmarks.peers.clients import Outcome, Target, ask
from benchmarks.report import WrongError

SENT = [pictures.jpeg(n) for n in range(6)]
KNOWN = Bare(1.0, 1.0, [("cat", 0.9)] * len(SENT))
RIGHT = {"label": "cat", "confidence": 0.9}


@pytest.fixture(scope="module")
def bare() -> Bare:
    return network.measure(FOLDER, SENT)


@pytest.fixture
def answering():
    """A server that answers with the given replies in turn, and the target that it is."""
    servers = []

    def start(*replies: tuple[int, object] | None) -> Target:
        left = list(replies) * 1000

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if (reply := left.pop(0)) is None:
                    self.close_connection = True
                    return
                body = json.dumps(reply[1]).encode()
                self.send_response(reply[0])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever).start()
        port = server.server_port
        return Target("it", port, "/", systems._fastapi, systems._answer, lambda: 0.0)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_kadr_answers_all_clients_as_the_bare_network_does(service, bare):
    target = systems.kadr(service)
    outcome = ask(target, SENT, bare, connections=4, seconds=1.5)
    assert outcome.lost == 0
    assert len(outcome.times) >= 4 and min(outcome.times) > 0
    assert outcome.rate == pytest.approx(len(outcome.times) / outcome.seconds)
    assert outcome.spent > 0


def test_each_system_is_asked_while_no_other_runs(answering):
    ran: list[str] = []
    up: set[str] = set()

    @contextmanager
    def starting(name):
        target = answering((200, RIGHT))
        assert not up
        up.add(name)
        ran.append(name)
        yield target
        up.remove(name)

    systems_by_name = {name: partial(starting, name) for name in ("one", "other")}
    found = peers.asked_in_turns(systems_by_name, SENT, KNOWN, rounds=2, seconds=0.05)
    assert ran == ["one", "other", "other", "one"]
    for by_connections in found.values():
        assert {n: len(outcomes) for n, outcomes in by_connections.items()} == dict.fromkeys(
            peers.CONNECTIONS, 2
        )


def test_kadr_leaves_nothing_behind_when_it_has_been_asked(tmp_path, bare):
    with systems.running_kadr(tmp_path) as target:
        assert ask(target, SENT, bare, connections=1, seconds=0.5).times
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
    assert ask(target, SENT, bare, connections=1, seconds=0.1).broken


def test_an_answer_other_than_the_network_s_is_counted_as_wrong(service):
    outcome = ask(systems.kadr(service), SENT, KNOWN, connections=1, seconds=0.1)
    assert (outcome.wrong, outcome.times) == (outcome.lost, [])
    assert outcome.wrong >= 1


def test_right_wrong_refused_and_broken_are_told_apart(answering):
    wrong = {"label": "dog", "confidence": 0.9}
    target = answering((200, RIGHT), (503, {}), (200, wrong), (200, {"no": "label"}), None)
    outcome = ask(target, SENT, KNOWN, connections=1, seconds=0.5)
    rounds = len(outcome.times)
    assert rounds >= 2
    for count, a_round in ((outcome.refused, 1), (outcome.wrong, 2), (outcome.broken, 1)):
        assert a_round * (rounds - 1) <= count <= a_round * rounds


def test_a_server_that_is_not_there_is_broken_and_not_fast(answering):
    port = systems.free_port()
    target = Target("gone", port, "/", systems._fastapi, systems._answer, lambda: 0.0)
    outcome = ask(target, SENT, KNOWN, connections=2, seconds=0.1)
    assert outcome.broken >= 2 and outcome.rate == 0


@pytest.mark.parametrize("encode", [systems._litserve, systems._bentoml])
def test_each_system_s_answer_is_read(encode, answering):
    reply = [RIGHT] if encode is systems._bentoml else RIGHT
    body, headers = encode(SENT[0])
    assert headers["Content-Type"] == "application/json" and json.loads(body)
    assert systems._answer(json.dumps(reply).encode()) == ("cat", 0.9)


def test_the_peers_classify_as_the_bare_network_does(bare):
    for classifier in (Classifier(), PlainClassifier()):
        for number, answer in enumerate(classifier.classify(SENT)):
            bare.check(number, answer["label"], answer["confidence"])


def test_figures_are_medians_over_rounds_and_tell_what_was_lost():
    outcomes = [Outcome(2.0, 1.0, [10.0] * n, refused=3) for n in (20, 40, 90)]
    rows = peers.rows({"It": {1: outcomes, 16: outcomes, 64: outcomes}})
    assert [(row.figure, row.unit) for row in rows] == [
        (10.0, "ms"),
        (20.0, "images/s"),
        (20.0, "images/s"),
    ]
    assert all("150 right, 9 refused" in row.note for row in rows)
    assert "10 to 45, 20.0 core-ms an image" in rows[1].note


def test_a_system_without_any_right_answer_has_no_figures():
    with pytest.raises(WrongError, match="It gave no right answer"):
        peers.rows({"It": {n: [Outcome(1.0, 1.0, wrong=5)] for n in (1, 16, 64)}})


@pytest.fixture
def venv(tmp_path):
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    return tmp_path / "venv"


def test_a_peer_is_ended_with_all_that_it_started(venv, tmp_path, monkeypatch):
    script = (
        "import http.server as h, os, pathlib, subprocess, sys\n"
        f"os.chdir({str(tmp_path)!r}); pathlib.Path('docs').touch()\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')\n"
    )
    monkeypatch.setitem(systems.PEERS, "it", (["python", "-c", script], systems._fastapi))
    with systems.running("it", venv, tmp_path) as target:
        child = int((tmp_path / "child").read_text())
        os.kill(child, 0)
        assert target.spent() > 0
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True)
    assert state.stdout.strip()[:1] in ("", "Z")  # nobody may be there to take note of its end


def test_a_peer_that_ends_at_once_is_told_of(venv, tmp_path, monkeypatch):
    command = ["python", "-c", "raise SystemExit(3)"]
    monkeypatch.setitem(systems.PEERS, "it", (command, systems._fastapi))
    with pytest.raises(WrongError, match="ended with 3"), systems.running("it", venv, tmp_path):
        pass
