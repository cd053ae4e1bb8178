"""What is found out before anything starts."""

import socket
from pathlib import Path

import pytest

from launcher import checks
from launcher.site import StartError, read_settings


def test_a_folder_is_made_and_nothing_stays_in_it(tmp_path: Path) -> None:
    checks.folder_can_be_written(tmp_path / "a" / "b")

    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartError, match="Set KADR_DATA to a folder that can"):
        checks.folder_can_be_written(tmp_path / "file" / "data")


def test_permission_bits_are_not_trusted() -> None:
    with pytest.raises(StartError, match="/proc cannot be written"):
        checks.folder_can_be_written(Path("/proc"))  # root may write here, by the bits


@pytest.mark.parametrize("engine", ["tensorflow", "litert"])
def test_an_engine_that_is_installed_passes(engine: str) -> None:
    checks.engine_is_installed(engine)


def test_an_engine_that_is_missing_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    checks.engine_is_installed("tensorflow")

    with pytest.raises(StartError, match="make run ENGINE=litert"):
        checks.engine_is_installed("litert")


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)

    checks.private_folder(tmp_path / "open")
    assert (tmp_path / "open").stat().st_mode & 0o777 == 0o700


def test_a_private_folder_may_not_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(StartError, match="belongs to somebody else"):
        checks.private_folder(tmp_path / "link")


def test_a_free_port_passes() -> None:
    checks.port_is_free("127.0.0.1", 0)


def test_a_port_with_closing_connections_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        with socket.create_connection(place), server.accept()[0]:
            pass
    checks.port_is_free(*place)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_names_a_way_out(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StartError, match=f"taken by another.*PORT={port + 1} make run"):
            checks.port_is_free(host, port)


def test_a_port_beyond_the_last_is_refused() -> None:
    with pytest.raises(StartError, match="at most 65535"):
        checks.port_is_free("127.0.0.1", 65536)


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    with pytest.raises(StartError, match=f"KADR_HOST={host} is not an address of this machine"):
        checks.port_is_free(host, 8080)


def test_the_settings_say_where_the_site_is(settings) -> None:
    settings.HOST, settings.PORT = "0.0.0.0", 81
    settings.ALLOWED_HOSTS = ["*", ".kadr.example"]
    site = read_settings()

    assert (site.bind, site.url) == ("0.0.0.0:81", "http://127.0.0.1:81/")
    assert site.answers_to == "kadr.example"
    assert (site.root / "manage.py").exists()


def test_an_ipv6_address_stands_in_brackets(settings) -> None:
    settings.HOST, settings.PORT, settings.ALLOWED_HOSTS = "::", 81, ["*"]
    site = read_settings()

    assert (site.bind, site.url) == ("[::]:81", "http://[::1]:81/")
    assert site.answers_to == "localhost"
