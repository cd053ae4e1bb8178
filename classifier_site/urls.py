"""Where everything is found."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("classifier.urls")),
    path("admin/review/", include("classifier.review.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]

handler400 = "classifier.error_handlers.bad_request"
handler403 = "classifier.error_handlers.forbidden"
handler404 = "classifier.error_handlers.not_found"
handler500 = "classifier.error_handlers.server_error"
