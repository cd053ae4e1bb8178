"""A user's pictures go with the user, files included; the database alone would leave those.

All in one transaction, during which nobody else writes to SQLite: the admin refuses what would take
long, and `manage.py purge --user` takes it a picture at a time.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from classifier.models import Export, IdempotencyKey, Image, Prediction

MOST = 1000  # pictures or answers that may go in the one transaction of a deletion


def size_of(user: User) -> int:
    """How many rows go with a user: pictures or answers, whichever are more."""
    pictures = Image.objects.filter(owner=user).count()
    return max(pictures, Prediction.objects.filter(owner=user).count())


@receiver(pre_delete, sender=User)
def erase_files(instance: User, **_kwargs: Any) -> None:
    for image in Image.objects.filter(owner=instance):
        image.erase(robust=True)
    Export.objects.filter(owner=instance).erase_each()
    IdempotencyKey.objects.filter(scope=f"user:{instance.pk}").delete()
