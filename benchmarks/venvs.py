"""Virtual environments for libraries that the project does not need, by benchmarks and tests."""

import contextlib
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.report import say

SHARED = ("keras", "numpy", "pillow", "simplejpeg", "tensorflow", "tensorflow-cpu")


def python(folder: Path, requirements: Path, shared: tuple[str, ...] = SHARED) -> Path:
    """The interpreter of the environment in `folder`, made or made anew where what is required has
    changed. The `shared` libraries are those that this process has."""
    wanted = "\n".join([requirements.read_text(), *ours(shared)]) + "\n"
    done, interpreter = folder / "installed.txt", folder / "bin/python"
    if done.is_file() and done.read_text() == wanted:
        return interpreter
    say(f"Installing {requirements} and what goes with it, once: some minutes…")
    shutil.rmtree(folder, ignore_errors=True)
    _make(folder, requirements, ours(shared))
    done.write_text(wanted)
    return interpreter


def ours(shared: tuple[str, ...] = SHARED) -> list[str]:
    """What this process has of the libraries, each with its version."""
    found = []
    for name in shared:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return found


def _make(folder: Path, requirements: Path, beside: list[str]) -> None:
    """By uv where there is one, as bin/setup does. Raises CalledProcessError."""
    asked = ["-r", str(requirements), *beside]
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *asked)
        return
    _run(sys.executable, "-m", "venv", str(folder))
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    _run(*pip, *asked)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
