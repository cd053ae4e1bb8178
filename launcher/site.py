"""What the launcher needs to know from Django's settings, which read the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


class StartError(Exception):
    """Kadr cannot start; the message is one line that says what to do."""


@dataclass(frozen=True)
class Site:
    root: Path  # the folder of manage.py
    data: Path
    host: str
    port: int
    redis_url: str
    socket: Path
    broker_is_embedded: bool
    engine: str = "tensorflow"  # what computes the network
    answers_to: str = "localhost"  # a host name that the web process accepts

    @property
    def bind(self) -> str:
        return address(self.host, self.port)

    @property
    def reachable_host(self) -> str:
        """Where a client on this machine finds the web process."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def url(self) -> str:
        return f"http://{address(self.reachable_host, self.port)}/"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def run(self) -> Path:
        """Who runs now: one file a child."""
        return self.data / "run"


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_settings() -> Site:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
    from django.conf import settings

    try:
        return Site(
            root=settings.BASE_DIR,
            data=settings.DATA,
            host=settings.HOST,
            port=settings.PORT,
            redis_url=settings.REDIS_URL,
            socket=settings.EMBEDDED_SOCKET,
            broker_is_embedded=settings.BROKER_IS_EMBEDDED,
            engine=settings.ENGINE,
            answers_to=_a_host_name(settings.ALLOWED_HOSTS),
        )
    except ImproperlyConfigured as error:
        raise StartError(str(error)) from error


def _a_host_name(allowed_hosts: list[str]) -> str:
    names = [name.removeprefix(".") for name in allowed_hosts if name != "*"]
    return names[0] if names else "localhost"
