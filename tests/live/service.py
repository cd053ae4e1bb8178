"""The whole service for tests: nothing in it is a stand-in, and any part of it can be killed."""

import contextlib
import json
import os
import signal
import sqlite3
from typing import Any

from benchmarks import service
from benchmarks.service import ROOT, form, free_port, wait_for

__all__ = ["ROOT", "Service", "free_port", "wait_for"]


class Service(service.Service):
    @property
    def environment(self) -> dict[str, str]:
        place = {"KADR_DATA": str(self.data), "PORT": str(self.port)}
        return {**os.environ, **place, **self.settings}

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def upload(self, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
        body, kind = self.form(content)
        status, _headers, answer = self.request(
            "POST", "/api/v1/predictions", body, **headers, **kind
        )
        return status, json.loads(answer)

    @staticmethod
    def form(content: bytes) -> tuple[bytes, dict[str, str]]:
        """The body and the headers that send a picture."""
        return form("image", {"photo.jpg": content})

    def prediction(self, pk: str) -> dict[str, Any]:
        _status, _headers, body = self.request("GET", f"/api/v1/predictions/{pk}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def rows(self, query: str, *values: Any) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.data / "kadr.sqlite3")) as database:
            return database.execute(query, values).fetchall()

    def unfinished(self) -> int:
        query = "SELECT count(*) FROM classifier_prediction WHERE finished_at IS NULL"
        return int(self.rows(query)[0][0])
