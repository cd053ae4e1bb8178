"""Values as a database wants them: what `get_db_prep_save` gives, without its detours, which for
the plain values of a row cost more than the database does."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models

PLAIN = (str, int, float, bool, type(None))
Adapter = Callable[[Any], Any]


def by_value(connection: Any) -> Adapter:
    """How this database takes a value whatever its column; any but times and UUIDs as it is."""
    native = connection.features.has_native_uuid_field
    as_time = connection.ops.adapt_datetimefield_value

    def adapt(value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return value if native else value.hex
        return as_time(value) if isinstance(value, datetime) else value

    return adapt


def by_field(field: "models.Field[Any, Any]", connection: Any) -> Adapter:
    """How it takes a value of the field's own type, for a new or changed row."""
    in_general: Adapter = partial(field.get_db_prep_save, connection=connection)
    if isinstance(field, models.JSONField):  # whose texts and numbers are not plain
        return in_general
    plainly, known = by_value(connection), (*PLAIN, uuid.UUID, datetime)
    return lambda value: plainly(value) if type(value) in known else in_general(value)
