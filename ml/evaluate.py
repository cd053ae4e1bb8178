"""Measure models through the path that serves them: python -m ml.evaluate [MODEL_FOLDER ...]

On the test pictures as they are, and on the same pictures saved as JPEG at quality 75 with halved
chroma, which is how photos reach the service; on pictures of other things, for the off-topic score;
and by the clock. --write keeps all of it in the model's card; --against sets one model beside
another instead. Without a folder it measures each model that ships.
"""

import argparse
import dataclasses
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track

from ml import (
    card_pictures,
    cli,
    compare,
    data,
    extra,
    jpeg,
    manifest,
    metrics,
    other_pictures,
    preprocess,
)
from ml.runtime import Answers, Runtime

BATCH = 128
QUALITY = 75
OTHERS = 500  # pictures of each kind that is none of the classes
SPEED_BATCHES = (1, 128)
EXTRA_HELP = "pictures of the classes from elsewhere to measure on, as ml.tiny_imagenet makes them"


def main() -> None:
    args = _arguments()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        elsewhere = extra.read(args.extra) if args.extra else None
        for folder in (*args.models, *([args.against] if args.against else [])):
            described = manifest.read(folder)  # before what may have to be downloaded
            if elsewhere:
                _check_extra(elsewhere, folder, described)
        pictures = elsewhere or cli.dataset(args)
        for number, folder in enumerate(args.models):
            runtime = Runtime.load(folder, args.engine)
            pictures.check_classes(runtime.classes, folder)
            runtime.warm_up()
            print("\n" * (number > 0) + _measured(runtime, pictures, args), flush=True)


def _check_extra(elsewhere: extra.Extra, folder: Path, described: manifest.Manifest) -> None:
    """Raises ValueError where they show other classes than a model knows, or taught it."""
    elsewhere.check_classes(described.classes, folder)
    learned = manifest.read_card(folder).get("data", {}).get("extra", {})
    if learned.get("sha256") == elsewhere.about["sha256"]:
        raise ValueError(f"{folder} was trained on these pictures of {elsewhere.name}")


def _measured(
    runtime: Runtime, pictures: data.Dataset | extra.Extra, args: argparse.Namespace
) -> str:
    """What was asked for of one model, for people."""
    if isinstance(pictures, extra.Extra):
        return table(runtime, evaluate(runtime, pictures.pictures)[0])
    if args.against:
        other = Runtime.load(args.against, args.engine)
        found = compare.compare(runtime, other, pictures, args.split)
        return compare.table(runtime, other, found)
    split = getattr(pictures, args.split)
    figures, answers = evaluate(runtime, split)
    if args.write:
        keep(runtime, figures, args.split, split, answers)
    return table(runtime, figures)


def evaluate(runtime: Runtime, split: data.Labelled) -> tuple[dict[str, Any], Answers]:
    """All that is measured on one split, and the answers to its pictures as they are."""
    size = runtime.manifest.input_size

    def as_it_is(pixels: np.ndarray) -> np.ndarray:
        return preprocess.from_image(Image.fromarray(pixels), size)

    def as_jpeg(pixels: np.ndarray) -> np.ndarray:
        return preprocess.from_jpeg(jpeg.encoded(pixels, QUALITY), size)

    plain = _answers(runtime, split.x, as_it_is, "As they are")
    saved = _answers(runtime, split.x, as_jpeg, f"JPEG at quality {QUALITY}")
    thresholds = runtime.manifest.thresholds
    sets = metrics.prediction_sets(plain.probabilities, thresholds["set"])
    counts = metrics.confusion(plain.probabilities, split.y)
    return {
        **_accuracy(plain, split.y),
        f"jpeg_{QUALITY}": _accuracy(saved, split.y),
        "per_class": metrics.per_class(counts),
        "confusion": counts.tolist(),
        "reliability": metrics.reliability(plain.probabilities, split.y),
        "set": metrics.coverage(sets, split.y),
        "off_topic": _off_topic(runtime, plain),
        "speed": _speed(runtime, split.x),
    }, plain


def keep(
    runtime: Runtime, figures: dict[str, Any], name: str, split: data.Labelled, answers: Answers
) -> None:
    """Write the figures into the card and the shortest of them into the manifest; of the test split
    also its pictures, which the card shows as such."""
    folder, described = runtime.folder, runtime.manifest
    card = manifest.read_card(folder)
    card = {**card, name: figures}
    if name == "test":
        card["pictures"] = card_pictures.write(folder, split, answers.probabilities)
    manifest.write_json(folder / manifest.CARD, card)
    short = {key: figures[key] for key in ("accuracy", "interval_95", "n", "ece")}
    measured = {**described.metrics, name: short}
    dataclasses.replace(described, metrics=measured).write(folder)


def _accuracy(answers: Answers, labels: np.ndarray) -> dict[str, Any]:
    error = metrics.expected_calibration_error(answers.probabilities, labels)
    return {**metrics.accuracy(answers.probabilities, labels), "ece": round(error, 4)}


