"""What is sent from the page, and when it is answered."""

import io

from PIL import Image
from playwright.sync_api import Page, Route, expect
from skimage.data import chelsea

from tests import make

ANSWERED = ".card[data-status=succeeded]"
SOON = 20_000  # ms


def cat() -> bytes:
    """A photo that the model is sure of, as scikit-image ships it."""
    buffer = io.BytesIO()
    Image.fromarray(chelsea()).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def photo(name: str = "photo.jpg", content: bytes | None = None) -> dict[str, object]:
    buffer = make.noise_jpeg(1, side=300) if content is None else content
    return {"name": name, "mimeType": "image/jpeg", "buffer": buffer}


def send(page: Page, *files: dict[str, object]) -> None:
    page.set_input_files("#files", list(files))


def lose_answers(page: Page, path: str) -> list[int]:
    """Let the service do what is asked of `path`, and its answers get lost on the way; the list
    grows by the status of each."""
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort()

    page.route(path, lose)
    return lost


def answered(page: Page, n: int = 1) -> None:
    expect(page.locator(ANSWERED)).to_have_count(n, timeout=SOON)
