"""The routes of the API. No trailing slash; a verb is a sub-resource, as in /cancel."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from classifier.api import predictions, webhooks

ENDPOINT = "v1/webhook-endpoints/<uuid:pk>"
webhook_patterns = [
    path("v1/webhook-endpoints", webhooks.WebhookEndpointList.as_view()),
    path(ENDPOINT, webhooks.WebhookEndpointDetail.as_view()),
    path(f"{ENDPOINT}/test", webhooks.WebhookTest.as_view()),
    path(f"{ENDPOINT}/rotate-secret", webhooks.WebhookRotation.as_view()),
    path(f"{ENDPOINT}/deliveries", webhooks.WebhookDeliveryList.as_view()),
    path(f"{ENDPOINT}/deliveries/<uuid:delivery_id>/replay", webhooks.WebhookReplay.as_view()),
]
urlpatterns = [
    path("", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("v1/predictions", predictions.PredictionList.as_view(), name="api-predictions"),
    path("v1/predictions/<uuid:pk>", predictions.PredictionDetail.as_view(), name="api-prediction"),
    *webhook_patterns,
]
