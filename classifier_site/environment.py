"""Typed readers of environment variables. Only settings.py calls them."""

import contextlib
import math
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
BROKERS = ("redis://", "rediss://", "unix://")
LONGEST_SOCKET_PATH = 107  # bytes, sun_path of unix(7)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def number(name: str, default: int, least: int = 0, most: float = math.inf) -> int:
    value = text(name, str(default))
    if not value.isdecimal() or not least <= int(value) <= most:
        range_ = f"from {least} up" if most == math.inf else f"from {least} to {most}"
        raise ImproperlyConfigured(f"{name} must be a whole number {range_}, not {value!r}")
    return int(value)


def share(name: str, default: float) -> float:
    """A part of the whole, from 0 to 1."""
    value = text(name, str(default))
    if not re.fullmatch(r"[01]|0?\.[0-9]+|1\.0+", value):
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, not {value!r}")
    return float(value)


def switch(name: str, default: bool) -> bool:
    value = text(name, "yes" if default else "no").lower()
    if value not in TRUE + FALSE:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}")
    return value in TRUE


def choice(name: str, default: str, known: tuple[str, ...]) -> str:
    value = text(name, default).lower()
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(known)}, not {value!r}")
    return value


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        told = f"{name} must be a time zone, such as Europe/Kyiv or UTC, not {value!r}"
        raise ImproperlyConfigured(told) from error
    return value


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def secret(name: str, kept_in: Path) -> str:
    """The secret in the environment, or one made on the first run and kept in a private file."""
    if given := text(name):
        return given
    try:
        kept_in.parent.mkdir(parents=True, exist_ok=True)
        if not kept_in.exists():
            _keep(secrets.token_urlsafe(50), kept_in)
        return kept_in.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"the data folder {kept_in.parent} cannot be written: {error.strerror}; "
            "set KADR_DATA to a folder that can"
        ) from error


def _keep(content: str, path: Path) -> None:
    """Write a private file whole, unless another process was there first."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def database(url: str, sqlite_path: Path) -> dict[str, Any]:
    """Django's settings for DATABASE_URL: postgres://user:password@host:port/name, else SQLite."""
    if not url:
        return _sqlite(sqlite_path)
    try:
        parts = urlsplit(url)
        port = str(parts.port or "")
    except ValueError:  # its message would quote the password
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read: postgres://user:password@host:port/name, and in the "
            "password write / as %2F, # as %23, ? as %3F, @ as %40, [ as %5B and ] as %5D"
        ) from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres://, or be left out")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": port,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 20, "timeout": 5},
            "connect_timeout": 5,
            "options": "-c statement_timeout=10s -c lock_timeout=3s"
            " -c idle_in_transaction_session_timeout=30s",
            **query,
        },
    }


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # Readers never wait for the writer; a writer takes its lock at BEGIN, so that
            # two of them queue for 20 s instead of failing when the second one upgrades.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
        # A worker process must see what a test writes, which an in-memory database hides.
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
    }


def broker(name: str) -> str:
    """The address of a Valkey or Redis server, "" where none is given."""
    url = text(name)
    if url and not url.startswith(BROKERS):
        raise ImproperlyConfigured(
            f"{name} must begin with {', '.join(BROKERS[:-1])} or {BROKERS[-1]}, or be left out"
        )
    return url


def socket_in(folder: Path, short: Path) -> Path:
    """A Unix socket's path in `folder`, or under `short` where the first would be too long."""
    path = folder / "valkey.sock"
    return path if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH else short / "valkey.sock"
