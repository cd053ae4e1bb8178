"""Values as a database wants them: what `get_db_prep_save` gives, without its detours, which for
the plain values of a row cost more than the database does."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any

from django.db import models

Adapter = Callable[[Any], Any]
# Fields whose own values a database takes as they are, or as `special` says; a text for a UUID,
# say, needs more.
OWN: dict[str, type] = {
    "BooleanField": bool,
    **dict.fromkeys(("CharField", "FileField"), str),
    "DateTimeField": datetime,
    "FloatField": float,
    "UUIDField": uuid.UUID,
    **dict.fromkeys(("AutoField", "BigAutoField", "IntegerField"), int),
    **dict.fromkeys(("PositiveIntegerField", "PositiveSmallIntegerField"), int),
}


def special(connection: Any) -> dict[type, Adapter]:
    """How this database takes the values that it does not take as they are."""
    ops = connection.ops
    as_time: Adapter = lru_cache(8)(ops.adapt_datetimefield_value)  # one goes to several columns
    if connection.features.has_native_uuid_field:
        return {datetime: as_time}
    return {datetime: as_time, uuid.UUID: attrgetter("hex")}


def by_value(connection: Any) -> Adapter:
    """How it takes a value whatever its column."""
    adapters = special(connection)

    def adapt(value: Any) -> Any:
        adapter = adapters.get(type(value))
        return adapter(value) if adapter else value

    return adapt


def by_field(
    field: "models.Field[Any, Any]", connection: Any, adapters: dict[type, Adapter] | None = None
) -> Adapter:
    """How it takes a value for this field in a new or changed row; `adapters` are those that the
    fields of a row share."""
    in_general: Adapter = partial(field.get_db_prep_save, connection=connection)
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    own = OWN.get(target.get_internal_type(), type(None))
    adapter = (special(connection) if adapters is None else adapters).get(own)

    def adapt(value: Any) -> Any:
        if type(value) is own:
            return adapter(value) if adapter else value
        return None if value is None else in_general(value)

    return adapt
