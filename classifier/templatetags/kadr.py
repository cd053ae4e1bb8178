"""What the templates need beyond Django's own filters."""

from django import template
from django.utils.formats import number_format

from classifier.page_texts import percent_pattern

register = template.Library()


@register.filter
def percent(share: object) -> str:
    """0.934 as the active language writes it: “93.4%”, «93,4 %». What is no number is ""."""
    if not isinstance(share, int | float):
        return ""
    # Django's number_format cuts digits off; it does not round.
    return percent_pattern().format(share=number_format(round(share * 100, 1), 1))


@register.filter
def short(digest: str) -> str:
    """The first digits of a digest, enough to tell models apart."""
    return digest[:8]
