"""The routes of the API. No trailing slash; a verb is a sub-resource, as in /cancel."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from classifier.api import predictions

urlpatterns = [
    path("", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("v1/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("v1/predictions", predictions.PredictionList.as_view(), name="api-predictions"),
    path("v1/predictions/<uuid:pk>", predictions.PredictionDetail.as_view(), name="api-prediction"),
]
