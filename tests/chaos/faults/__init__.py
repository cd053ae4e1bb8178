"""The faults: each breaks something, keeps it so for a while, and mends what nobody else would."""

from tests.chaos.faults import broker, inputs, processes, storage
from tests.chaos.faults.registry import FAULTS, Fault, possible

__all__ = ["FAULTS", "Fault", "broker", "inputs", "possible", "processes", "storage"]
