"""By name: what a fault does, which scenario of the plan it is, and where it is possible."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.broker import Namespaced
from tests.chaos.rig import Rig

Act = Callable[[Rig, float], None]


@dataclass(frozen=True)
class Fault:
    """`act` takes the rig, and a number from 0 to 1 that says how long or how hard."""

    scenario: str
    act: Act
    needs: str = ""  # sqlite, postgresql, disk or namespace


FAULTS: dict[str, Fault] = {}


def fault(scenario: str, needs: str = "") -> Callable[[Act], Act]:
    def register(act: Act) -> Act:
        FAULTS[act.__name__.replace("_", " ")] = Fault(scenario, act, needs)
        return act

    return register


def possible(rig: Rig) -> dict[str, Fault]:
    """Those that can be brought about here."""
    there = {"", rig.database.name}
    if rig.has_disk:
        there.add("disk")
    if isinstance(rig.broker, Namespaced):
        there.add("namespace")
    return {name: one for name, one in FAULTS.items() if one.needs in there}
