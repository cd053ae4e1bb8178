"""A user's pictures go with the user, files included; the database alone would leave those."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from classifier.models import Export, IdempotencyKey, Image


@receiver(pre_delete, sender=User)
def erase_files(instance: User, **_kwargs: Any) -> None:
    for image in Image.objects.filter(owner=instance):
        image.erase(robust=True)
    Export.objects.filter(owner=instance).erase_each()
    IdempotencyKey.objects.filter(scope=f"user:{instance.pk}").delete()
