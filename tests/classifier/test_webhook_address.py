"""Where webhooks may not go: everything that is not public, however it is written."""

import socket

import pytest
from django.utils.translation import override

from classifier.models import WebhookDelivery, WebhookEndpoint
from classifier.problems import Problem
from classifier.webhooks import address, posting, sending
from tests.receiver import receiver

PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def in_english():
    with override("en"):
        yield


@pytest.fixture
def names(monkeypatch) -> dict[str, list[str]]:
    """The addresses of names; what is not here is looked up by the system, without a network."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def lookup(host, port, *args, **kwargs):
        if host not in known:
            return real(host, port, *args, flags=socket.AI_NUMERICHOST, **kwargs)
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [
            (family[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known


def refusal(url: str) -> str:
    with pytest.raises(Problem) as caught:
        address.resolve(url)
    assert caught.value.code == "WEBHOOK_URL_REFUSED"
    assert caught.value.status == 422
    return caught.value.detail


def test_a_public_host_is_resolved_once_to_what_will_be_connected_to(names):
    names["example.com"] = [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"]
    target = address.resolve("https://example.com:8443/hook?a=1#fragment")
    assert target.addresses == tuple(names["example.com"])
    assert (target.host, target.port, target.path) == ("example.com", 8443, "/hook?a=1")
    assert target.host_header == "example.com:8443"


def test_a_url_without_a_path_or_a_port_has_the_usual_ones(names):
    names["example.com"] = [PUBLIC]
    target = address.resolve("https://example.com")
    assert (target.port, target.path) == (443, "/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://:443/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://[::1/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://exam\tple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX-Evil: 1",
        "https://example.com/\x00",
        "https://кадр.example/",
        "",
    ],
)
def test_what_is_not_a_plain_https_address_is_refused(names, url):
    names["example.com"] = [PUBLIC]
    assert refusal(url)


NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "3fff::1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "not an address",
]


@pytest.mark.parametrize("ip", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_told_apart(ip):
    assert not address.is_public(ip)


@pytest.mark.parametrize(
    "ip", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_let_through(ip):
    assert address.is_public(ip)


@pytest.mark.parametrize("ip", NOT_PUBLIC[:-1])
def test_a_name_that_leads_inside_is_refused(names, ip):
    names["inside.example"] = [ip]
    assert "only public ones" in refusal("https://inside.example/")


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
def test_a_private_address_written_oddly_is_refused(names, host):
    assert "only public ones" in refusal(f"https://{host}/")


def test_one_private_address_among_public_ones_is_enough_to_refuse(names):
    names["mixed.example"] = [PUBLIC, "10.0.0.1"]
    assert refusal("https://mixed.example/")


def test_a_name_that_is_nobody_s_is_refused_in_the_same_words(names):
    names["inside.example"] = ["10.0.0.1"]
    assert refusal("https://nobody.invalid/") == refusal("https://inside.example/")


def test_a_name_with_a_label_too_long_is_refused(monkeypatch):
    assert refusal(f"https://{'a' * 70}.example/")


def test_private_addresses_and_plain_http_can_be_allowed(settings, names):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert address.resolve("http://127.0.0.1:9/").addresses == ("127.0.0.1",)
    assert refusal("ftp://127.0.0.1/")
    assert refusal("http://user@127.0.0.1/")


@pytest.mark.django_db
def test_a_name_that_leads_elsewhere_by_the_time_of_sending_is_a_failed_attempt(
    alice, names, monkeypatch
):
    names["rebind.example"] = [PUBLIC]
    url = "https://rebind.example/"
    assert address.resolve(url)
    endpoint = WebhookEndpoint.objects.register(alice.user, url=url)
    names["rebind.example"] = ["169.254.169.254"]
    connections: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: connections.append(a))
    row = WebhookDelivery.objects.record_test(endpoint)
    assert sending.send_due() == 1
    row.refresh_from_db()
    assert connections == []
    assert (row.status, row.last_status) == ("pending", None)
    assert row.last_error == "The host must have an address, and only public ones."


def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_found(
    settings, names, monkeypatch
):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        names["once.example"] = ["127.0.0.1"]
        target = address.resolve(f"http://once.example:{port}/")
        names["once.example"] = ["192.0.2.1"]
        assert posting.post(target, {"webhook-id": "1"}, b"{}").status == 204
        assert server.requests[0][0]["host"] == f"once.example:{port}"


def test_the_next_address_is_tried_where_the_first_does_not_answer(settings, names):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as server:
        port = int(server.url.split(":")[2].split("/")[0])
        names["two.example"] = ["127.0.0.2", "127.0.0.1"]
        target = address.resolve(f"http://two.example:{port}/")
        assert posting.post(target, {}, b"{}").status == 204
