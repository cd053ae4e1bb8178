"""What can be known to fail before anything is started."""

import errno
import importlib.util
import os
import socket
import tempfile
from pathlib import Path

from launcher.site import StartError

LAST_PORT = 65535


def folder_can_be_written(folder: Path) -> None:
    """Really write: permission bits say nothing to root, and nothing about a read-only mount."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"Kadr")
            os.fsync(file.fileno())
    except OSError as error:
        raise StartError(
            f"the data folder {folder} cannot be written ({error.strerror}). "
            "Set KADR_DATA to a folder that can"
        ) from error


def engine_is_installed(engine: str) -> None:
    """What is not TensorFlow is an extra."""
    if engine == "litert" and importlib.util.find_spec("ai_edge_litert") is None:
        raise StartError(
            "KADR_ENGINE=litert needs LiteRT, which is not installed. Install it and start with "
            "make run ENGINE=litert, or leave KADR_ENGINE out"
        )


def private_folder(folder: Path) -> None:
    """Make `folder`, or see that it is ours alone: whoever owns it could listen in our place."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid():
        raise StartError(f"{folder} belongs to somebody else. Remove it, or set another KADR_DATA")
    folder.chmod(0o700)


def port_is_free(host: str, port: int) -> None:
    if port > LAST_PORT:
        raise StartError(f"PORT must be at most {LAST_PORT}, not {port}")
    try:
        family, kind, protocol, _name, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does; without it connections that are closing would look like a server.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise StartError(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is taken by another program. Stop that one, "
            f"or choose another port: PORT={port + 1} make run"
        )
    if error.errno == errno.EACCES:
        return f"port {port} is for the system administrator. Choose one from 1024 up: PORT=8080"
    return f"KADR_HOST={host} is not an address of this machine ({error.strerror})"
