"""Where a webhook may go. A server that sends to any address it is told can be made to speak to its
own network, so a host counts only if all of its addresses are public; and since a name can resolve
anew a moment later, what was checked here is what is connected to.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from classifier.problems import Problem

PORTS = {"http": 80, "https": 443}
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Not for the public either, which Python's tables came to know only with time: among the first are
# a cloud's metadata (192.0.0.192), then the relays of 6to4, then examples.
MORE_PRIVATE = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("3fff::/20"),
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """A checked URL, and the addresses that its host had when it was checked."""

    scheme: str
    host: str
    port: int
    path: str
    host_header: str
    addresses: tuple[str, ...]


def resolve(url: str) -> Target:
    """Check `url` and resolve its host, once. Raises Problem WEBHOOK_URL_REFUSED."""
    parts = _split(url)
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    addresses = _addresses(host, port)
    if not addresses or not (settings.WEBHOOK_ALLOW_PRIVATE or all(map(is_public, addresses))):
        # One sentence for both: which names exist inside is nobody's business.
        raise refused(_("The host must have an address, and only public ones."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, parts.netloc, addresses)


def refused(detail: str) -> Problem:
    return Problem("WEBHOOK_URL_REFUSED", detail)


def _split(url: str) -> SplitResult:
    # urlsplit drops tabs and line ends without a word; a request line must not hold them either.
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>'):
        raise refused(_("Write the address in ASCII, without spaces or backslashes."))
    try:
        parts = urlsplit(url)
        known = parts.scheme in _schemes() and parts.hostname and parts.port != 0
    except ValueError:
        known = None
    if not known:
        raise refused(_("The address must begin with https:// and name a host."))
    if "@" in parts.netloc:
        raise refused(_("The address must not hold a user name or a password."))
    return parts


def _schemes() -> set[str]:
    return {"http", "https"} if settings.WEBHOOK_ALLOW_PRIVATE else {"https"}


def _addresses(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):  # a label that is empty or too long is a UnicodeError
        return ()
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_rest, sockaddr in found))


def is_public(address: str) -> bool:
    """Whether the whole internet may know this address; False for whatever is not understood."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if any(ip in network for network in MORE_PRIVATE):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved
    inner = _inner(ip)
    if inner is not None:
        return is_public(str(inner))
    return ip in GLOBAL_UNICAST and ip.is_global and ip.scope_id is None and ip.teredo is None


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that this one leads to: mapped, by 6to4 or by NAT64."""
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour
