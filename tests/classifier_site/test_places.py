"""A worker that holds one message at a time goes on after the broker stood still for a while."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client
from kombu import Connection
from kombu.transport import redis

from classifier_site import places
from tests.valkey import Valkey

OPTIONS = {"socket_timeout": 1, "socket_connect_timeout": 1}


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def connection(valkey: Valkey, monkeypatch) -> Iterator[Connection]:
    monkeypatch.setattr(redis.Channel, "QoS", redis.QoS)
    url = f"redis+socket://{valkey.socket}?virtual_host=0"
    with Connection(url, transport_options=OPTIONS) as connection:
        yield connection


def message_that_cannot_be_acknowledged(connection: Connection, valkey: Valkey):
    """Its channel, which takes one message at a time, after the broker stood still."""
    queue = connection.SimpleQueue("q")
    queue.put({})
    channel = queue.channel
    channel.basic_qos(prefetch_count=1)
    message = queue.get(timeout=5)
    valkey.freeze()
    with pytest.raises(client.RedisError):
        message.ack()
    valkey.thaw()
    return channel


def test_its_place_is_free_again(connection, valkey):
    places.keep_free()
    assert message_that_cannot_be_acknowledged(connection, valkey).qos.can_consume()


def test_with_kombu_alone_it_is_not(connection, valkey):
    """When this fails, classifier_site/places.py is no longer needed."""
    assert not message_that_cannot_be_acknowledged(connection, valkey).qos.can_consume()
