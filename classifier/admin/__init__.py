"""The admin, by what its pages show."""

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
