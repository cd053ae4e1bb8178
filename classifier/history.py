"""One's own predictions by keyset cursor, so that page 1,000 costs what page 1 does."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q

from classifier.models import Owner, Prediction

PAGE = 24
SEPARATOR = "_"


def page(owner: Owner, before: str = "") -> tuple[list[Prediction], str]:
    """Up to 24 predictions, newest first, from the cursor on; and the next cursor, "" at the end.

    A cursor that makes no sense gives the first page.
    """
    rows = Prediction.objects.owned_by(owner).pictured().select_related("image", "model")
    if position := _parse(before):
        created_at, pk = position
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    found = list(rows.order_by("-created_at", "-pk")[: PAGE + 1])
    shown = found[:PAGE]
    return shown, _cursor(shown[-1]) if len(found) > PAGE else ""


def _cursor(row: Prediction) -> str:
    return f"{row.created_at.isoformat()}{SEPARATOR}{row.pk.hex}"


def _parse(cursor: str) -> tuple[datetime, UUID] | None:
    created_at, _separator, pk = cursor.partition(SEPARATOR)
    try:
        moment = datetime.fromisoformat(created_at)
        return (moment.astimezone(UTC), UUID(pk)) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
