"""One child, its session and its log."""

import os
import subprocess
import sys
from pathlib import Path

from launcher import lock, process
from launcher.process import Process, Session
from launcher.site import Site
from tests.launcher.conftest import wait_for

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)"


def python(site: Site, program: str, grace: float = 10) -> Process:
    return Process(site, "child", [sys.executable, "-c", program], grace=grace)


def test_it_says_how_it_ended(site: Site) -> None:
    child = python(site, "raise SystemExit(7)")
    child.start()

    wait_for(child.ended)
    assert child.ended() == "exit code 7"


def test_it_says_which_signal_ended_it(site: Site) -> None:
    child = python(site, "import os; os.kill(os.getpid(), 9)")
    child.start()

    wait_for(child.ended)
    assert child.ended() == "killed by SIGKILL"


def test_a_command_that_is_not_there_has_ended(site: Site) -> None:
    child = Process(site, "child", ["/no/such/program"])
    child.start()

    assert "/no/such/program" in str(child.ended())


def test_one_that_ignores_the_request_is_killed_after_its_grace(site: Site) -> None:
    child = python(site, STUBBORN, grace=0.1)
    child.start()
    wait_for(lambda: "up" in child.log.read_text())

    child.stop(lambda: False)
    assert child.ended() == "killed by SIGKILL"
    assert not child.session.alive()


def test_it_can_be_started_again(site: Site) -> None:
    child = python(site, "print('up')")
    for _ in range(2):
        child.start()
        wait_for(child.ended)

    assert child.log.read_text() == "up\nup\n"


def test_what_a_child_leaves_behind_ends_with_it(site: Site) -> None:
    child = python(site, "import os, time; os.fork() or time.sleep(600)")
    child.start()
    assert child.session.alive()

    wait_for(child.ended)
    wait_for(lambda: not child.session.alive())


def test_a_number_that_nobody_vouches_for_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (tmp_path / "child.pid").write_text(str(bystander.pid))

    Session(tmp_path / "child.pid").kill()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_session_of_a_launcher_that_is_gone_is_found_by_its_file(site: Site) -> None:
    child = python(site, STUBBORN)
    child.start()
    wait_for(lambda: "up" in child.log.read_text())

    Session(child.session.path).kill()
    wait_for(child.ended)
    assert child.ended() == "killed by SIGKILL"


def test_a_log_that_grew_too_long_is_cut_and_goes_on(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT", 10)
    child = python(site, "print('a' * 20, flush=True); input(); print('b')")
    child.log.parent.mkdir()
    child.log.write_text("before\n")
    with child.log.open("ab") as log:
        writer = subprocess.Popen(child.command, stdin=subprocess.PIPE, stdout=log)
        wait_for(lambda: "a" in child.log.read_text())

        child.trim_log()
        writer.communicate(b"\n")
    assert child.log.read_text() == "b\n"
    assert child.log.with_suffix(".log.1").read_text() == "before\n" + "a" * 20 + "\n"


def test_each_run_begins_a_log_and_keeps_the_one_before(site: Site) -> None:
    child = python(site, "print('new')")
    child.log.parent.mkdir()
    child.log.write_text("old\n")

    child.begin_log()
    child.start()
    wait_for(child.ended)
    assert child.log.read_text() == "new\n"
    assert child.log.with_suffix(".log.1").read_text() == "old\n"


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    held = lock.take(tmp_path / "lock")
    assert held is not None
    assert lock.take(tmp_path / "lock") is None
    assert lock.is_held(tmp_path / "lock")

    os.close(held)
    assert not lock.is_held(tmp_path / "lock")
