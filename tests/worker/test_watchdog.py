"""A worker that hangs ends itself, before its lease does."""

import subprocess
import sys
import textwrap

from django.conf import settings

from worker.watchdog import HUNG, Watchdog

HANGS = """
    import time
    import django
    django.setup()
    from django.conf import settings
    settings.WATCHDOG_SECONDS = 0.2
    from worker.watchdog import watchdog
    watchdog.start()
    {before}
    with watchdog.guard():
        time.sleep({seconds})
"""


def status_after(seconds: float, before: str = "pass") -> int:
    code = textwrap.dedent(HANGS).format(seconds=seconds, before=before)
    process = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    return process.returncode


def test_a_process_that_hangs_is_ended(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
    assert status_after(seconds=30) == HUNG


def test_a_process_that_is_idle_for_long_is_left_alone(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
    assert status_after(seconds=0, before="time.sleep(2)") == 0


def test_the_watchdog_bites_before_the_lease_ends():
    assert settings.WATCHDOG_SECONDS < settings.LEASE_SECONDS


def test_the_guard_ends_with_its_block():
    dog = Watchdog()
    with dog.guard():
        assert dog._since is not None
    assert not dog.hangs()
