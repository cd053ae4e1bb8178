"""The process that answers for candidates, as its parent sees it: started, asked, ended.

A candidate may crash, hang or take all the memory it can get; here that costs the trial and no
answer to anybody.
"""

import json
import logging
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.conf import settings

from classifier import piped

logger = logging.getLogger(__name__)
Answer = dict[str, Any]  # {"label", "confidence", "off_topic"}


class CandidateError(Exception):
    """It cannot be loaded, ended, or took too long. The message is one line."""


class Candidate:
    def __init__(self, folders: list[Path]) -> None:
        """Load and warm up the models of these folders. Raises CandidateError."""
        self.folders = folders
        command = [sys.executable, "-m", "ml.replay", "--engine", settings.ENGINE]
        command += map(str, folders)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=settings.BASE_DIR
            )
        except OSError as error:
            raise CandidateError(f"its process cannot be started: {error.strerror}") from error
        told = self._ask(b"")
        if "models" not in told:
            self.end()
            raise CandidateError(str(told.get("error", "it said nothing that is understood")))
        self.models: list[dict[str, Any]] = told["models"]  # {"digest", "speed"}, in that order

    def answer(self, jpegs: list[bytes]) -> list[list[Answer] | None]:
        """For each picture an answer a model, or None where it cannot be read. Raises
        CandidateError, after which this one is dead."""
        head = json.dumps({"sizes": [len(jpeg) for jpeg in jpegs]}).encode() + b"\n"
        answers: list[list[Answer] | None] = self._ask(head + b"".join(jpegs)).get("answers", [])
        if len(answers) != len(jpegs):
            self.end()
            raise CandidateError("it did not answer every picture")
        return answers

    def _ask(self, question: bytes) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout, "both are pipes"
        with self._time_limit() as out_of_time:
            try:
                self._process.stdin.write(question)
                self._process.stdin.flush()
                told: dict[str, Any] = json.loads(self._process.stdout.readline())
            except (OSError, ValueError) as error:
                self.end()
                late = f"it took more than {settings.TRIAL_SECONDS} s"
                code = f"it ended with exit code {self._process.returncode}"
                raise CandidateError(late if out_of_time.is_set() else code) from error
        return told

    def _time_limit(self) -> AbstractContextManager[threading.Event]:
        return piped.time_limit(self._process, settings.TRIAL_SECONDS)

    def end(self) -> None:
        piped.end(self._process)
