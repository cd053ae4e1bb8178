"""What the service has taken already, in a file: its batches, and which files are in each.

Only a saving: without it a batch is uploaded again, and the service, which knows its key, answers
with the batch it has. So whatever goes wrong with the default file is passed over.

A line before a batch is sent tells its files, a line after it the id that the service gave it. So
also a batch whose answer was lost is put together again as it was, whatever else is new in the
folder by then. Journals of before 0.2 have the second kind alone; both read each other's.
"""

import contextlib
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from kadr_client.errors import UsageError

HEADER = {"kadr_client": "journal", "version": 1}
DONE = {"done": True}  # the last line, once all is answered
DAY, MONTH = 24 * 3600, 30 * 24 * 3600  # seconds


class Journal:
    """A line cut short by a crash counts for nothing."""

    def __init__(self, path: Path, *, chosen: bool = False) -> None:
        self.path = path
        self._chosen = chosen  # by the person, who then keeps it
        self._ids: dict[str, str] = {}  # key of a batch -> its id
        self._files: dict[str, list[str]] = {}  # key of a batch -> the marks of its files
        self._keys: dict[str, str] = {}  # mark of a file -> key of the last batch that has it
        for entry in self._read():
            self._learn(entry)

    def get(self, key: str) -> str | None:
        return self._ids.get(key)

    def holds(self, mark: str) -> str | None:
        """The id of the batch in which the file of that mark was sent."""
        return self._ids.get(self._keys.get(mark, ""))

    def begun(self, mark: str) -> str | None:
        """The key of the batch in which that file perhaps was sent: whoever did got no answer."""
        key = self._keys.get(mark)
        return None if key in self._ids else key

    def files(self, key: str) -> list[str]:
        """The marks of the batch's files, in their order."""
        return self._files.get(key, [])

    def begin(self, key: str, marks: list[str]) -> None:
        """Before the batch is sent."""
        if self.files(key) != marks:
            self._write({"key": key, "files": marks})

    def record(self, key: str, batch_id: str) -> None:
        if self._ids.get(key) != batch_id:
            self._write({"key": key, "id": batch_id})

    def finish(self) -> None:
        """All is answered. A file that nobody asked for is kept for a day, as the service keeps a
        batch's key, so that what is new in the folder by then goes alone."""
        if not self._chosen:
            self._write(DONE)
            self._tidy()

    def _write(self, entry: dict[str, Any]) -> None:
        self._learn(entry)
        try:
            self._append(entry)
        except OSError as error:
            if self._chosen:
                raise UsageError(f"cannot write {self.path}: {error.strerror}") from error

    def _learn(self, entry: dict[str, Any]) -> None:
        key, files = str(entry.get("key")), entry.get("files")
        if "id" in entry:
            self._ids[key] = str(entry["id"])
        if isinstance(files, list):
            self._files[key] = marks = [str(mark) for mark in files]
            self._keys |= dict.fromkeys(marks, key)

    def _read(self) -> list[dict[str, Any]]:
        try:
            lines = self.path.read_bytes().splitlines()
            age = time.time() - self.path.stat().st_mtime
        except FileNotFoundError:
            return []
        except OSError as error:
            if self._chosen:
                raise UsageError(f"cannot read {self.path}: {error.strerror}") from error
            return []
        if lines and _object(lines[0]) != HEADER:
            return self._begun_anew()
        entries = [_object(line) for line in lines[1:]]
        if not self._chosen and age > DAY and entries[-1:] == [DONE]:
            return self._begun_anew()
        return [entry for entry in entries if "key" in entry]

    def _begun_anew(self) -> list[dict[str, Any]]:
        """Of a damaged file, or one that has served. One that a person named may be anything, and
        is left to them."""
        if self._chosen:
            told = "name another file, or delete it if it once was one"
            raise UsageError(f"not a journal of this client: {self.path}; {told}")
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        return []

    def _tidy(self) -> None:
        """Nobody looks into the cache: what other commands left there long ago goes."""
        with contextlib.suppress(OSError):
            for other in self.path.parent.glob("*.jsonl"):
                if time.time() - other.stat().st_mtime > MONTH:
                    other.unlink()

    def _append(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            if file.tell() == 0:
                file.write(json.dumps(HEADER) + "\n")
            # The empty line ends what a crash may have left unended.
            file.write("\n" + json.dumps(entry) + "\n")


def default_path(*inputs: str) -> Path:
    """In the user's cache folder, named after `inputs`: the same command finds it again."""
    digest = hashlib.sha256("\0".join(inputs).encode(errors="surrogateescape")).hexdigest()
    return _cache() / "kadr" / f"{digest[:32]}.jsonl"


def _cache() -> Path:
    if folder := os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA"):
        return Path(folder)
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
