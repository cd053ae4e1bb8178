"""Which batches the service has taken already, in a file.

Only a saving: without it a batch is uploaded again, and the service, which knows its key, answers
with the batch it has. So whatever goes wrong with the default file is passed over.
"""

import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path

from kadr_client.errors import UsageError

HEADER = {"kadr_client": "journal", "version": 1}


class Journal:
    """`key → id of the batch`, a line each; a line cut short by a crash counts for nothing."""

    def __init__(self, path: Path, *, chosen: bool = False) -> None:
        self.path = path
        self._chosen = chosen  # by the person, who then keeps it
        self._ids = self._read()

    def get(self, key: str) -> str | None:
        return self._ids.get(key)

    def record(self, key: str, batch_id: str) -> None:
        if self._ids.get(key) == batch_id:
            return
        self._ids[key] = batch_id
        try:
            self._append({"key": key, "id": batch_id})
        except OSError as error:
            if self._chosen:
                raise UsageError(f"cannot write {self.path}: {error.strerror}") from error

    def finish(self) -> None:
        """All is answered. A file that nobody asked for is not left behind."""
        if not self._chosen:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, str]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            if self._chosen:
                raise UsageError(f"cannot read {self.path}: {error.strerror}") from error
            return {}
        if lines and _object(lines[0]) != HEADER:
            return self._begun_anew()
        entries = [_object(line) for line in lines[1:]]
        return {str(e["key"]): str(e["id"]) for e in entries if {"key", "id"} <= e.keys()}

    def _begun_anew(self) -> dict[str, str]:
        """Of a damaged file. One that a person named may be anything, and is left to them."""
        if self._chosen:
            told = "name another file, or delete it if it once was one"
            raise UsageError(f"not a journal of this client: {self.path}; {told}")
        self.finish()
        return {}

    def _append(self, entry: dict[str, str]) -> None:
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


def _object(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
