"""Identifiers that sort by time and cannot be guessed."""

import os
import time
import uuid
from datetime import datetime

VERSION_7, VARIANT = 7 << 76, 0b10 << 62


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    chance = int.from_bytes(os.urandom(10), "big")
    value = time.time_ns() // 1_000_000 << 80 | VERSION_7 | VARIANT
    return uuid.UUID(int=value | (chance >> 62 & 0xFFF) << 64 | chance & (1 << 62) - 1)


def first_at(moment: datetime) -> uuid.UUID:
    """Below all identifiers made at that millisecond or later, above all made before."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)
