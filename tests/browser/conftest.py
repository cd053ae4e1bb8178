"""A real Chromium in front of the real service."""

import shutil

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "the browser tests need Chromium: apt-get install chromium"
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS}


@pytest.fixture
def browser_context_args(browser_context_args):
    return {**browser_context_args, "locale": "uk-UA"}


@pytest.fixture
def complaints(context) -> list[str]:
    """What the browser's console complains of: errors, and what the policy forbids."""
    heard: list[str] = []
    context.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
    context.on("weberror", lambda e: heard.append(str(e.error)))
    return heard
