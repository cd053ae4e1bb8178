"""What a broker can do to those who rely on it."""

import contextlib
import os
import shutil
import signal
import time

import redis

from tests.chaos.broker import Namespaced
from tests.chaos.faults.registry import fault
from tests.chaos.rig import Rig


@fault("C7")
def broker_killed(rig: Rig, much: float) -> None:
    os.kill(rig.broker.pid, signal.SIGKILL)
    time.sleep(2 * much)
    rig.broker.start_again()


@fault("C6")
def broker_killed_and_its_files_gone(rig: Rig, _much: float) -> None:
    os.kill(rig.broker.pid, signal.SIGKILL)
    shutil.rmtree(rig.broker.files, ignore_errors=True)
    rig.broker.start_again()


@fault("C6")
def broker_flushed(rig: Rig, _much: float) -> None:
    with contextlib.suppress(redis.RedisError):
        rig.broker.client().flushall()


@fault("C8")
def broker_drops_its_clients(rig: Rig, _much: float) -> None:
    with contextlib.suppress(redis.RedisError):
        rig.broker.client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


@fault("C9")
def broker_frozen(rig: Rig, much: float) -> None:
    pid = rig.broker.pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(5 + 10 * much)
    os.kill(pid, signal.SIGCONT)


@fault("C12")
def broker_out_of_memory(rig: Rig, much: float) -> None:
    with contextlib.suppress(redis.RedisError):
        rig.broker.client().config_set("maxmemory", "1")
    time.sleep(4 + 6 * much)
    with contextlib.suppress(redis.RedisError):
        rig.broker.client().config_set("maxmemory", "0")


@fault("C10", needs="namespace")
def connections_half_open(rig: Rig, much: float) -> None:
    """The broker's host is replaced by another one: nobody hears that the old one is gone."""
    assert isinstance(rig.broker, Namespaced)
    rig.broker.part()
    time.sleep(1 + 2 * much)
    rig.broker.join()
    rig.broker.start_again()
