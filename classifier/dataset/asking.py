"""Asking for a data set from the admin: the jobs process writes it."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from classifier.dataset.selection import Wanted
from classifier.models import Export

MOST = 1000  # pictures that are chosen one by one
LIST = "admin:classifier_export_changelist"


@require_POST
def everything(request: HttpRequest) -> HttpResponse:
    """All that is reviewed."""
    ask(request, Wanted())
    return redirect(LIST)


def of_images(request: HttpRequest, images: Iterable[UUID | None]) -> None:
    """Of the chosen images those that are reviewed."""
    chosen = {str(image) for image in images if image}
    if len(chosen) > MOST:
        too_many = _("Choose at most {n}, or export everything from the statistics page.")
        messages.error(request, too_many.format(n=MOST))
        return
    ask(request, Wanted(images=tuple(sorted(chosen))))


def ask(request: HttpRequest, wanted: Wanted) -> None:
    assert isinstance(request.user, User), "the admin lets nobody else in"
    total = wanted.reviews().count()
    if not total:
        messages.warning(request, _("None of these is reviewed, so there is nothing to export."))
        return
    Export.objects.ask_dataset(request.user, wanted.as_dict(), total)
    written = _("Reviewed pictures: {n}. The data set is being written; find it under exports.")
    messages.success(request, written.format(n=total))
