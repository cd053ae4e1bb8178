"""Loaded by schemathesis (see schemathesis.toml): how a body of JSON lines is sent."""

import schemathesis

schemathesis.serializer.alias("application/jsonl", "text/plain")
