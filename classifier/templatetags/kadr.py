"""What the templates need beyond Django's own filters."""

import json
from datetime import datetime, timedelta

from django import template
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from classifier.models import ModelVersion
from classifier.outlook import in_words
from classifier.page_texts import corrected_pattern, others_pattern, percent_pattern
from classifier.script_modules import imported_by

register = template.Library()
METER = """<svg class="bar" role="meter" aria-label="{}" aria-valuemin="0" aria-valuemax="100" \
aria-valuenow="{}" aria-valuetext="{}" viewBox="0 0 100 4" preserveAspectRatio="none">\
<rect width="{}" height="4"></rect></svg>"""


@register.filter
def percent(share: object) -> str:
    """0.934 as the active language writes it: “93.4%”, «93,4 %». What is no number is "".

    What only rounding would make certain is “> 99.9%”.
    """
    if not isinstance(share, int | float):
        return ""
    # Django's number_format cuts digits off; it does not round.
    tenths = round(share * 100, 1)
    if share < 1 and tenths == 100:
        return f">\N{NO-BREAK SPACE}{percent_pattern().format(share=number_format(99.9, 1))}"
    return percent_pattern().format(share=number_format(tenths, 1))


@register.filter
def others(labels: list[str]) -> str:
    """What else a picture may show, as a sentence."""
    return others_pattern().format(labels=", ".join(labels))


@register.filter
def corrected(label: str) -> str:
    """That an answer replaces another, as a sentence."""
    return corrected_pattern().format(label=label)


@register.simple_tag
def bar(share: object, label: str = "") -> SafeString:
    """A share of one as a bar, which tells a screen reader its label and value."""
    width = f"{share * 100:.1f}" if isinstance(share, int | float) else "0"
    return format_html(METER, label, width, percent(share), width)


@register.filter
def seconds_after(end: datetime, start: datetime) -> str:
    """How long something took, in seconds."""
    seconds = (end - start).total_seconds()
    return _("after {seconds} s").format(seconds=number_format(round(seconds, 1), 1))


@register.filter
def so_long(since: datetime, now: datetime) -> str:
    """How long ago something was, in words."""
    return in_words(max(now - since, timedelta()))


@register.filter
def short(digest: str) -> str:
    """The first digits of a digest, enough to tell models apart."""
    return digest[:8]


@register.filter
def as_json(value: object) -> str:
    """A recipe as people read it."""
    return json.dumps(value, indent=1, ensure_ascii=False)


@register.filter
def named(label: str, model: ModelVersion) -> str:
    """A class by its id, as the model calls it in the reader's language."""
    return model.label_name(label)


@register.filter
def off_topic_kind(kind: str) -> str:
    """What a kind of other pictures is called (ml/other_pictures.py)."""
    return {
        "textures": _("stripes, checks and clouds"),
        "noise": _("noise"),
        "drawings": _("drawings and letters"),
        "photos": _("photos of other things"),
        "crops": _("details of such photos"),
        "faces": _("faces"),
    }.get(kind, kind)


@register.simple_tag
def module(script: str) -> SafeString:
    """A script of the page and what it imports, so that a browser asks for all of it at once and
    not for each module when it has read the one that imports it (HTML, link type modulepreload)."""
    imports = ((static(name),) for name in imported_by(script))
    links = format_html_join("\n", '<link rel="modulepreload" href="{}">', imports)
    return format_html('{}\n<script type="module" src="{}"></script>', links, static(script))
