"""Webhook endpoints of a user: make, change, try, rotate; see what was sent and send it again."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from classifier.api.idempotent import once
from classifier.api.pagination import NewestFirst
from classifier.api.schema import IDEMPOTENCY_KEY, problems
from classifier.api.scopes import TokenHasScope
from classifier.api.webhook_serializers import (
    NewWebhookEndpointSerializer,
    SecretSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointSerializer,
)
from classifier.models import IdempotencyKey, WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import WebhookEndpointQuerySet
from classifier.models.webhook_delivery import WebhookDeliveryQuerySet
from classifier.problems import Problem

OF_ONE = problems(401, 403, 404, 429)


class UsersOnly(BasePermission):
    """Webhooks need an account: a visitor is only a cookie, which is soon forgotten."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise Problem("LOGIN_REQUIRED")
        return True


class EndpointView(generics.GenericAPIView[WebhookEndpoint]):
    """What all of these share: JSON, users only, each their own."""

    serializer_class: type[BaseSerializer[Any]] = WebhookEndpointSerializer
    parser_classes = (JSONParser,)
    permission_classes = (UsersOnly, TokenHasScope)
    queryset = WebhookEndpoint.objects.none()

    def get_queryset(self) -> WebhookEndpointQuerySet:
        assert isinstance(self.request.user, User)
        return WebhookEndpoint.objects.filter(user=self.request.user)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, UnsupportedMediaType):
            exc = Problem("JSON_EXPECTED")
        return super().handle_exception(exc)

    def get_enabled(self) -> WebhookEndpoint:
        endpoint = self.get_object()
        if not endpoint.enabled:
            raise Problem("WEBHOOK_DISABLED")
        return endpoint


class WebhookEndpointList(EndpointView, generics.ListCreateAPIView[WebhookEndpoint]):
    """Your endpoints, the newest first; at most ten."""

    pagination_class = None

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        creates = self.request.method == "POST"
        return NewWebhookEndpointSerializer if creates else WebhookEndpointSerializer

    @extend_schema(
        request=NewWebhookEndpointSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={
            201: NewWebhookEndpointSerializer,
            **problems(400, 401, 403, 409, 415, 422, 429),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Make an endpoint. The secret in the answer is not shown again."""
        return once(request, self._create)

    def _create(self, _key: IdempotencyKey | None) -> Response:
        response = self.create(self.request)
        response["Location"] = f"/api/v1/webhook-endpoints/{response.data['id']}"
        return response

    def perform_create(self, serializer: BaseSerializer[WebhookEndpoint]) -> None:
        serializer.save(user=self.request.user)


@extend_schema(
    responses={200: WebhookEndpointSerializer, **problems(400, 401, 403, 404, 415, 422, 429)}
)
class WebhookEndpointDetail(EndpointView, generics.RetrieveUpdateDestroyAPIView[WebhookEndpoint]):
    """One endpoint. DELETE takes its deliveries along."""

    http_method_names = ("get", "patch", "delete", "head", "options")

    @extend_schema(responses={204: None, **OF_ONE})
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().delete(request, *args, **kwargs)


class WebhookTest(EndpointView):
    """Send the event `test` to this endpoint, whatever it is subscribed to."""

    @extend_schema(
        request=None,
        responses={202: WebhookDeliverySerializer, **OF_ONE, **problems(409)},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        delivery = WebhookDelivery.objects.record_test(self.get_enabled())
        return Response(WebhookDeliverySerializer(delivery).data, status.HTTP_202_ACCEPTED)


class WebhookRotation(EndpointView):
    """Give the endpoint a new secret. For 24 hours messages bear a signature by either."""

    @extend_schema(request=None, responses={200: SecretSerializer, **OF_ONE})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        endpoint = self.get_object()
        secret = WebhookEndpoint.objects.filter(pk=endpoint.pk).rotate_secret()
        endpoint.refresh_from_db()
        shown = {"secret": secret, "previous_secret_until": endpoint.previous_secret_until}
        return Response(SecretSerializer(shown).data)


class WebhookDeliveryList(EndpointView):
    """What was sent to the endpoint, or is to be, the newest first, with each attempt."""

    serializer_class = WebhookDeliverySerializer
    pagination_class = NewestFirst
    filter_backends = ()

    @extend_schema(responses={200: WebhookDeliverySerializer(many=True), **OF_ONE})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows: Any = deliveries(self.get_object())
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class WebhookReplay(EndpointView):
    """Send a delivery again, under the same webhook-id and with all attempts before it."""

    @extend_schema(
        request=None, responses={202: WebhookDeliverySerializer, **OF_ONE, **problems(409)}
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = deliveries(self.get_enabled()).filter(pk=kwargs["delivery_id"])
        delivery = generics.get_object_or_404(rows)
        if not rows.replay():
            raise Problem("WEBHOOK_BUSY")
        delivery.refresh_from_db()
        return Response(WebhookDeliverySerializer(delivery).data, status.HTTP_202_ACCEPTED)


def deliveries(endpoint: WebhookEndpoint) -> WebhookDeliveryQuerySet:
    return WebhookDelivery.objects.filter(endpoint=endpoint)
