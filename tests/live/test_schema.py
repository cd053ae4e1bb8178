"""The schema describes what the service does: schemathesis sends what it allows and what it does
not, with an authorised token, and holds every answer against it, by all of its checks."""

import os
import subprocess
import sys

from tests.live.service import ROOT, Service

# In the short form every operation gets its examples and each boundary of its schema; `make schema`
# adds as many random requests as it is told.
EXAMPLES = os.environ.get("SCHEMA_EXAMPLES", "")
PHASES = "examples,coverage,fuzzing" if EXAMPLES else "examples,coverage"
OPTIONS = ["--checks", "all", "--max-examples", EXAMPLES or "1", "--phases", PHASES]


def test_no_answer_contradicts_the_schema(service: Service):
    # A user of its own, so that what other tests have sent does not decide what is tried here.
    token = service.manage("create_token", "schema", "test").splitlines()[-1]
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{service.url}/api/v1/schema?format=json",
            "--header",
            f"Authorization: Bearer {token}",
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
        timeout=1800,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-12_000:] + process.stderr[-2000:]
