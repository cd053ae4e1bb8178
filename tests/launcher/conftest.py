"""A stand-in for the site: the launcher, the broker and every process are real, only what the
web server, the worker and the commands do is a few lines here."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.site import Site

REPOSITORY = Path(__file__).resolve().parents[2]

SETTINGS = """
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(os.environ["KADR_DATA"])
HOST, PORT = "127.0.0.1", int(os.environ["PORT"])
EMBEDDED_SOCKET = DATA / "valkey" / "valkey.sock"
BROKER_IS_EMBEDDED = not os.environ.get("REDIS_URL")
REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{EMBEDDED_SOCKET}?db=0"
ALLOWED_HOSTS = ["localhost"]
ENGINE = os.environ.get("KADR_ENGINE", "tensorflow")
"""

EVENTS = """
import os, signal, subprocess, sys, time
from pathlib import Path

def event(text):
    with (Path(os.environ["KADR_DATA"]) / "events").open("a") as file:
        file.write(text + chr(10))

def stop(name):
    def handler(*_):
        event(f"{name} stops")
        if os.environ.get("STUBBORN") != name:
            os._exit(0)
    signal.signal(signal.SIGTERM, handler)

def fail(name):
    if os.environ.get("FAILING") == name:
        sys.exit(f"the reason why {name} fails")
"""

COMMANDS = """
import sys
from events import event, fail
event(sys.argv[1])
fail(sys.argv[1])
"""

# As the real ones, these have a process of their own below them.
CELERY = """
import subprocess, sys, time
from events import event, fail, stop
name = sys.argv[3]
if "--queues" in sys.argv:
    name = sys.argv[sys.argv.index("--queues") + 1]
if name == "worker":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
stop(name)
event(f"{name} starts")
fail(name)
while True:
    time.sleep(600)
"""

GUNICORN = """
import http.server, sys
from events import event, stop

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

host, port = sys.argv[-1].rsplit(":", 1)
server = http.server.HTTPServer((host, int(port)), Handler)
stop("web")
event("web starts")
server.serve_forever()
"""


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Launched:
    """A folder with a stand-in site, and launchers that run it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.port = free_port()
        self.output = root / "output"
        self.launchers: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a launcher, or `command`, in a session of its own."""
        given = {"KADR_DATA": str(self.data), "PORT": str(self.port)} | environment
        inherited = {k: v for k, v in os.environ.items() if k not in DROPPED}
        with self.output.open("ab") as output:
            launcher = subprocess.Popen(
                command or (sys.executable, "-m", "launcher"),
                cwd=self.root,
                env=inherited | given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.launchers.append(launcher)
        return launcher

    def start_ready(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        seen = self.said().count("Kadr is ready")
        launcher = self.start(*command, **environment)
        wait_for(lambda: self.said().count("Kadr is ready") > seen or launcher.poll() is not None)
        assert launcher.poll() is None, self.said()
        return launcher

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def events(self) -> list[str]:
        file = self.data / "events"
        return file.read_text().splitlines() if file.exists() else []

    def pid(self, name: str) -> int:
        return int((self.data / "run" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Everything that runs with this data folder, the launchers included: pid and command."""
        found = ((int(p.name), own(p, self.data)) for p in Path("/proc").glob("[0-9]*"))
        return {pid: command for pid, command in found if command}

    def end(self) -> None:
        while running := self.processes():
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for launcher in self.launchers:
                launcher.poll()


DROPPED = {"DJANGO_SETTINGS_MODULE", "REDIS_URL", "MAKELEVEL", "MAKEFLAGS", "PYTHONPATH"}


def own(process: Path, data: Path) -> str:
    """The command of a process that works on `data`, whose environment or title names it."""
    try:
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        environment = (process / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    return command if str(data) in command or f"KADR_DATA={data}\0" in environment else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    site = stand_in(tmp_path / "site")
    yield site
    site.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One that is ready, for tests that only look at it."""
    site = stand_in(tmp_path_factory.mktemp("running") / "site")
    site.start_ready()
    yield site
    site.end()


def stand_in(root: Path) -> Launched:
    write(root / "classifier_site" / "__init__.py", "")
    write(root / "classifier_site" / "settings.py", SETTINGS)
    write(root / "events.py", EVENTS)
    write(root / "manage.py", COMMANDS)
    for package, program in {"celery": CELERY, "gunicorn": GUNICORN}.items():
        write(root / package / "__init__.py", "")
        write(root / package / "__main__.py", program)
    (root / "launcher").symlink_to(REPOSITORY / "launcher")
    return Launched(root)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """What the launcher knows of a site, for tests of one part."""
    data = tmp_path / "data"
    data.mkdir()
    return Site(
        root=tmp_path,
        data=data,
        host="127.0.0.1",
        port=free_port(),
        redis_url="",
        socket=data / "valkey" / "valkey.sock",
        broker_is_embedded=True,
    )
