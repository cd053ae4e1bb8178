"""Signatures by Standard Webhooks: HMAC-SHA256 over id, time and body, version v1."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def headers(message_id: str, timestamp: int, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """The three headers of a message; `timestamp` in seconds. One signature a secret, separated by
    spaces, so that a receiver with either of two verifies."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(message_id, timestamp, body, each) for each in secrets),
    }


def sign(message_id: str, timestamp: int, body: str, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
