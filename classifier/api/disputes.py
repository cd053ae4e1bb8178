"""The owner's word on an answer: it is wrong, and this is what the picture shows."""

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier.api.predictions import own
from classifier.api.schema import problems
from classifier.models import Review


class DisputeSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(  # type: ignore[assignment]  # hides Field.label, unused here
        max_length=100, allow_null=True, help_text="The right class; null for none of them."
    )


class DisputedSerializer(DisputeSerializer):
    label_localized = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class PredictionDispute(APIView):
    parser_classes = (JSONParser,)

    @extend_schema(
        request=DisputeSerializer,
        responses={
            201: DisputedSerializer,
            **problems(400, 401, 403, 404, 409, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that the answer is wrong, and which class is right. Somebody will look at it; the
        answer itself stays as it is. A second word replaces the first."""
        row = get_object_or_404(own(request), pk=pk)
        given = DisputeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        review = Review.objects.dispute(row, given.validated_data["label"] or "")
        said = {
            "label": review.label or None,
            "label_localized": review.label_localized or None,
            "created_at": review.created_at,
        }
        return Response(DisputedSerializer(said).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None, **problems(401, 403, 404, 429, 503)})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Take it back."""
        Review.objects.take_back(get_object_or_404(own(request), pk=pk))
        return Response(status=status.HTTP_204_NO_CONTENT)
