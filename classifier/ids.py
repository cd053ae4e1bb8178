"""Identifiers that sort by time and cannot be guessed."""

import os
import time
import uuid
from datetime import datetime


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    value = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    value[6] = value[6] & 0x0F | 0x70
    value[8] = value[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(value))


def first_at(moment: datetime) -> uuid.UUID:
    """Below all identifiers made at that millisecond or later, above all made before."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
