"""The admin, by what its pages show."""

from classifier.admin import (
    access,
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
    "predictions",
    "recalls",
    "review",
    "serving",
    "system",
    "trials",
    "webhooks",
)
