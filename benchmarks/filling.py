"""Many predictions in a database at once: a few are made, the database itself copies them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from classifier.models.prediction_queue import PredictionQuerySet

CHUNK = 50_000  # rows that are copied at a time
CLASSES = [{"id": name, "uk": name, "en": name} for name in ("cat", "dog", "ship")]
# What differs from row to row, by database; n counts from 0 in each set of rows, and k on from what
# there is already. An id is a UUID of version 7.
NEW = {
    "sqlite": {
        "id": "printf('%%012x7%%03x8%%015x', 1700000000000 + ({k}) * 1000, ({k}) %% 4096, {k})",
        "custom_id": "printf('%%07d.jpg', n)",
        "created_at": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 1700000000 + n, 'unixepoch')",
    },
    "postgresql": {
        "id": "(lpad(to_hex(1700000000000 + ({k}) * 1000), 12, '0') || '7' || "
        "lpad(to_hex(({k}) %% 4096), 3, '0') || '8' || lpad(to_hex({k}), 15, '0'))::uuid",
        "custom_id": "lpad(n::text, 7, '0') || '.jpg'",
        "created_at": "to_timestamp(1700000000 + n)",
    },
}
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT %s UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %s)",
    "postgresql": "WITH numbers AS (SELECT n FROM generate_series(%s::bigint, %s - 1) AS n)",
}


def answered(user: User, count: int, **fields: Any) -> PredictionQuerySet:
    """Makes `count` answered predictions of a user, no two of the same moment."""
    from datetime import UTC, datetime, timedelta

    from django.utils import timezone

    from classifier.models import ModelVersion, Prediction, Status

    model = ModelVersion.objects.register(
        digest="d" * 64, name="benchmark", preprocessing="none", classes=CLASSES
    )
    answer = {"confidence": 0.7, "probabilities": [0.7, 0.2, 0.1], "model": model}
    first = datetime.fromtimestamp(1_700_000_000, UTC)
    Prediction.objects.bulk_create(
        Prediction(
            owner=user,
            custom_id=f"{n:07}.jpg",
            created_at=first + timedelta(seconds=n),
            finished_at=timezone.now(),
            label=CLASSES[n % 3]["id"],
            status=Status.SUCCEEDED,
            **answer,
            **{name: value(n) if callable(value) else value for name, value in fields.items()},
        )
        for n in range(count)
    )
    return Prediction.objects.filter(owner=user)


def multiply(
    rows: PredictionQuerySet, to: int, told: Callable[[int], None] = lambda done: None
) -> None:
    """Copies the given rows until there are `to`; in a batch each gets its position."""
    from django.db import connection

    from classifier.models import Prediction

    count = rows.count()
    table = Prediction._meta.db_table
    columns = [str(field.column) for field in Prediction._meta.concrete_fields]
    new = {**NEW[connection.vendor], "position": "CASE WHEN position IS NULL THEN NULL ELSE n END"}
    new["id"] = new["id"].format(k=f"n + {Prediction.objects.count()}")
    chosen = ", ".join(new.get(column, column) for column in columns)
    sql, params = rows.order_by("created_at").values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE template AS SELECT {table}.*, "
            f"row_number() OVER (ORDER BY created_at) - 1 AS place FROM {table} "
            f"WHERE id IN ({sql})",
            params,
        )
        for done in range(count, to, CHUNK):
            cursor.execute(
                f"{NUMBERS[connection.vendor]} INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {chosen} FROM numbers JOIN template ON place = n %% %s",
                [done, min(done + CHUNK, to), count],
            )
            told(min(done + CHUNK, to))
        cursor.execute("DROP TABLE template")
