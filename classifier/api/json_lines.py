"""JSON lines as a request's body: one object a line, each naming a picture that was sent before."""

import hashlib
import json
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from classifier.intake import Item, custom_id
from classifier.problems import Problem

MAX_LINE = 4096  # bytes
MAX_BODY = 50 * 1024 * 1024


class Lines:
    """The lines, read and counted; each is looked at only when its item is made."""

    def __init__(self, body: bytes) -> None:
        self.lines = [line for line in body.split(b"\n") if line.strip()]
        self.sha256 = hashlib.sha256(body).hexdigest()
        if len(self.lines) > settings.MAX_ARCHIVE_ENTRIES:
            raise Problem("BATCH_TOO_LARGE")

    def get(self, _name: str) -> None:
        """No fields beside the lines."""

    def items(self) -> Iterator[Item]:
        for number, line in enumerate(self.lines):
            yield _item(number, line)


def _item(number: int, line: bytes) -> Item:
    try:
        if len(line) > MAX_LINE:
            raise ValueError
        entry = json.loads(line)
        image_id = UUID(entry["image_id"])
        name = entry.get("custom_id", str(image_id))
        if not isinstance(name, str):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        detail = _("Line {number} is not a JSON object with an “image_id”.")
        raise Problem("BATCH_LINE_INVALID", detail.format(number=number + 1)) from error
    return Item(custom_id(name), image_id=image_id)


class JSONLinesParser(BaseParser):
    media_type = "application/jsonl"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise Problem("BATCH_TOO_LARGE")
        return Lines(body)
