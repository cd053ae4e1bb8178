"""What comes from outside: pictures that end a worker, clients that hang up, messages that are
forged or come again and again."""

import http.client
import random
import socket
import struct
import time

from celery import Celery

from benchmarks.pictures import jpeg
from benchmarks.service import form
from tests.chaos.faults.registry import fault
from tests.chaos.rig import HANG, MEMORY, POISON, Rig

CUT = 12  # uploads
TASKS = ("worker.tasks.classify", "jobs.tasks.sweep", "jobs.tasks.send_webhooks")


@fault("C18")
def picture_kills_its_worker(rig: Rig, _much: float) -> None:
    send(rig, POISON)


@fault("C19")
def picture_hangs_its_worker(rig: Rig, _much: float) -> None:
    send(rig, HANG)


@fault("C17")
def picture_exhausts_memory(rig: Rig, _much: float) -> None:
    send(rig, MEMORY)


def send(rig: Rig, number: int) -> None:
    """Its id is acknowledged like any other's."""
    body, headers = form("image", {f"{number}.jpg": jpeg(number)})
    try:
        status, _headers, answer = rig.service.request(
            "POST", "/api/v1/predictions", body, **headers
        )
    except (OSError, http.client.HTTPException):
        return
    if status == 202:
        rig.acknowledged(answer, number)


@fault("T10")
def uploads_cut_off(rig: Rig, much: float) -> None:
    chance = random.Random(much)
    for _ in range(CUT):
        _cut_off(rig, chance)
        time.sleep(0.1)


def _cut_off(rig: Rig, chance: random.Random) -> None:
    """Closed politely or reset, anywhere in the body."""
    body, headers = form("image", {"cut.jpg": jpeg(4) * 40})
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Authorization: Bearer {rig.service.token}", f"Content-Length: {len(body)}"]
    head = "\r\n".join(["POST /api/v1/predictions HTTP/1.1", "Host: localhost", *lines, "", ""])
    try:
        with socket.create_connection(("127.0.0.1", rig.service.port), timeout=5) as client:
            client.sendall(head.encode() + body[: chance.randrange(len(body))])
            if chance.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        return


@fault("C21")
def messages_repeated_and_forged(rig: Rig, _much: float) -> None:
    app = Celery("chaos", broker=rig.broker.celery_url(), set_as_current=False)
    app.conf.broker_transport_options = {"socket_timeout": 2, "socket_connect_timeout": 2}
    try:
        with app.connection_for_write(transport_options={"max_retries": 1}) as connection:
            for task in (*TASKS * 3, "worker.tasks.nothing_of_this_name"):
                queue = task.split(".")[0]
                app.send_task(task, queue=queue, connection=connection, retry=False)
            _send_pickle(connection)
    except Exception as error:
        rig.say(f"  (the messages did not all get through: {error!r})")


def _send_pickle(connection: object) -> None:
    """A message whose body runs code where it is unpickled; nobody may unpickle it."""
    producer = connection.Producer()  # type: ignore[attr-defined]
    producer.publish(
        b"cbuiltins\nexit\n.",
        routing_key="worker",
        content_type="application/x-python-serialize",
        content_encoding="binary",
    )
