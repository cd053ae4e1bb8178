"""The pages, the API and the health checks."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from classifier import api, health, views

pages = [
    path("", views.index, name="index"),
    path("results/", views.results, name="results"),
    path("predictions/<uuid:pk>/", views.prediction, name="prediction"),
    path("images/<uuid:pk>.jpg", views.image, name="image"),
    path("model/", views.model, name="model"),
    path("model/<str:name>.png", views.plot, name="plot"),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("favicon.ico", views.favicon, name="favicon"),
]
api_v1 = [
    path("api/v1/predictions", api.PredictionList.as_view(), name="api-predictions"),
    path("api/v1/predictions/<uuid:pk>", api.PredictionDetail.as_view(), name="api-prediction"),
    path("api/v1/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
checks = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
urlpatterns = [*pages, *api_v1, *checks]
