"""Virtual environments of the benchmarks' own, for libraries that the project does not need."""

import contextlib
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.report import say

SHARED = ("keras", "numpy", "pillow", "simplejpeg", "tensorflow", "tensorflow-cpu")


def python(folder: Path, requirements: Path) -> Path:
    """The interpreter of the environment in `folder`, made or made anew where what is required has
    changed. The network's libraries are those that this process has."""
    wanted = "\n".join([requirements.read_text(), *ours()]) + "\n"
    done, interpreter = folder / "installed.txt", folder / "bin/python"
    if done.is_file() and done.read_text() == wanted:
        return interpreter
    say(f"Installing {requirements} and what the network needs, once: some minutes…")
    shutil.rmtree(folder, ignore_errors=True)
    _make(folder, requirements)
    done.write_text(wanted)
    return interpreter


def ours() -> list[str]:
    found = []
    for name in SHARED:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name}=={version(name)}")
    return found


def _make(folder: Path, requirements: Path) -> None:
    """By uv where there is one, as bin/setup does. Raises CalledProcessError."""
    asked = ["-r", str(requirements), *ours()]
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *asked)
        return
    _run(sys.executable, "-m", "venv", str(folder))
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    _run(*pip, *asked)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