def _off_topic(runtime: Runtime, inside: Answers) -> dict[str, Any]:
    """How well the score tells each kind of other pictures from the classes' own."""
    threshold = runtime.manifest.thresholds["off_topic"]
    kinds: dict[str, dict[str, float] | None] = {}  # None: not measured
    for name, maker in other_pictures.REPORT_ON.items():
        try:
            x = maker(np.random.default_rng(0), OTHERS, runtime.manifest.input_size)
        except ModuleNotFoundError:  # scikit-image and scikit-learn come with the tests only
            kinds[name] = None
            continue
        score = runtime.predict(x).off_topic
        kinds[name] = {
            "auroc": round(metrics.auroc(inside.off_topic, score), 4),
            "flagged": round(float((score > threshold).mean()), 4),
            "n": len(x),
            "different": other_pictures.DIFFERENT.get(name, len(x)),
        }
    kept = round(float((inside.off_topic <= threshold).mean()), 4)
    return {"kept": kept, "kinds": kinds}


def _speed(runtime: Runtime, x: np.ndarray, rounds: int = 15) -> dict[str, Any]:
    """Pictures a second, the middle of 15 rounds; the network alone, its input in memory."""
    rates = {}
    for n in SPEED_BATCHES:
        batch = np.resize(x, (n, *x.shape[1:]))
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            runtime.predict(batch)
            times.append(time.perf_counter() - start)
        rates[str(n)] = round(n / statistics.median(times))
    where = {"device": runtime.device, "processor": processor(), "cores": os.cpu_count()}
    return {**where, "per_second": rates}


def processor() -> str:
    """What this machine computes with, as it calls itself: its type where it has no name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, names), platform.processor() or platform.machine())


def _answers(
    runtime: Runtime, x: np.ndarray, prepare: Callable[[np.ndarray], np.ndarray], title: str
) -> Answers:
    starts: Iterable[int] = track(
        range(0, len(x), BATCH), description=f"{title:<20}", transient=True
    )
    parts = [
        runtime.predict(np.stack([prepare(pixels) for pixels in x[start : start + BATCH]]))
        for start in starts
    ]
    return Answers(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def table(runtime: Runtime, figures: dict[str, Any]) -> str:
    """The figures for people, one a line."""
    out = io.StringIO()

    def line(name: str, text: str) -> None:
        print(f"{name:<32}{text}", file=out)

    def accuracy(name: str, value: dict[str, Any]) -> None:
        low, high = value["interval_95"]
        line(name, f"{value['accuracy']:.2%}  ({low:.2%} to {high:.2%})")

    described = runtime.manifest
    print(f"{runtime.id} ({runtime.digest[:12]}) on {figures['n']} pictures", file=out)
    accuracy("accuracy", figures)
    accuracy(f"as JPEG at quality {QUALITY}", figures[f"jpeg_{QUALITY}"])
    line("calibration error (ECE)", f"{figures['ece']:.2%}")
    coverage = figures["set"]
    line(
        "prediction set holds the truth",
        f"{coverage['coverage']:.2%}  ({coverage['mean_size']} labels on average)",
    )
    line("kept as on topic", f"{figures['off_topic']['kept']:.2%}")
    for name, kind in figures["off_topic"]["kinds"].items():
        text = (
            f"AUROC {kind['auroc']:.3f}, {kind['flagged']:.0%} flagged"
            if kind
            else "not measured: scikit-image and scikit-learn are not installed"
        )
        line(f"  off-topic: {name}", text)
    line("parameters", f"{described.metrics['parameters']:,}")
    line("multiply-adds a picture", f"{described.metrics['multiply_adds']:,}")
    line("size of the weights", f"{(runtime.folder / manifest.WEIGHTS).stat().st_size:,} bytes")
    for n, rate in figures["speed"]["per_second"].items():
        line(f"pictures a second, {n} at a time", f"{rate:,} ({_where(figures['speed'])})")
    print("by class: precision, recall, in the set", file=out)
    for names, row, held in zip(
        runtime.classes, figures["per_class"], coverage["per_class"], strict=True
    ):
        line(f"  {names['id']}", f"{row['precision']:.1%}  {row['recall']:.1%}  {held:.1%}")
    return out.getvalue().rstrip()


def _where(speed: dict[str, Any]) -> str:
    return f"{speed['device']}, {speed['processor']}, {speed['cores']} cores"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ml.evaluate", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "models",
        nargs="*",
        type=Path,
        metavar="MODEL",
        default=manifest.shipped(),
        help="a model folder, such as ml/models/NAME (default: each that ships)",
    )
    cli.add_data(parser)
    cli.add_engine(parser)
    parser.add_argument(
        "--against", type=Path, metavar="OTHER", help="a model folder to compare it with"
    )
    parser.add_argument("--extra", type=Path, metavar="FILE.npz", help=EXTRA_HELP)
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--write", action="store_true", help="keep the figures in MODEL's card")
    args = parser.parse_args()
    if args.against and (args.write or len(args.models) != 1):
        parser.error("--against sets one model beside another, and writes nothing")
    elsewhere = args.write or args.against or args.data or args.original or args.split != "test"
    if args.extra and elsewhere:
        parser.error("--extra measures on those pictures alone, and writes nothing")
    return args


if __name__ == "__main__":
    main()
