"""Every refusal as one object: RFC 9457 problem details, for the API and the pages alike.

A code is stable and never translated; its title and detail are sentences in the reader's language.
"""

import math
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.utils.functional import Promise

from classifier.problem_kinds import KINDS

MEGABYTE, GIGABYTE, MEGAPIXEL = 1024**2, 1024**3, 1_000_000


class Problem(Exception):
    """A refusal. `detail` replaces the code's own sentence where there is more to say."""

    def __init__(self, code: str, detail: str | Promise = "", **extensions: Any) -> None:
        super().__init__(code)
        self.code, self.kind = code, KINDS[code]
        self.extensions = extensions
        self._detail = detail
        self.wait: int | None = None

    def after(self, wait: timedelta) -> Self:
        """To be sent with Retry-After."""
        self.wait = max(1, math.ceil(wait.total_seconds()))
        return self

    @property
    def status(self) -> int:
        return self.kind.status

    @property
    def title(self) -> str:
        return str(self.kind.title)

    @property
    def detail(self) -> str:
        return str(self._detail) or str(self.kind.detail).format(
            megabytes=settings.MAX_IMAGE_BYTES // MEGABYTE,
            megapixels=settings.MAX_IMAGE_PIXELS // MEGAPIXEL,
            scans=settings.MAX_SCANS,
            images=settings.MAX_IMAGES,
            batch_parts=settings.MAX_BATCH_PARTS,
            batch_items=settings.MAX_ARCHIVE_ENTRIES,
            batch_gigabytes=settings.MAX_BATCH_BYTES // GIGABYTE,
            entries=settings.MAX_ARCHIVE_ENTRIES,
            exports=settings.EXPORT_LIMIT,
            gigabytes=settings.MAX_ARCHIVE_BYTES // GIGABYTE,
        )

    def as_dict(self) -> dict[str, Any]:
        """The problem object of RFC 9457, section 3.1, with `code` and the extensions added."""
        body = {
            "type": f"/problems/{self.code.lower().replace('_', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extensions,
        }
        return {name: value for name, value in body.items() if value}
