"""What is sent from the page, and when it is answered."""

import io

from PIL import Image
from playwright.sync_api import Page, expect
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


def answered(page: Page, n: int = 1) -> None:
    expect(page.locator(ANSWERED)).to_have_count(n, timeout=SOON)
