"""python -m tests.chaos [--seed N] [--minutes N] [--database sqlite|postgresql] [--only KIND]"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.run import Plan, forget, run


def main() -> int:
    asked = _arguments()
    folder = Path(asked.folder or tempfile.mkdtemp(prefix="kadr-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"The log and the ledgers are kept in {folder}", flush=True)
    plan = Plan(asked.seed, asked.minutes * 60, asked.database, tuple(asked.only))
    told = run(plan, folder)
    if told.breaches:
        print(f"A copy of the data is kept in {folder / 'evidence'}")
    forget(folder)
    print(f"The log is {folder / 'chaos.log'}")
    return 1 if told.breaches else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same faults")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--folder", help="for the log, the ledgers and the data")
    parser.add_argument("--only", action="append", default=[], choices=sorted(FAULTS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
