"""How often the audit's interval covers the truth: python -m benchmarks.audit_coverage [--data NPZ]

A model answers CIFAR-10's test pictures, whose labels stand for the reviewer. Each of 1,000 runs
draws an audit from these answers and estimates their accuracy; printed is how often the 95 %
interval covers it, and how far off the share of right answers among the least sure ones is.
"""

import argparse
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from classifier.statistics.estimate import Audit, Drawn
from ml import cli, data, manifest
from ml.runtime import Runtime

Draw = Callable[[random.Random], list[Drawn]]


def main() -> None:
    args = _arguments()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        rows = answers(Runtime.load(args.model), data.load(args.data).test)
    true = sum(row.right for row in rows) / len(rows)
    print(f"{len(rows):,} answers, {true:.2%} of them right; {args.runs:,} runs of each")
    for name, draw in draws(rows).items():
        report(name, draw, true, args.runs)
    naive(rows, true)


def answers(runtime: Runtime, test: data.Labelled) -> list[Drawn]:
    chances = runtime.predict(test.x).probabilities
    ids = [c["id"] for c in runtime.classes]
    return [
        Drawn(1.0, float(p.max()), ids[int(p.argmax())], ids[int(y)])
        for p, y in zip(chances, np.asarray(test.y).tolist(), strict=True)
    ]


def draws(rows: list[Drawn]) -> dict[str, Draw]:
    cut = sorted(row.confidence for row in rows)[len(rows) * 15 // 100]

    def audited(share: float, dice: random.Random) -> list[Drawn]:
        return [replace(row, probability=share) for row in rows if dice.random() < share]

    def raised(dice: random.Random) -> list[Drawn]:
        """A share of 2 % while answers were worse, of 10 % since."""
        shares = (0.1 if row.confidence > 0.9 else 0.02 for row in rows)
        pairs = zip(rows, shares, strict=True)
        return [replace(row, probability=s) for row, s in pairs if dice.random() < s]

    def half(dice: random.Random) -> list[Drawn]:
        return [seen(row, dice.random() < 0.5) for row in audited(0.1, dice)]

    def unsure_first(dice: random.Random) -> list[Drawn]:
        """Reviewers began with the least sure 15 % of all answers; of the rest 30 % is done."""
        sample = audited(0.05, dice)
        return [seen(row, row.confidence < cut or dice.random() < 0.3) for row in sample]

    return {
        "2 % drawn": lambda dice: audited(0.02, dice),
        "5 % drawn": lambda dice: audited(0.05, dice),
        "2 % and 10 %, unlike answers": raised,
        "10 % drawn, half reviewed": half,
        "5 % drawn, the unsure first": unsure_first,
    }


def seen(row: Drawn, reviewed: bool) -> Drawn:
    return row if reviewed else replace(row, truth=None)


def report(name: str, draw: Draw, true: float, runs: int) -> None:
    dice = random.Random(1)
    found = [e for _ in range(runs) if (e := Audit(draw(dice)).accuracy())]
    covered = sum(e.low <= true <= e.high for e in found) / len(found)
    off = sum(e.value - true for e in found) / len(found)
    wide = sum(e.high - e.low for e in found) / len(found)
    print(f"{name:<32}covered {covered:.1%}, mean error {off:+.2%}, mean width {wide:.1%}")


def naive(rows: list[Drawn], true: float) -> None:
    for n in (100, 500, 2000):
        least = sorted(rows, key=lambda row: row.confidence)[:n]
        share = sum(row.right for row in least) / n
        print(f"{f'the {n:,} least sure':<32}{share:.1%} right: off by {share - true:+.1%}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help=cli.DATA_HELP)
    parser.add_argument("--model", type=Path, default=manifest.MODELS / "cifar10_improved")
    parser.add_argument("--runs", type=int, default=1000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
