"""The routes of the API. No trailing slash; a verb is a sub-resource, as in /cancel."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from classifier.api import (
    batches,
    disputes,
    exports,
    meta,
    models,
    predictions,
    results,
    stats,
    webhooks,
)

prediction, batch = "predictions/<uuid:pk>", "batches/<uuid:pk>"
export, endpoint = "exports/<uuid:pk>", "webhook-endpoints/<uuid:pk>"
v1 = [
    path("schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("models", models.ModelList.as_view()),
    path("models/<str:name>", models.ModelDetail.as_view(), name="api-model"),
    path("meta", meta.Meta.as_view(), name="api-meta"),
    path("predictions", predictions.PredictionList.as_view(), name="api-predictions"),
    path(prediction, predictions.PredictionDetail.as_view(), name="api-prediction"),
    path(f"{prediction}/cancel", predictions.PredictionCancel.as_view()),
    path(f"{prediction}/retry", predictions.PredictionRetry.as_view()),
    path(f"{prediction}/restore", predictions.PredictionRestore.as_view()),
    path(f"{prediction}/dispute", disputes.PredictionDispute.as_view()),
    path(f"{prediction}/attempts", predictions.PredictionAttempts.as_view()),
    path("batches", batches.BatchList.as_view(), name="api-batches"),
    path(batch, batches.BatchDetail.as_view(), name="api-batch"),
    path(f"{batch}/cancel", batches.BatchCancel.as_view()),
    path(f"{batch}/items", batches.BatchItems.as_view(), name="api-batch-items"),
    path(f"{batch}/results", results.BatchResults.as_view(), name="api-batch-results"),
    path("exports", exports.ExportList.as_view(), name="api-exports"),
    path(export, exports.ExportDetail.as_view(), name="api-export"),
    path(f"{export}/file", exports.ExportFile.as_view()),
    path("stats/accuracy", stats.AccuracyOfAnswers.as_view(), name="api-accuracy"),
    path("webhook-endpoints", webhooks.WebhookEndpointList.as_view()),
    path(endpoint, webhooks.WebhookEndpointDetail.as_view()),
    path(f"{endpoint}/test", webhooks.WebhookTest.as_view()),
    path(f"{endpoint}/rotate-secret", webhooks.WebhookRotation.as_view()),
    path(f"{endpoint}/deliveries", webhooks.WebhookDeliveryList.as_view()),
    path(f"{endpoint}/deliveries/<uuid:delivery_id>/replay", webhooks.WebhookReplay.as_view()),
]
urlpatterns = [
    path("", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/", include(v1)),
]
