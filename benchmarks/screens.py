"""Screenshots of the admin, as who runs the site sees it (needs Playwright and Chromium)."""

import shutil
from pathlib import Path

from benchmarks.service import Service

WIDTH, HEIGHT = 1280, 900
SETTLED = 1500  # ms until pictures and charts are there


def keep(service: Service, file: Path, path: str, name: str, password: str) -> None:
    """Log in as `name` and write what `path` shows."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    file.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en")
        page.goto(f"{service.url}/admin/login/?next={path}")
        page.fill("#id_username", name)
        page.fill("#id_password", password)
        page.press("#id_password", "Enter")
        page.wait_for_timeout(SETTLED)
        page.screenshot(path=str(file), full_page=True)
        browser.close()
