"""Queries whose SQL is composed once.

Django composes it anew at each call, which for a row by its key costs ten times what the database
takes (docs/performance.md). For the few that stand between a picture and its answer.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models

Row = tuple[Any, ...]
M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class Composed:
    """SQL for one database, and its parameters: each a constant, or the place of a value."""

    sql: str
    constants: Row
    slots: list[int | None]
    convert: Callable[[list[Row]], list[Row]]


class Prepared:
    """A query of columns by values. `compose` makes it of the `examples`, each of which it uses as
    a value that nothing else in the query has."""

    def __init__(self, compose: Callable[..., models.QuerySet[Any, Any]], *examples: Any) -> None:
        self._compose, self._examples = compose, examples
        self._composed: dict[str, Composed] = {}

    def rows(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> list[Row]:
        """All rows for these values, one for each example."""
        connection = connections[using]
        if using not in self._composed:
            self._composed[using] = self._compose_for(using)
        composed = self._composed[using]
        adapted = [_adapted(connection, value) for value in values]
        params = [
            constant if slot is None else adapted[slot]
            for constant, slot in zip(composed.constants, composed.slots, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(composed.sql, params)
            found = cursor.fetchall()
        return composed.convert(found)

    def first(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> Row | None:
        return next(iter(self.rows(*values, using=using)), None)

    def _compose_for(self, using: str) -> Composed:
        query = self._compose(*self._examples).using(using).query
        compiler = query.get_compiler(using)
        sql, constants = compiler.as_sql()
        examples = [_adapted(connections[using], example) for example in self._examples]
        slots = [examples.index(each) if each in examples else None for each in constants]
        assert {slot for slot in slots if slot is not None} == set(range(len(examples)))
        converters = compiler.get_converters([column for column, *_ in compiler.select])

        def convert(rows: list[Row]) -> list[Row]:
            return list(map(tuple, compiler.apply_converters(rows, converters)))

        return Composed(sql, constants, slots, convert if converters else list)


def partial(model: type[M], using: str, columns: dict[str, Any]) -> M:
    """A row of which only these columns are known; the others are read when they are asked for."""
    names = [f.attname for f in model._meta.concrete_fields if f.attname in columns]
    return model.from_db(using, names, [columns[name] for name in names])


def _adapted(connection: Any, value: Any) -> Any:
    """A value as a parameter of this database."""
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
