"""bin/setup, run by a real shell with nothing on PATH but what a test puts there."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.launcher.conftest import REPOSITORY, wait_for, write

PYTHON = Path(sys.base_prefix) / "bin" / "python3"
TOOLS = ("sh", "cat", "cmp", "cp", "dirname", "mkdir", "rm", "sleep")

# Makes a real venv, and writes down what it is asked to install.
UV = f"""
echo "$@" >>calls
case $1 in
    venv) {PYTHON} -m venv --without-pip .venv ;;
    pip) [ ! -e slow ] || sleep 600; [ ! -e failing ] ;;
esac
"""

# As Debian's without its package python3-venv.
DEBIAN_PYTHON = f"""
case $* in
    *'-m venv'*) mkdir -p .venv; echo 'ensurepip is not available'; exit 1 ;;
    *ensurepip*) echo 'No module named ensurepip' >&2; exit 1 ;;
esac
exec {PYTHON} "$@"
"""


class Checkout:
    """The files that a set-up reads, and a PATH for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "path"
        write(root / "bin" / "setup", (REPOSITORY / "bin" / "setup").read_text())
        write(root / "requirements.txt", "one\n")
        write(root / "requirements-litert.txt", "one\nlitert\n")
        write(root / "requirements-dev.txt", "one\ntwo\n")
        self.path.mkdir()
        for tool in TOOLS:
            (self.path / tool).symlink_to(str(shutil.which(tool)))

    def program(self, name: str, script: str) -> None:
        write(self.path / name, f"#!/bin/sh\n{script}\n")
        (self.path / name).chmod(0o755)

    def start(self, lock: str = "requirements.txt") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["sh", "bin/setup", lock],
            cwd=self.root,
            env={"PATH": str(self.path), "HOME": str(self.root), "PIP_NO_CACHE_DIR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, lock: str = "requirements.txt") -> tuple[int, str]:
        setup = self.start(lock)
        said, _ = setup.communicate(timeout=60)
        return setup.returncode, said

    def installs(self) -> list[str]:
        """The lock files that were installed, in order."""
        calls = self.root / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line.split()[-1] for line in lines if line.startswith("pip")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def with_uv(checkout: Checkout) -> Checkout:
    checkout.program("uv", UV)
    return checkout


def test_the_second_run_installs_nothing_and_says_nothing(with_uv: Checkout) -> None:
    status, said = with_uv.run()
    assert (status, with_uv.installs()) == (0, ["requirements.txt"])
    assert "about 360 MB to download" in said

    assert with_uv.run() == (0, "")
    assert with_uv.installs() == ["requirements.txt"]


def test_the_hashes_are_required(with_uv: Checkout) -> None:
    with_uv.run()

    assert "--require-hashes" in (with_uv.root / "calls").read_text()


def test_a_changed_lock_is_installed(with_uv: Checkout) -> None:
    with_uv.run()
    write(with_uv.root / "requirements.txt", "another\n")

    with_uv.run()
    assert with_uv.installs() == ["requirements.txt", "requirements.txt"]


def test_running_and_testing_in_turn_install_once(with_uv: Checkout) -> None:
    for lock in ("requirements.txt", "requirements-dev.txt", "requirements.txt") * 2:
        with_uv.run(lock)

    assert with_uv.installs() == ["requirements.txt", "requirements-dev.txt"]


def test_litert_is_added_to_what_is_there_and_stays(with_uv: Checkout) -> None:
    for lock in ("requirements.txt", "requirements-litert.txt") * 2:
        with_uv.run(lock)

    assert with_uv.installs() == ["requirements.txt", "requirements-litert.txt"]


def test_the_development_lock_holds_litert_too(with_uv: Checkout) -> None:
    with_uv.run("requirements-dev.txt")

    assert with_uv.run("requirements-litert.txt") == (0, "")


@pytest.mark.parametrize(
    ("words", "lock", "start"),
    [
        ((), "requirements.txt", "exec .venv/bin/python"),
        (
            ("ENGINE=litert",),
            "requirements-litert.txt",
            "exec env KADR_ENGINE=litert .venv/bin/python",
        ),
        (("ENGINE=other",), "requirements.txt", "exec env KADR_ENGINE=other .venv/bin/python"),
    ],
)
def test_make_run_installs_and_names_the_engine(words, lock: str, start: str) -> None:
    alone = {"PATH": os.environ["PATH"]}  # not as part of the `make test` that may run this
    told = subprocess.check_output(
        ["make", "-n", "run", *words], cwd=REPOSITORY, env=alone, text=True
    )
    assert [" ".join(line.split()) for line in told.splitlines()] == [
        f"sh bin/setup {lock}",
        f"{start} -m launcher",
    ]


def test_each_lock_holds_every_line_of_the_smaller_ones() -> None:
    run, litert, dev = (
        {line for line in (REPOSITORY / name).read_text().splitlines() if "==" in line}
        for name in ("requirements.txt", "requirements-litert.txt", "requirements-dev.txt")
    )
    assert run < litert < dev


def test_an_interrupted_install_begins_anew(with_uv: Checkout) -> None:
    (with_uv.root / "slow").touch()
    setup = with_uv.start()
    wait_for(with_uv.installs)
    os.killpg(setup.pid, signal.SIGKILL)
    setup.wait()
    (with_uv.root / "slow").unlink()
    write(with_uv.root / ".venv" / "half", "")

    status, said = with_uv.run()
    assert status == 0
    assert "Removing a .venv that is unfinished" in said
    assert not (with_uv.root / ".venv" / "half").exists()
    assert with_uv.run() == (0, "")


def test_a_failed_install_is_tried_again(with_uv: Checkout) -> None:
    (with_uv.root / "failing").touch()
    status, said = with_uv.run()
    assert status == 1
    assert said.splitlines()[-1].startswith("Kadr cannot be set up: the packages could not")
    (with_uv.root / "failing").unlink()

    assert with_uv.run()[0] == 0
    assert len(with_uv.installs()) == 2


def test_two_set_ups_at_once_install_once(with_uv: Checkout) -> None:
    with_uv.program("python3", f'exec {PYTHON} "$@"')
    both = [with_uv.start(), with_uv.start()]

    assert [setup.wait(60) for setup in both] == [0, 0]
    assert with_uv.installs() == ["requirements.txt"]
    for setup in both:
        setup.communicate()


def test_a_venv_whose_python_is_gone_is_made_again(with_uv: Checkout) -> None:
    with_uv.run()
    (with_uv.root / ".venv" / "bin" / "python").unlink()
    (with_uv.root / ".venv" / "bin" / "python").symlink_to("/no/such/python")

    assert with_uv.run()[0] == 0
    assert len(with_uv.installs()) == 2


def test_without_uv_pip_installs_with_hashes(checkout: Checkout) -> None:
    checkout.program("python3", f'exec {PYTHON} "$@"')
    digest = make_wheel(checkout.root / "stand_in-1.0-py3-none-any.whl")
    line = f"--no-index\n--find-links {checkout.root}\nstand-in==1.0 --hash=sha256:"
    write(checkout.root / "requirements.txt", f"{line}{'0' * 64}\n")
    assert checkout.run()[0] == 1

    write(checkout.root / "requirements.txt", f"{line}{digest}\n")
    status, said = checkout.run()
    assert status == 0, said
    assert list((checkout.root / ".venv").glob("lib/*/site-packages/stand_in.py"))
    assert checkout.run() == (0, "")


def test_a_python_without_ensurepip_names_the_debian_package(checkout: Checkout) -> None:
    checkout.program("python3", DEBIAN_PYTHON)

    status, said = checkout.run()
    assert status == 1
    assert said.splitlines()[-1] == (
        "Kadr cannot be set up: python3 cannot make a virtual environment. Install the Debian "
        "package python3-venv (apt install python3-venv) and run this again."
    )


@pytest.mark.parametrize("version", ["3.10.13", "3.14.0", "2.7.18"])
def test_a_python_of_another_version_is_one_clear_line(checkout: Checkout, version: str) -> None:
    checkout.program("python3", f'[ "$1" = --version ] && echo "Python {version}" || exit 1')

    status, said = checkout.run()
    assert status == 1
    assert said.splitlines()[-1] == (
        f"Kadr cannot be set up: it needs Python 3.11, 3.12 or 3.13, and found Python {version}. "
        "Install one of them (Debian, Ubuntu: apt install python3 python3-venv), or uv, which "
        "fetches it."
    )


def test_another_python_is_taken_where_the_first_does_not_fit(checkout: Checkout) -> None:
    checkout.program("python3", "exit 1")
    checkout.program("python3.12", 'echo "$@" >>calls; [ "$2" != venv ]')

    checkout.run()
    assert "-m venv .venv" in (checkout.root / "calls").read_text()


def test_no_python_at_all_is_one_clear_line(checkout: Checkout) -> None:
    status, said = checkout.run()

    assert status == 1
    assert "and found none." in said.splitlines()[-1]


def make_wheel(path: Path) -> str:
    info = "stand_in-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("stand_in.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"stand_in.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()
