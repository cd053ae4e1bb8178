"""Runs what Dockerfile and docker-compose.yml say, without an engine: the same files, commands,
environment and health checks, with free ports of this machine in place of the services' names."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
BIN = ROOT / ".venv" / "bin"
WITHOUT_ENGINE = ("pip install", "useradd")  # needs the network, or to be root


def services() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, dict[str, Any]] = _interpolated(found)["services"]
    return services


def _interpolated(node: Any) -> Any:
    """As compose does where nothing is set: ${NAME:-default}, after the file is parsed."""
    if isinstance(node, dict):
        return {name: _interpolated(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value) for value in node]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", node) if isinstance(node, str) else node


class Image:
    """A target of the Dockerfile, built into a folder: /app and /data lie in it."""

    def __init__(self, target: str, folder: Path) -> None:
        self.app = folder / target
        self.data = folder / "data"
        self.environment: dict[str, str] = {}
        for folder_needed in (self.app, self.data):
            folder_needed.mkdir(parents=True, exist_ok=True)
        stages = _stages()
        for instruction, words in [*stages["base"], *stages[target]]:
            self._follow(instruction, words)

    def place(self, text: str) -> str:
        """A path of the container as a path of this machine."""
        return re.sub(r"^/(app|data)\b", lambda m: str(getattr(self, m[1])), text)

    def _follow(self, instruction: str, words: str) -> None:
        if instruction == "COPY" and "$" not in words and "requirements" not in words:
            *sources, target = words.split()
            for source in sources:
                self._copy(ROOT / source, self.app / target)
        elif instruction == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(words))
            self.environment |= {name: self.place(value) for name, _equals, value in pairs}
        elif instruction == "RUN" and not any(word in words for word in WITHOUT_ENGINE):
            self.run(["sh", "-c", words], KADR_DATA=str(self.data))

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    def surroundings(self, **environment: str) -> dict[str, str]:
        path = f"{BIN}:{os.environ['PATH']}"
        return {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2", **self.environment, **environment}

    def run(self, command: list[str], **environment: str) -> None:
        subprocess.run(
            command,
            cwd=self.app,
            env=self.surroundings(**environment),
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
        )

    def start(self, command: list[str], log: Path, **environment: str) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            return subprocess.Popen(
                command,
                cwd=self.app,
                env=self.surroundings(**environment),
                stdout=out,
                stderr=out,
            )


def _stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stages: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _space, words = line.partition(" ")
        if instruction == "FROM":
            name = words.split()[-1]
            stages[name] = []
        else:
            stages[name].append((instruction, words))
    return stages
