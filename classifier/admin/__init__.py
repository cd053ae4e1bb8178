"""The admin, by what its pages show."""

from classifier.admin import access, exports, predictions, review, serving, webhooks

__all__ = ("access", "exports", "predictions", "review", "serving", "webhooks")
