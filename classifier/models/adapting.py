"""Values as a database wants them: what `get_db_prep_save` gives, without its detours, which for
the plain values of a row cost more than the database does."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models

Adapter = Callable[[Any], Any]
# Fields whose own values need nothing but what `by_value` does; a text for a UUID, say, needs more.
OWN: dict[str, type] = {
    "BooleanField": bool,
    "CharField": str,
    "DateTimeField": datetime,
    "FloatField": float,
    "UUIDField": uuid.UUID,
    **dict.fromkeys(("AutoField", "BigAutoField", "IntegerField"), int),
    **dict.fromkeys(("PositiveIntegerField", "PositiveSmallIntegerField"), int),
}


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
    """How it takes a value for this field in a new or changed row."""
    in_general: Adapter = partial(field.get_db_prep_save, connection=connection)
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    own, plainly = OWN.get(target.get_internal_type(), type(None)), by_value(connection)

    def adapt(value: Any) -> Any:
        if value is None:
            return None
        return plainly(value) if type(value) is own else in_general(value)

    return adapt
