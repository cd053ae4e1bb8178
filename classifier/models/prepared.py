"""Queries and changes whose SQL is composed once.

Django composes it anew at each call, which for a row by its key costs many times what the database
takes (docs/performance.md). For the few that stand between a picture and its answer.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.sql import UpdateQuery
from django.db.transaction import mark_for_rollback_on_error

from classifier.models.adapting import by_value

Row = tuple[Any, ...]
M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


@dataclass(frozen=True)
class Composed:
    """SQL as one connection has it, and its parameters: each a constant, or the place of a
    value."""

    sql: str
    constants: Row
    slots: list[int | None]
    convert: Callable[[list[Row]], list[Row]]


class Statement(ABC):
    """What is asked of a database by values. It is composed of the `examples`, each of which it
    uses as a value that nothing else in it has. Each connection composes its own, once."""

    def __init__(self, *examples: Any) -> None:
        self._examples = examples

    @abstractmethod
    def compiler(self, using: str) -> Any:
        """Django's, of the examples."""

    def composed(self, using: str) -> Composed:
        kept: dict[Statement, Composed] = vars(connections[using]).setdefault("prepared", {})
        if self not in kept:
            kept[self] = self._compose(using)
        return kept[self]

    def execute(self, cursor: Any, values: Row, using: str) -> None:
        """With these values, one for each example."""
        assert len(values) == len(self._examples)
        composed = self.composed(using)
        adapted = list(map(by_value(connections[using]), values))
        params = [
            constant if slot is None else adapted[slot]
            for constant, slot in zip(composed.constants, composed.slots, strict=True)
        ]
        cursor.execute(composed.sql, params)

    def _compose(self, using: str) -> Composed:
        compiler = self.compiler(using)
        sql, constants = compiler.as_sql()
        examples = list(map(by_value(connections[using]), self._examples))
        slots = [examples.index(each) if each in examples else None for each in constants]
        assert {slot for slot in slots if slot is not None} == set(range(len(examples)))
        selected = compiler.select or ()  # of a change nothing is
        converters = compiler.get_converters([column for column, *_ in selected])

        def convert(rows: list[Row]) -> list[Row]:
            return list(map(tuple, compiler.apply_converters(rows, converters)))

        return Composed(sql, constants, slots, convert if converters else list)


def filled(values: list[T]) -> list[T]:
    """Up to a power of two, with the last one again: for a list of values in a statement, so that
    few lengths of it are ever composed."""
    places = 1 << (len(values) - 1).bit_length()
    return values + values[-1:] * (places - len(values))


def example_ids(places: int) -> list[uuid.UUID]:
    """As many identifiers that no row has."""
    return [uuid.UUID(int=n) for n in range(1, places + 1)]


class Prepared(Statement):
    """A query of columns by values. `compose` makes it of the examples."""

    def __init__(self, compose: Callable[..., models.QuerySet[Any, Any]], *examples: Any) -> None:
        super().__init__(*examples)
        self._query = compose

    def rows(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> list[Row]:
        """All rows for these values, one for each example."""
        with connections[using].cursor() as cursor:
            self.execute(cursor, values, using)
            found = cursor.fetchall()
        return self.composed(using).convert(found)

    def first(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> Row | None:
        return next(iter(self.rows(*values, using=using)), None)

    def compiler(self, using: str) -> Any:
        return self._query(*self._examples).using(using).query.get_compiler(using)


class PreparedUpdate(Statement):
    """A change of rows by values. `compose` makes of the examples which rows, and what of them is
    set to what, as `update` takes it; the rows may not be a slice, nor of a model with parents."""

    def __init__(
        self,
        compose: Callable[..., tuple[models.QuerySet[Any, Any], dict[str, Any]]],
        *examples: Any,
    ) -> None:
        super().__init__(*examples)
        self._change = compose

    def update(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> int:
        """How many rows were changed, for these values, one for each example."""
        with mark_for_rollback_on_error(using), connections[using].cursor() as cursor:
            self.execute(cursor, values, using)
            return int(cursor.rowcount)

    def compiler(self, using: str) -> Any:
        rows, fields = self._change(*self._examples)
        query = cast(UpdateQuery, rows.using(using).query.chain(UpdateQuery))
        query.add_update_values(fields)
        assert not query.is_sliced and not query.get_related_updates()
        return query.get_compiler(using)


class PreparedRow:
    """A row by values, with rows that it refers to by the foreign keys `related`: what
    `select_related(...).first()` gives, whole instances."""

    def __init__(
        self,
        compose: Callable[..., models.QuerySet[M, M]],
        *examples: Any,
        related: tuple[str, ...] = (),
    ) -> None:
        self._related = related
        self._prepared = Prepared(lambda *values: self._columns(compose(*values)), *examples)

    def first(self, *values: Any, using: str = DEFAULT_DB_ALIAS) -> Any:
        """The row with what it refers to, or None."""
        found = self._prepared.first(*values, using=using)
        if found is None:
            return None
        columns = iter(found)
        row = _instance(self._model, using, columns)
        for name, model in self._models.items():
            setattr(row, name, _instance(model, using, columns))
        return row

    def _columns(self, rows: models.QuerySet[Any, Any]) -> models.QuerySet[Any, Any]:
        self._model: type[models.Model] = rows.model
        self._models: dict[str, type[models.Model]] = {
            name: rows.model._meta.get_field(name).related_model for name in self._related
        }
        own = [field.attname for field in self._model._meta.concrete_fields]
        others = [
            f"{name}__{field.attname}"
            for name, model in self._models.items()
            for field in model._meta.concrete_fields
        ]
        return rows.values_list(*own, *others)


def _instance(model: type[M], using: str, columns: Iterator[Any]) -> M | None:
    """The next row of this model; None where the key that refers to it is empty."""
    fields = model._meta.concrete_fields
    values = [next(columns) for _field in fields]
    key = next(v for f, v in zip(fields, values, strict=True) if f.primary_key)
    return None if key is None else model.from_db(using, [f.attname for f in fields], values)
