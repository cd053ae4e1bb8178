"""A group of pictures made ready to be sent: read once for its key, and what cannot be is told."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from kadr_client.files import FORM_BYTES, MOST_BYTES, Picture
from kadr_client.multipart import CHUNK, Form, Part


@dataclass(frozen=True)
class Batch:
    pictures: list[Picture]
    parts: list[Part]
    unsent: dict[str, str]  # the name of a picture: why it stays here
    options: dict[str, str]
    model: str  # the version that serves

    @property
    def key(self) -> str:
        """The same for the same names, contents, options and model, on any day and machine."""
        files = [(part.name, part.size, part.digest) for part in self.parts]
        text = json.dumps(["kadr-client-2", self.model, self.options, files], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def marks(self) -> list[str]:
        """One for each of `parts`, by which it is known in whatever batch it is."""
        return [self._mark(part) for part in self.parts]

    def _mark(self, part: Part) -> str:
        file = [self.model, self.options, part.name, part.size, part.digest]
        return hashlib.sha256(json.dumps(file, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def form(self) -> Form:
        return Form(f"kadr-{self.key[:48]}", self.options, self.parts)


def prepare(pictures: list[Picture], options: dict[str, str], model: str) -> Batch:
    parts, unsent = [], {}
    for picture in pictures:
        try:
            if picture.size > MOST_BYTES - FORM_BYTES:
                unsent[picture.name] = f"larger than {MOST_BYTES // 1_000_000} MB"
            else:
                parts.append(_part(picture))
        except OSError as error:
            unsent[picture.name] = f"cannot be read: {error.strerror}"
    return Batch(pictures, parts, unsent, options, model)


def _part(picture: Picture) -> Part:
    size, digest = _digest(picture.path)
    return Part(picture.path, picture.name, size, digest)


def _digest(path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()
