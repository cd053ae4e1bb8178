"""Which statistics a query asks for. Raises Problem where there are no such."""

from django.utils.translation import gettext as _

from classifier.models import ModelVersion
from classifier.problems import Problem
from classifier.statistics import period


def days(given: str | None) -> int:
    if given is None:
        return period.DEFAULT
    if given not in map(str, period.DAYS):
        known = ", ".join(map(str, period.DAYS))
        raise Problem("INVALID_REQUEST", _("“days” is one of {known}.").format(known=known))
    return int(given)


def model(given: str | None) -> ModelVersion | None:
    """The newest version of that name, or whose digest begins so; None for all of them."""
    if given is None:
        return None
    known = ModelVersion.objects.all()
    named = known.filter(name=given) | known.filter(digest__startswith=given)
    if not given or (found := named.first()) is None:
        raise Problem("MODEL_UNKNOWN", _("No such model has answered here."))
    return found
