"""The launcher as a whole starts the site, or says in one line why it cannot."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from launcher import broker
from tests.launcher.conftest import Launched, wait_for


def test_it_starts_everything_in_order_and_says_where(running: Launched) -> None:
    assert running.said().splitlines()[:5] == [
        f"Logs are in {running.data}/logs",
        "Starting Valkey…",
        "Preparing the database and the pages…",
        "Loading the model…",
        f"Kadr is ready: http://127.0.0.1:{running.port}/ (Ctrl-C stops it)",
    ]
    events = running.events()
    assert sorted(events[1:5]) == ["beat starts", "collectstatic", "jobs starts", "worker starts"]
    assert (events[0], events[5]) == ("migrate", "web starts")


def test_each_process_leads_a_session_of_its_own(running: Launched) -> None:
    pids = [
        running.launchers[0].pid,
        *map(running.pid, ("valkey", "worker", "jobs", "beat", "web")),
    ]

    assert [os.getsid(pid) for pid in pids] == pids


def test_the_broker_listens_on_a_private_socket_only(running: Launched) -> None:
    folder = running.data / "valkey"

    reply = broker.ask(folder / "valkey.sock", b"CONFIG GET port")
    assert reply.split(b"\r\n")[-2] == b"0"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "valkey.sock").stat().st_mode & 0o777 == 0o700


def test_the_address_of_our_own_broker_reaches_each_process(running: Launched) -> None:
    expected = f"REDIS_URL=unix://{running.data}/valkey/valkey.sock?db=0"

    for name in ("worker", "jobs", "beat", "web"):
        assert expected in environment_of(running.pid(name))


def test_a_second_copy_says_who_has_the_folder(running: Launched) -> None:
    first = running.launchers[0]

    second = running.start(PORT="1")
    assert second.wait(30) == 1
    assert running.said().splitlines()[-1] == (
        f"Kadr cannot start: it already runs on {running.data} (pid {first.pid}, "
        f"http://127.0.0.1:{running.port}/). Stop that copy, or give this one another "
        "KADR_DATA and PORT"
    )
    assert first.poll() is None


def test_a_given_redis_is_used_and_none_is_started(launched: Launched) -> None:
    launched.start_ready(REDIS_URL="redis://127.0.0.1:1/0")

    assert not (launched.data / "run" / "valkey.pid").exists()
    assert "REDIS_URL=redis://127.0.0.1:1/0" in environment_of(launched.pid("worker"))


def test_a_live_broker_of_an_earlier_run_is_adopted_and_stopped_at_the_end(
    launched: Launched,
) -> None:
    orphan = orphan_broker(launched.data)
    path = launched.data / "valkey" / "valkey.sock"
    broker.ask(path, b"SET kept yes")
    launcher = launched.start_ready()

    assert "Using the Valkey of an earlier run…" in launched.said()
    assert broker.ask(path, b"GET kept") == b"$3\r\nyes\r\n"
    launcher.terminate()
    assert launcher.wait(30) == 0
    assert orphan.wait(10) == 0


def test_an_adopted_broker_that_dies_is_replaced(launched: Launched) -> None:
    orphan = orphan_broker(launched.data)
    launched.start_ready()
    orphan.kill()
    orphan.wait()

    wait_for(lambda: broker.answers(launched.data / "valkey" / "valkey.sock"))
    assert "Valkey stopped (ended)" in launched.said()


def test_a_copy_that_starts_while_another_stops_waits_for_it(launched: Launched) -> None:
    first = launched.start_ready()
    first.terminate()

    launched.start_ready()
    assert first.poll() == 0


def test_a_taken_port_is_one_line(launched: Launched) -> None:
    with socket.create_server(("127.0.0.1", launched.port)):
        assert launched.start().wait(30) == 1

    assert launched.said() == (
        f"Kadr cannot start: port {launched.port} on 127.0.0.1 is taken by another program. "
        f"Stop that one, or choose another port: PORT={launched.port + 1} make run\n"
    )


def test_a_folder_that_cannot_be_written_is_one_line(launched: Launched, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert launched.start(KADR_DATA=str(tmp_path / "file" / "data")).wait(30) == 1

    assert launched.said() == (
        f"Kadr cannot start: the data folder {tmp_path}/file/data cannot be written "
        "(Not a directory). Set KADR_DATA to a folder that can\n"
    )


def test_wrong_settings_are_one_line(launched: Launched) -> None:
    with (launched.root / "classifier_site" / "settings.py").open("a") as settings:
        settings.write("from django.core.exceptions import ImproperlyConfigured\n")
        settings.write("raise ImproperlyConfigured('PORT must be a number')\n")

    assert launched.start().wait(30) == 1
    assert launched.said() == "Kadr cannot start: PORT must be a number\n"


def test_a_failed_migration_is_shown_and_ends_the_start(launched: Launched) -> None:
    assert launched.start(FAILING="migrate").wait(30) == 1

    assert launched.said().splitlines()[-3:] == [
        "    the reason why migrate fails",
        "Stopping… (Ctrl-C again hurries)",
        "Kadr cannot start: `manage.py migrate` failed (exit code 1); its last lines are above",
    ]
    assert launched.processes() == {}


def test_a_stop_during_the_start_is_prompt(launched: Launched) -> None:
    launcher = launched.start(STUBBORN="web")
    wait_for(lambda: "worker starts" in launched.events())
    launcher.send_signal(signal.SIGINT)

    assert launcher.wait(30) == 0
    assert launched.processes() == {}


def environment_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def orphan_broker(data: Path) -> subprocess.Popen[bytes]:
    """A server on the launcher's socket that the launcher did not start."""
    folder = data / "valkey"
    folder.mkdir(parents=True)
    words = ["--port", "0", "--unixsocket", str(folder / "valkey.sock"), "--dir", str(folder)]
    server = subprocess.Popen([broker.find_server(), *words], stdout=subprocess.DEVNULL)
    wait_for(lambda: broker.answers(folder / "valkey.sock"))
    return server
