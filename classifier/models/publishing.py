"""Results of claimed rows, written by one prepared statement: through `bulk_update` the same rows
cost sixty times as much."""

import uuid
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils import timezone

from classifier.models.adapting import by_field, by_value, special
from classifier.models.model_version import ModelVersion

if TYPE_CHECKING:
    from classifier.models.prediction_queue import Result

RESULT = ("label", "confidence", "probabilities", "margin", "off_topic_score", "off_topic")
UPDATE = """
UPDATE classifier_prediction
SET status = 'succeeded', label = %s, confidence = %s, probabilities = %s,
    margin = %s, off_topic_score = %s, off_topic = %s, model_id = %s, finished_at = %s,
    fence = NULL, lease_until = NULL
WHERE id = %s AND fence = %s AND status = 'running'
"""
BATCHES = """
SELECT DISTINCT batch_id FROM classifier_prediction WHERE batch_id IS NOT NULL AND id IN ({})
"""


def write(
    connection: Any, fence: uuid.UUID, model: ModelVersion, results: Mapping[uuid.UUID, "Result"]
) -> int:
    """Write each result to its row, if that is still held under `fence`; returns to how many."""
    meta = apps.get_model("classifier", "Prediction")._meta
    common = {"model": model.pk, "finished_at": timezone.now(), "fence": fence}
    fields = [f for f in meta.concrete_fields if f.name in (*RESULT, *common, "id")]
    shared = special(connection)
    adapt = {field.name: by_field(field, connection, shared) for field in fields}
    model_id, now, held = (adapt[name](value) for name, value in common.items())
    own = [(adapt[name], attrgetter(name)) for name in RESULT]
    rows = [
        [*(to_db(of(result)) for to_db, of in own), model_id, now, adapt["id"](pk), held]
        for pk, result in results.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(UPDATE, rows)
        return int(cursor.rowcount)


def batches(connection: Any, predictions: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Of which batches these are."""
    ids = list(map(by_value(connection), predictions))
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(BATCHES.format(", ".join(["%s"] * len(ids))), ids)
        found = [batch for (batch,) in cursor.fetchall()]
    return [batch if isinstance(batch, uuid.UUID) else uuid.UUID(batch) for batch in found]
