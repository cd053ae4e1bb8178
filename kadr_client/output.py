"""The answers as CSV or JSON lines, whole lines at a time."""

import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from kadr_client.errors import OutputClosedError, UsageError

COLUMNS = ("path", "status", "label", "confidence", "error")
FORMULA = tuple("=+-@\t\r")
FORMATS = ("csv", "jsonl")


@dataclass(frozen=True)
class Row:
    path: str
    item: dict[str, Any]  # as the service gave it, but for what lost its answer there

    @property
    def succeeded(self) -> bool:
        return self.item.get("status") == "succeeded" and bool(self.item.get("result"))


class Writer:
    def __init__(self, stream: TextIO, style: str) -> None:
        self._stream = stream
        self._line: Callable[[Row], str] = csv_line if style == "csv" else json_line
        if style == "csv":
            self._write(_csv(COLUMNS))

    def write(self, rows: list[Row]) -> None:
        self._write("".join(map(self._line, rows)))

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError as error:
            raise OutputClosedError("nobody reads the output any more") from error
        except OSError as error:
            raise UsageError(f"cannot write the output: {error.strerror}") from error


def csv_line(row: Row) -> str:
    result, error = row.item.get("result") or {}, row.item.get("error") or {}
    told = ": ".join(str(error[name]) for name in ("code", "title") if error.get(name))
    status, label = str(row.item.get("status", "")), str(result.get("label", ""))
    texts = [defused(text) for text in (row.path, status, label, told)]
    return _csv((*texts[:3], str(result.get("confidence", "")), texts[3]))


def json_line(row: Row) -> str:
    return json.dumps({"path": row.path, **row.item}, ensure_ascii=False) + "\n"


def defused(text: str) -> str:
    """A spreadsheet would run what begins like a formula; an apostrophe makes it text."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    # With \r\n for an end, csv quotes both characters inside cells, as not all versions else do.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


@contextlib.contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """`path`, which appears when all is written; standard output without one."""
    if path is None:
        yield _standard_output()
        return
    target = path.resolve()  # a link keeps its place
    # A device or a pipe is written to, not replaced.
    special = target.exists() and not target.is_file()
    written = target if special else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        file = written.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield file
        try:
            file.close()
            if not special:
                written.replace(target)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        # What could not be written is tried once more here, and is told already.
        with contextlib.suppress(OSError):
            file.close()
        if not special:
            written.unlink(missing_ok=True)


def _standard_output() -> TextIO:
    # Names that are no valid text go out as the bytes they are.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")
    return sys.stdout
