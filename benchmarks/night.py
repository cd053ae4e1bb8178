"""Plays the way to a better model through, once and for real.

500 test pictures are darkened to night and sent; a script reviews them through the review page's
own requests, as a person would; what it said is exported and trained on; the candidate passes the
gate, or is promoted past it for a reason; 500 other night pictures are sent and reviewed. Prints
the live accuracy before and after, with its intervals. Took six minutes on two cores.
"""

import argparse
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

from benchmarks import api, screens
from benchmarks.report import Row, WrongError, say, table
from benchmarks.service import ROOT, Service, running
from ml import data, manifest

EACH = 500  # pictures before, and after
DARKER, GRAIN, QUALITY = 0.22, 6.0, 75  # share of the light, levels of noise, JPEG
BEFORE, CANDIDATE = manifest.DEFAULT.name, "night"
NAME, PASSWORD = "reviewer", "darkness-is-no-excuse"
REASON = "Night pictures are what it was trained for"
AT_ONCE = 50  # pictures on a page
LONGEST = 3000  # seconds that training may take
COMPARED = 8  # lines at the end of training, with the model it began with


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10 as an .npz")
    parser.add_argument("--epochs", type=int, help="of fine-tuning (default: the recipe's)")
    parser.add_argument("--screens", type=Path, metavar="FOLDER", help="keep screenshots there")
    args = parser.parse_args()
    try:
        with running(KADR_AUDIT_SHARE="1") as service:
            print(table(list(played(service, args))))
    except WrongError as error:
        say(f"\n{error}")
        return 1
    return 0


def played(service: Service, args: argparse.Namespace) -> Iterator[Row]:
    """Raises WrongError where a step does not come out as it must."""
    make_reviewer(service)
    test = data.load(args.data, None).test
    darkness = np.random.default_rng(22)
    for name, start in (("before", 0), ("after", EACH)):
        chosen = range(start, start + EACH)
        truths = {f"{n:05}.jpg": data.CIFAR10_CLASSES[test.y[n]]["id"] for n in chosen}
        say(f"{EACH} night pictures are sent and reviewed…")
        send(service, {f"{n:05}.jpg": night(test.x[n], darkness) for n in chosen})
        reviewer = Reviewer(service)
        _keep(service, args, f"review-{name}", "/admin/review/?order=audit")
        reviewer.work(truths)
        yield accuracy(service, name)
        _keep(service, args, f"statistics-{name}", "/admin/statistics/")
        if name == "before":
            train(service, args)
            say(promote(service))
            _keep(service, args, "trials", "/admin/classifier/trial/")


def _keep(service: Service, args: argparse.Namespace, name: str, path: str) -> None:
    if args.screens:
        screens.keep(service, args.screens / f"{name}.png", path, NAME, PASSWORD)


def night(picture: np.ndarray, darkness: np.random.Generator) -> bytes:
    """A picture (h, w, 3) uint8 with little light and much grain, as JPEG."""
    dim = picture * DARKER + darkness.normal(0, GRAIN, picture.shape)
    out = io.BytesIO()
    Image.fromarray(dim.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def send(service: Service, files: dict[str, bytes]) -> None:
    api.wait(service, api.send(service, *api.as_zip(files)))


def make_reviewer(service: Service) -> None:
    service.settings["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    service.manage("createsuperuser", "--noinput", "--username", NAME, "--email", "")
    service.token = service.manage("create_token", NAME, "night").splitlines()[-1]


class Reviewer:
    """Somebody at the review page who knows what the pictures show."""

    def __init__(self, service: Service) -> None:
        self.session, self.url = requests.Session(), service.url
        self.session.get(f"{self.url}/admin/login/").raise_for_status()
        form = {"username": NAME, "password": PASSWORD, "next": "/admin/review/"}
        answer = self.session.post(f"{self.url}/admin/login/", form, headers=self._proof())
        if not answer.url.endswith("/admin/review/"):
            raise WrongError(f"The login led to {answer.url}")

    def work(self, truths: dict[str, str], order: str = "audit") -> None:
        """Say of each picture that is dealt what it shows, until none is left."""
        said = 0
        while items := self._ask("deal", {"order": order, "n": AT_ONCE, "have": []})["items"]:
            words = [{"prediction": i["id"], "label": truths[i["file"]]} for i in items]
            numbers = self._ask("words", {"words": words})["reviews"]
            if None in numbers:
                raise WrongError("A verdict was not taken")
            said += len(numbers)
        if said != len(truths):
            raise WrongError(f"{said} pictures were dealt, of {len(truths)}")

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.session.post(
            f"{self.url}/admin/review/{path}", json=body, headers=self._proof()
        )
        if answer.status_code != 200:
            raise WrongError(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def _proof(self) -> dict[str, str]:
        token = next(v for name, v in self.session.cookies.items() if "csrf" in name)
        return {"X-CSRFToken": str(token), "Referer": self.url}


def accuracy(service: Service, when: str) -> Row:
    """What the statistics say of the model that answered last."""
    name = manifest.read(serving(service, when)).id
    told = api.ask(service, "/api/v1/stats/accuracy")
    (found,) = [m["accuracy"] for m in told["models"] if m["name"] == name]
    low, high = found["interval_95"]
    note = f"95 % interval {low:.1%} to {high:.1%}, {name}"
    return Row(f"live accuracy {when}", found["value"] * 100, "%", note=note)


def serving(service: Service, when: str) -> Path:
    return manifest.MODELS / BEFORE if when == "before" else service.data / "models" / CANDIDATE


def train(service: Service, args: argparse.Namespace) -> None:
    """Export what was reviewed, and go on with the model on it."""
    folder = service.data.parent
    export = folder / "reviewed.zip"
    say(service.manage("export_dataset", str(export)).strip().splitlines()[-1])
    command = [sys.executable, "-m", "ml.train", "fine_tune", "--name", CANDIDATE]
    command += ["--data", str(export), "--original", str(args.data)]
    command += ["--from", str(manifest.MODELS / BEFORE), "--to", str(service.data / "models")]
    command += ["--runs", str(folder / "runs")]
    command += ["--epochs", str(args.epochs)] if args.epochs else []
    say("The candidate is trained…")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        raise WrongError(f"Training failed: {done.stderr[-2000:]}")
    say("\n".join(done.stdout.strip().splitlines()[-COMPARED:]))


def promote(service: Service) -> str:
    """By the gate, or past it for a reason; returns what was said."""
    try:
        return service.manage("promote", CANDIDATE)
    except subprocess.CalledProcessError as refused:
        say(f"{refused.stdout}{refused.stderr}")
        return service.manage("promote", CANDIDATE, "--force", REASON)


if __name__ == "__main__":
    sys.exit(main())
