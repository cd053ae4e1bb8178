"""The Celery app, configured by Django's settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classifier_site.settings")
app = Celery("kadr")
app.config_from_object("django.conf:settings", namespace="CELERY")
