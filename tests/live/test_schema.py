"""The schema describes what the service does: schemathesis sends what it allows and what it does
not, with an authorised token, and holds every answer against it, by all of its checks."""

import subprocess
import sys

from tests.live.service import ROOT, Service

OPTIONS = ["--checks", "all", "--max-examples", "5", "--phases", "examples,coverage,fuzzing"]


def test_no_answer_contradicts_the_schema(service: Service):
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{service.url}/api/v1/schema?format=json",
            "--header",
            f"Authorization: Bearer {service.token}",
            *OPTIONS,
            "--seed",
            "1",
            "--request-timeout",
            "30",
            "--no-color",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-12_000:] + process.stderr[-2000:]
