"""Nothing is lost and nothing is answered twice, whatever is killed meanwhile."""

import threading
import time

import pytest

from tests import make
from tests.live.service import Service, wait_for

UPLOADS = 200
RECOVERY_SECONDS = 180


@pytest.fixture
def own_service(tmp_path):
    with Service(tmp_path / "data").started() as running:
        yield running


def log_every_answer(service: Service) -> None:
    """A trigger in the database itself counts each change to a final state."""
    service.rows("PRAGMA journal_mode")
    import sqlite3

    with sqlite3.connect(service.data / "kadr.sqlite3", timeout=20) as database:
        database.execute("CREATE TABLE answers (prediction TEXT, status TEXT)")
        database.execute(
            "CREATE TRIGGER answered AFTER UPDATE OF status ON classifier_prediction "
            "WHEN new.finished_at IS NOT NULL "
            "BEGIN INSERT INTO answers VALUES (new.id, new.status); END"
        )
    database.close()


def upload_all(service: Service, ids: list[str]) -> None:
    for number in range(UPLOADS):
        status, body = service.upload(make.noise_jpeg(number, side=48))
        assert status == 202, body
        ids.append(body["id"])
        time.sleep(0.05)


@pytest.mark.slow
def test_two_hundred_uploads_survive_two_dead_workers_and_a_dead_broker(own_service):
    """The worker is killed twice and Valkey once, with -9, and nobody does anything about it."""
    log_every_answer(own_service)
    ids: list[str] = []
    uploads = threading.Thread(target=upload_all, args=(own_service, ids))
    uploads.start()
    for share, victim in ((0.2, "worker"), (0.5, "valkey"), (0.8, "worker")):
        wait_for(lambda share=share: len(ids) >= share * UPLOADS, 120, own_service.describe)
        own_service.kill(victim)
    uploads.join()
    wait_for(lambda: own_service.unfinished() == 0, RECOVERY_SECONDS, own_service.describe)

    statuses = dict(own_service.rows("SELECT id, status FROM classifier_prediction"))
    assert len(ids) == len(statuses) == UPLOADS
    assert set(statuses.values()) == {"succeeded"}
    answers = own_service.rows("SELECT prediction, count(*) FROM answers GROUP BY prediction")
    assert len(answers) == UPLOADS
    assert {count for _prediction, count in answers} == {1}
