"""The review page's routes, under /admin/review/."""

from django.contrib import admin
from django.urls import path

from classifier.review import api, page

urlpatterns = [
    path("", admin.site.admin_view(page.page), name="review"),
    path("deal", api.Deal.as_view(), name="review-deal"),
    path("words", api.Words.as_view(), name="review-words"),
    path("withdraw", api.Withdraw.as_view(), name="review-withdraw"),
    path("release", api.Release.as_view(), name="review-release"),
]
