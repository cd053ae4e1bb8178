"""The admin, by what its pages show."""

from django.contrib import admin

from classifier.admin import (
    access,
    exports,
    predictions,
    recalls,
    review,
    serving,
    system,
    trials,
    webhooks,
)

__all__ = (
    "access",
    "exports",
    "predictions",
    "recalls",
    "review",
    "serving",
    "system",
    "trials",
    "webhooks",
)

# A name, alike in every language.
admin.site.site_header = admin.site.site_title = "Кадр · Kadr"
