"""The sentences that the page's script shows, in the reader's language."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from classifier.problems import Problem


def texts() -> dict[str, Any]:
    """Limits, language and sentences for static/classifier/kadr.js and its modules."""
    return {
        "language": get_language(),
        "maxBytes": settings.MAX_IMAGE_BYTES,
        "maxImages": settings.MAX_IMAGES,
        "percent": percent_pattern(),
        "uploading": _("Uploading…"),
        "queued": _("Waiting for the worker…"),
        "running": _("Being classified…"),
        "canceled": _("Canceled before there was an answer."),
        "waited": _("{n} s so far."),
        "slow": _("The worker is busy or starting; nothing is lost."),
        "offTopic": _("Maybe none of these"),
        "closest": _("It looks like none of the classes the model knows. The closest:"),
        "others": others_pattern(),
        "recalled": _(
            "The version that answered was withdrawn. The answer is being checked again."
        ),
        "corrected": corrected_pattern(),
        "offline": _("No connection. Trying again."),
        "failed": {
            "title": _("The upload did not get through"),
            "detail": _("Check the connection and try again."),
        },
        "tooFast": _("Too many requests at once. It goes on by itself in {n} s."),
        "unreadable": {
            "title": _("The file cannot be read any more"),
            "detail": _("It may have been moved or changed. Choose it again."),
        },
        "folder": {
            "title": _("A folder cannot be sent"),
            "detail": _("Open it and choose the photos in it."),
        },
        "deleted": _("Deleted"),
        "undoable": settings.TRASH_HOURS > 0,
        "restored": _("Brought back"),
        "notRestored": _("It could not be brought back. Try again."),
        "notDeleted": _("It could not be deleted. Try again."),
        "missing": _(
            "Not here any more: deleted, or you have logged in or out in another tab. "
            "Load the page again."
        ),
        "tooLarge": _sentence(Problem("IMAGE_TOO_LARGE")),
        "tooMany": _sentence(Problem("TOO_MANY_IMAGES")),
    }


def percent_pattern() -> str:
    return _("{share}%")


def others_pattern() -> str:
    return _("It may also be: {labels}")


def corrected_pattern() -> str:
    return _("Corrected: it said “{label}” before.")


def _sentence(problem: Problem) -> dict[str, str]:
    return {"title": problem.title, "detail": problem.detail}
