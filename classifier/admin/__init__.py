"""The admin, by what its pages show."""

from classifier.admin import access, predictions, review, serving, webhooks

__all__ = ("access", "predictions", "review", "serving", "webhooks")
