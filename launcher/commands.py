"""The commands that Kadr consists of, in the order of their start; docker-compose has the same."""

import sys

from launcher.site import Site

PYTHON = sys.executable


def migrate(_site: Site) -> list[str]:
    return [PYTHON, "manage.py", "migrate", "--no-input"]


def collect_static(_site: Site) -> list[str]:
    return [PYTHON, "manage.py", "collectstatic", "--no-input"]


def web(site: Site) -> list[str]:
    settings = ["-c", "classifier_site/gunicorn.conf.py", "--bind", site.bind]
    return [PYTHON, "-m", "gunicorn", "classifier_site.wsgi", *settings]


def worker(_site: Site) -> list[str]:
    """The process that holds the model."""
    return _celery_worker("worker", pool="prefork", concurrency=1)


def jobs(_site: Site) -> list[str]:
    """The process for what needs no model. Its tasks mostly wait, so it has threads: more than all
    the limits in jobs/tasks.py together."""
    return _celery_worker("jobs", pool="threads", concurrency=12)


def _celery_worker(name: str, pool: str, concurrency: int) -> list[str]:
    tasks = ["--include", f"{name}.tasks", "--queues", name, "--hostname", f"{name}@%h"]
    size = ["--pool", pool, "--concurrency", str(concurrency)]
    # Fewer connections to the broker that can break, and nobody listens to those events.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [PYTHON, "-m", "celery", "-A", "classifier_site", "worker", *tasks, *size, *quiet]


def beat(site: Site) -> list[str]:
    files = ["--schedule", str(site.data / "beat-schedule"), "--pidfile="]
    return [PYTHON, "-m", "celery", "-A", "classifier_site", "beat", *files]


def broker(site: Site, binary: str) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(site.socket),
        "unixsocketperm": "700",
        "dir": str(site.data / "valkey"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
    }
    return [binary, *(word for name, value in settings.items() for word in (f"--{name}", value))]
