"""A multipart form (RFC 7578) that is read from disk while it is sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kadr_client.errors import FileChangedError

CHUNK = 256 * 1024


@dataclass(frozen=True)
class Part:
    path: Path
    name: str
    size: int  # bytes, when its digest was taken
    digest: str


class Form:
    """The body of a new batch. Its boundary is given, so that the same form has the same bytes."""

    def __init__(self, boundary: str, fields: dict[str, str], parts: list[Part]) -> None:
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._boundary = boundary
        self._fields = fields
        self._parts = parts

    @property
    def length(self) -> int:
        """Bytes of the whole body, known before any file is opened."""
        heads = sum(len(self._head(part)) + part.size + 2 for part in self._parts)
        return len(self._text_fields()) + heads + len(self._end())

    def chunks(self) -> Iterator[bytes]:
        """The body. Raises FileChangedError where a file has another size by now."""
        yield self._text_fields()
        for part in self._parts:
            yield self._head(part)
            yield from _content(part)
            yield b"\r\n"
        yield self._end()

    def _text_fields(self) -> bytes:
        # The server drops folders from the names of files, so the names go by themselves.
        names = [("custom_id", part.name) for part in self._parts]
        return "".join(
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in [*self._fields.items(), *names]
        ).encode()

    def _head(self, part: Part) -> bytes:
        return (
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="image"; filename="{part.name}"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()

    def _end(self) -> bytes:
        return f"--{self._boundary}--\r\n".encode()


def _content(part: Part) -> Iterator[bytes]:
    """Exactly the bytes that were promised in Content-Length."""
    left = part.size
    try:
        with part.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    break
                yield chunk
    except OSError as error:
        raise FileChangedError(f"cannot read {part.path} any more: {error.strerror}") from error
    if left:
        raise FileChangedError(
            f"{part.path} changed while it was being sent; run the same command again"
        )
