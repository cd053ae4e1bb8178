"""The review page itself. Its script is static/classifier/review.js."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from classifier.models import ReviewTask
from classifier.page_texts import percent_pattern
from classifier.review.orders import DEFAULT, ORDERS


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    order = request.GET.get("order", DEFAULT)
    if order not in ORDERS:
        raise Http404
    waiting = open_tasks()
    tabs = [(key, name, waiting.get(key)) for key, (name, _query) in ORDERS.items()]
    context = {
        **admin.site.each_context(request),
        "title": _("Review"),
        "tabs": tabs,
        "order": order,
        "keys": keys(),
        "texts": texts(order),
        "is_nav_sidebar_enabled": False,
    }
    return render(request, "admin/review.html", context)


def open_tasks() -> dict[str, int]:
    """How many wait, by stream."""
    rows = ReviewTask.objects.open().filter(
        prediction__image__isnull=False,
        prediction__image__trashed_at=None,
        prediction__image__quarantined_at=None,
    )
    return dict(rows.order_by().values_list("stream").annotate(n=Count("pk")))


def keys() -> list[tuple[str, str]]:
    """What the help lists: keys, and what they do."""
    return [
        ("1 … 9, 0", _("this is the right class")),
        ("Enter", _("the answer is right")),
        ("N", _("none of the classes")),
        ("S", _("skip: somebody else will decide")),
        ("Backspace", _("undo")),
        ("← → ↑ ↓", _("move")),
        ("Shift + ← → ↑ ↓", _("choose several; what follows is said of all of them")),
        (_("Ctrl + A"), _("choose all on the page")),
        ("Esc", _("choose one again")),
        ("/", _("find a class by its name")),
        ("?", _("this help")),
    ]


def texts(order: str) -> dict[str, Any]:
    """Settings and sentences for the script, in the reader's language."""
    return {
        "language": get_language(),
        "order": order,
        "page": uuid.uuid4().hex,  # tells a reviewer's tabs apart
        "lockSeconds": settings.REVIEW_LOCK_SECONDS,
        "percent": percent_pattern(),
        "agree": _("agreed: {label}"),
        "other": _("it is: {label}"),
        "none": _("none of the classes"),
        "skip": _("skipped"),
        "undone": _("undone"),
        "gone": _("It is gone or was answered anew; nothing was written down."),
        "nothingToUndo": _("There is nothing to undo."),
        "offline": _("No connection. What you decided is kept here and sent later."),
        "refused": _("The service refused this; the page has to be loaded again."),
        "loggedOut": _("You are logged out. Log in again in another tab; nothing is lost."),
        "chosen": _("{n} chosen"),
        "count": _("decided: {n}"),
        "owner": _("The owner says: {label}"),
        "disagreement": _("Another model says: {label}"),
        "offTopic": _("maybe none"),
    }
