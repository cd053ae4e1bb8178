"""The routes of the statistics, under /admin/statistics/."""

from django.contrib import admin
from django.urls import path

from classifier.dataset import asking
from classifier.statistics import page

urlpatterns = [
    path("", admin.site.admin_view(page.page), name="statistics"),
    path("pictures/", admin.site.admin_view(page.pictures), name="statistics-pictures"),
    path("dataset/", admin.site.admin_view(asking.everything), name="export-dataset"),
]
