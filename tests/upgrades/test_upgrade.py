"""From each release's database to now: every row is kept, read and shown, and the release's own
processes may go on writing while the new ones start."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from classifier.models import Status
from tests.postgresql import postgresql
from tests.upgrades.databases import Database, PostgreSQL, SQLite
from tests.upgrades.dump import RELEASES

KINDS = ("sqlite", "postgresql")
NAMES = sorted({path.name.rsplit(".", 2)[0] for path in RELEASES.glob("*.sql")})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@dataclass
class Upgraded:
    database: Database
    release: str
    before: dict[str, int]  # rows by table


@pytest.fixture(scope="module", params=[(n, kind) for n in NAMES for kind in KINDS])
def upgraded(request, tmp_path_factory) -> Upgraded:
    release, kind = request.param
    folder = tmp_path_factory.mktemp("upgrade")
    if kind == "sqlite":
        database: Database = SQLite(folder)
    else:
        database = PostgreSQL(folder, request.getfixturevalue("server"), folder.name)
    database.load(release)
    before = database.counts(release)
    database.migrate()
    return Upgraded(database, release, before)


def test_the_first_release_is_there_for_both_engines():
    assert "0.1.0" in NAMES
    assert {path.suffixes[-2] for path in RELEASES.glob("0.1.0.*")} == {f".{k}" for k in KINDS}


def test_every_row_is_kept(upgraded):
    assert len(upgraded.before) >= 13 and min(upgraded.before.values()) > 0
    assert upgraded.database.counts(upgraded.release) == upgraded.before


def test_what_was_kept_is_in_every_state(upgraded):
    statuses = upgraded.database.rows("SELECT DISTINCT status FROM classifier_prediction")
    assert {status for (status,) in statuses} == set(Status.values)


def test_every_answer_got_its_margin(upgraded):
    answered = "FROM classifier_prediction WHERE status = 'succeeded' AND deleted_at IS NULL"
    margins = [margin for (margin,) in upgraded.database.rows(f"SELECT margin {answered}")]
    assert len(margins) >= 6 and margins == pytest.approx([0.5] * len(margins))


def test_the_api_reads_what_was_kept_and_the_admin_opens_it(upgraded):
    seen = upgraded.database.read()
    alice, bob, visitor = seen["api"]
    for one in (alice, bob, visitor):
        assert {row["status"] for row in one["predictions"]} >= set(Status.values)
        assert {row["status"] for row in one["exports"]} >= {"queued", "running", "ready", "failed"}
        answered = [row for row in one["predictions"] if row["status"] == "succeeded"]
        assert answered and all(row["result"]["label"] == "dog" for row in answered)
    assert len(alice["webhook-endpoints"]) == 2
    assert seen["admin"] >= 40


def test_the_release_itself_can_go_on_writing(upgraded):
    """Web and worker of neighbouring versions work side by side while one is being replaced."""
    written = upgraded.database.write_again_as(upgraded.release)
    assert sum(upgraded.before.values()) == written > 50
    assert upgraded.database.counts(upgraded.release) == upgraded.before
