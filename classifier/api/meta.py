"""What this service is and how much it takes, for programs."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier.api import params
from classifier.api.schema import problems
from classifier.api.throttles import RATES
from classifier.model_card import model_card
from classifier.models.webhook import SUBSCRIBABLE


class MetaSerializer(serializers.Serializer[Any]):
    limits = serializers.DictField(child=serializers.IntegerField())
    rates = serializers.DictField(
        child=serializers.IntegerField(), help_text="Requests a minute, by token and by address."
    )
    models = serializers.ListField(child=serializers.DictField())
    webhook_events = serializers.ListField(child=serializers.CharField())


class Meta(APIView):
    @extend_schema(responses={200: MetaSerializer, **problems(401, 429)})
    def get(self, request: Request) -> Response:
        """Every limit, and the models that may be asked for."""
        about = {
            "limits": limits(),
            "rates": RATES,
            "models": models(),
            "webhook_events": SUBSCRIBABLE,
        }
        return Response(about)


def limits() -> dict[str, int]:
    return {
        "image_bytes": settings.MAX_IMAGE_BYTES,
        "image_pixels": settings.MAX_IMAGE_PIXELS,
        "image_scans": settings.MAX_SCANS,
        "form_images": settings.MAX_IMAGES,
        "batch_parts": settings.MAX_BATCH_PARTS,
        "batch_items": settings.MAX_ARCHIVE_ENTRIES,
        "batch_bytes": settings.MAX_BATCH_BYTES,
        "metadata_bytes": params.MAX_METADATA_BYTES,
        "top_k": params.MAX_TOP_K,
        "wait_seconds": settings.MAX_WAIT_SECONDS,
        "queue": settings.QUEUE_LIMIT,
        "exports": settings.EXPORT_LIMIT,
        "attempts": settings.MAX_ATTEMPTS,
    }


def models() -> list[dict[str, Any]]:
    card = model_card()
    if card is None:
        return []
    labels = [c["id"] for c in card.manifest.classes]
    return [
        {
            "id": card.manifest.id,
            "name": card.name,
            "aliases": [params.DEFAULT_ALIAS],
            "labels": labels,
        }
    ]
