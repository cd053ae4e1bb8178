"""The pages and the health checks; the API's are in classifier/api/urls.py."""

from django.contrib.auth.views import LoginView
from django.urls import include, path

from classifier import disputes, health, model_views, views
from classifier.login import LoginForm

pages = [
    path("", views.index, name="index"),
    path("results/", views.results, name="results"),
    path("predictions/<uuid:pk>/", views.prediction, name="prediction"),
    path("predictions/<uuid:pk>/dispute/", disputes.dispute, name="dispute"),
    path("images/<uuid:pk>.jpg", views.image, name="image"),
    path("model/", model_views.active, name="model"),
    path("models/<str:name>/", model_views.one, name="model-card"),
    path("models/<str:name>/pictures/", model_views.pictures, name="model-pictures"),
    path("models/<str:name>/pictures.jpg", model_views.sheet, name="model-sheet"),
    path("models/<str:name>/curves.png", model_views.curves, name="model-curves"),
    path(
        "login/",
        LoginView.as_view(template_name="login.html", authentication_form=LoginForm),
        name="login",
    ),
    path("logout/", views.logout, name="logout"),
    path("problems/<slug:slug>", views.problem, name="problem"),
    path("favicon.ico", views.favicon, name="favicon"),
]
checks = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
urlpatterns = [*pages, *checks, path("api/", include("classifier.api.urls"))]
