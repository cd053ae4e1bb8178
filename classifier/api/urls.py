"""The routes of the API. No trailing slash; a verb is a sub-resource, as in /cancel."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from classifier.api import batches, meta, predictions, results

prediction, batch = "predictions/<uuid:pk>", "batches/<uuid:pk>"
v1 = [
    path("schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("meta", meta.Meta.as_view(), name="api-meta"),
    path("predictions", predictions.PredictionList.as_view(), name="api-predictions"),
    path(prediction, predictions.PredictionDetail.as_view(), name="api-prediction"),
    path(f"{prediction}/cancel", predictions.PredictionCancel.as_view()),
    path(f"{prediction}/retry", predictions.PredictionRetry.as_view()),
    path(f"{prediction}/attempts", predictions.PredictionAttempts.as_view()),
    path("batches", batches.BatchList.as_view(), name="api-batches"),
    path(batch, batches.BatchDetail.as_view(), name="api-batch"),
    path(f"{batch}/cancel", batches.BatchCancel.as_view()),
    path(f"{batch}/items", batches.BatchItems.as_view(), name="api-batch-items"),
    path(f"{batch}/results", results.BatchResults.as_view(), name="api-batch-results"),
]
urlpatterns = [
    path("", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/", include(v1)),
]
