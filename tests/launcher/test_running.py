"""The launcher as a whole keeps the site running, and leaves nothing behind."""

import os
import pty
import shutil
import signal
import sys
from pathlib import Path

from launcher import broker
from tests.launcher.conftest import REPOSITORY, Launched, wait_for, write


def test_ctrl_c_stops_in_the_opposite_order_and_leaves_nothing(launched: Launched) -> None:
    launcher = launched.start_ready()

    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(30) == 0
    assert launched.events()[-4:] == [
        "web stops",
        "beat stops",
        "jobs stops",
        "worker stops",
    ]
    assert launched.said().splitlines()[-2:] == ["Stopping… (Ctrl-C again hurries)", "Stopped."]
    assert "bye bye" in (launched.data / "logs" / "valkey.log").read_text()
    assert launched.processes() == {}


def test_a_second_ctrl_c_hurries(launched: Launched) -> None:
    launcher = launched.start_ready(STUBBORN="worker")

    launcher.send_signal(signal.SIGINT)
    wait_for(lambda: "worker stops" in launched.events())
    assert launcher.poll() is None
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(20) == 0
    assert launched.processes() == {}


def test_each_process_that_dies_is_started_again(launched: Launched) -> None:
    launched.start_ready()
    names = ("valkey", "worker", "jobs", "beat", "web")
    before = {name: launched.pid(name) for name in names}

    for name in names:
        launched.kill(name)
    wait_for(lambda: all(launched.pid(name) != before[name] for name in names))
    wait_for(lambda: all(launched.events().count(f"{name} starts") == 2 for name in names[1:]))
    wait_for(lambda: broker.answers(launched.data / "valkey" / "valkey.sock"))
    assert "Valkey stopped (killed by SIGKILL); it is started again in 1 s." in launched.said()


def test_what_a_dead_worker_had_started_ends_with_it(launched: Launched) -> None:
    launched.start_ready()
    below = next(p for p, command in launched.processes().items() if "time.sleep(600)" in command)

    launched.kill("worker")
    wait_for(lambda: below not in launched.processes())


def test_the_log_of_a_process_that_keeps_dying_is_shown(launched: Launched) -> None:
    launched.start(FAILING="worker")

    wait_for(lambda: "    the reason why worker fails" in launched.said())
    assert "The worker stopped (exit code 1); it is started again in 2 s." in launched.said()


def test_a_killed_launcher_leaves_nothing(launched: Launched) -> None:
    launcher = launched.start_ready()
    below = [p for p, command in launched.processes().items() if "time.sleep(600)" in command]

    launcher.kill()
    launcher.wait()
    # The real worker's child watches its parent by itself, as gunicorn's do.
    wait_for(lambda: launched.processes().keys() <= set(below))


def test_after_a_killed_launcher_the_next_one_starts(launched: Launched) -> None:
    launcher = launched.start_ready()
    launcher.kill()
    launcher.wait()

    launched.start_ready()


def test_what_a_killed_launcher_left_running_is_ended_by_the_next(launched: Launched) -> None:
    launcher = launched.start_ready(STUBBORN="worker")
    stubborn = launched.pid("worker")
    launcher.kill()
    launcher.wait()

    launched.start_ready()
    assert "Waiting for what an earlier run left behind to end…" in launched.said()
    assert stubborn not in launched.processes()


def test_a_killed_make_leaves_nothing(launched: Launched) -> None:
    make = launched.start_ready("make", "--file", makefile(launched.root), "run")

    make.kill()
    make.wait()
    wait_for(lambda: launched.processes() == {})


def test_a_closed_terminal_leaves_nothing(launched: Launched) -> None:
    command = ["make", "--file", makefile(launched.root), "run"]
    environment = os.environ | {"KADR_DATA": str(launched.data), "PORT": str(launched.port)}
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
        os.chdir(launched.root)
        os.environ.pop("DJANGO_SETTINGS_MODULE")
        environment.pop("DJANGO_SETTINGS_MODULE")
        os.execvpe(command[0], command, environment)
    wait_for(lambda: "web starts" in launched.events())

    os.close(terminal)
    wait_for(lambda: launched.processes() == {})
    os.waitpid(pid, 0)
    assert launched.events()[-4:] == [
        "web stops",
        "beat stops",
        "jobs stops",
        "worker stops",
    ]


def makefile(root: Path) -> str:
    """The project's own, with a set-up that has nothing to do."""
    write(root / "bin" / "setup", "exit 0")
    write(root / ".venv" / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (root / ".venv" / "bin" / "python").chmod(0o755)
    return shutil.copy(REPOSITORY / "Makefile", root)
