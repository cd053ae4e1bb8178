"""Configuration only. Importing it makes the Celery app known to Django."""

from classifier_site.celery import app as celery_app

__all__ = ["celery_app"]
