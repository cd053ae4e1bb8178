"""One run: start, load and faults, quiet, check, tell."""

import contextlib
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.service import wait_for
from tests.chaos import invariants, report
from tests.chaos.clients import Batching, Client, Doubting, Scripted, Visitor, summary
from tests.chaos.faults import FAULTS, Fault, possible
from tests.chaos.orphans import tidied
from tests.chaos.report import Injected, Report
from tests.chaos.rig import Rig

QUIET = 420  # seconds, generous: a poisoned picture alone takes three leases
OVER = 120  # seconds that a fault may keep the next one waiting
PAUSE = (2.0, 6.0)  # seconds between one fault and the next
CLIENTS: dict[str, type[Client]] = {
    "anna": Scripted,
    "boris": Scripted,
    "clara": Doubting,
    "visitor": Visitor,
    "dora": Batching,
}
UNFINISHED = "SELECT count(*) FROM classifier_prediction WHERE finished_at IS NULL"


@dataclass(frozen=True)
class Plan:
    """`alone`: in the first round a fault waits until the one before is over, that is, until
    something sent after it was answered. From the second round on, and without it, they overlap.
    """

    seed: int = 1
    seconds: float = 600
    database: str = "sqlite"
    kinds: tuple[str, ...] = ()  # all that are possible, where none are named
    pause: tuple[float, float] = PAUSE
    alone: bool = True


def run(plan: Plan, folder: Path) -> Report:
    rig = Rig(folder, plan.database, plan.seed)
    try:
        rig.start()
        rig.service.token = rig.token("tester")
        rig.say(f"running on {plan.database}, seed {plan.seed}, for {plan.seconds:.0f} s")
        clients = start_clients(rig, plan.seed)
        faults = break_things(rig, plan)
        become_quiet(rig, clients)
        return conclude(rig, clients, faults)
    finally:
        rig.stop()


def start_clients(rig: Rig, seed: int) -> list[Client]:
    clients = [
        kind(name, rig.service.url, rig.folder, rig.token(name), (seed * 100 + place) * 1_000_000)
        for place, (name, kind) in enumerate(CLIENTS.items(), 1)
    ]
    for client in clients:
        client.start()
    return clients


def schedule(plan: Plan, kinds: list[str]) -> Iterator[tuple[float, str, float]]:
    """(pause, kind, how much), without end: every kind in turn, in another order each time."""
    chance = random.Random(plan.seed)
    while True:
        for kind in chance.sample(kinds, len(kinds)):
            yield chance.uniform(*plan.pause), kind, chance.random()


def break_things(rig: Rig, plan: Plan) -> list[Injected]:
    there = possible(rig)
    kinds = [kind for kind in sorted(plan.kinds or there) if kind in there]
    for kind in sorted(FAULTS.keys() - there.keys()):
        rig.say(f"left out, for want of {FAULTS[kind].needs}: {kind}")
    end, injected = time.monotonic() + plan.seconds, []
    for pause, kind, much in schedule(plan, kinds):
        time.sleep(pause)
        if time.monotonic() > end:
            break
        alone = plan.alone and len(injected) < len(kinds)
        injected.append(inject(rig, kind, there[kind], much, alone))
    return injected


def inject(rig: Rig, kind: str, one: Fault, much: float, alone: bool) -> Injected:
    rig.say(f"{one.scenario}: {kind} ({much:.2f})")
    began = datetime.now(UTC)
    # A process that is being started again has no pid yet, or another one by now.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        one.act(rig, much)
    injected = Injected(kind, one.scenario, began, alone)
    if alone:
        with contextlib.suppress(TimeoutError):  # the last table tells
            wait_for(lambda: report.recovered(rig, injected), OVER)
    return injected


def become_quiet(rig: Rig, clients: list[Client]) -> None:
    """Everything must recover by itself, and answer what waits."""
    wait_for(rig.service.ready, QUIET, rig.service.describe)
    time.sleep(3)  # what was sent after the last fault counts as its recovery
    for client in clients:
        client.stopped.set()
    for client in clients:
        client.join(timeout=QUIET)
    rig.say("no more faults, no more requests; waiting for the rest of the answers")
    wait_for(lambda: rig.rows(UNFINISHED)[0][0] == 0, QUIET, rig.service.describe)
    rig.say("all quiet")


def conclude(rig: Rig, clients: list[Client], faults: list[Injected]) -> Report:
    facts = invariants.gather(rig, clients)
    breaches = invariants.broken(facts)
    removed, left = tidied(rig)
    if left:
        breaches.append(f"{left} files without a row are left")
    breaches += invariants.changed_files(facts)  # once more, after the tidying
    for one in faults:
        report.recovered(rig, one)
    if breaches:
        shutil.copytree(rig.data, rig.folder / "evidence", ignore=shutil.ignore_patterns("valkey"))
    told = Report(facts, faults, sorted(set(breaches)), removed)
    rig.say("requests: " + ", ".join(f"{n} {what}" for what, n in summary(clients).items()))
    rig.say("\n\n" + told.text())
    return told


def forget(folder: Path) -> None:
    """The data; the log and the ledgers stay."""
    for name in ("data", "postgresql", "valkey"):
        shutil.rmtree(folder / name, ignore_errors=True)
