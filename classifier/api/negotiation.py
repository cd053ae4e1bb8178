"""Which format an answer gets: by Accept, or by `?format=` where a link has to say it."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from classifier.problems import Problem

PARAMETER = "format"


class Negotiation(DefaultContentNegotiation):
    """Refuses a `format` that is empty or not offered; Django REST framework takes the one for
    absent and says of the other that the page does not exist."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> Any:
        asked = request.query_params.get(PARAMETER)
        if asked == "":
            raise Problem("INVALID_REQUEST", _("“format” is empty."))
        if asked is not None and asked not in {renderer.format for renderer in renderers}:
            raise exceptions.NotAcceptable(available_renderers=list(renderers))
        return super().select_renderer(request, renderers, format_suffix)
