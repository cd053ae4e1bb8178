"""The admin, by what its pages show."""

from classifier.admin import access, predictions, serving, webhooks

__all__ = ("access", "predictions", "serving", "webhooks")
