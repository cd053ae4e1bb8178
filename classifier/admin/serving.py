"""By which model it was answered, and who holds it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from classifier.admin.read_only import ReadOnlyAdmin
from classifier.models import ModelVersion, Worker


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("name", "short_digest", "preprocessing", "registered_at", "recalled_at")

    @admin.display(description=_("digest"))
    def short_digest(self, version: ModelVersion) -> str:
        return version.digest[:12]


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("name", "device", "model", "started_at", "last_seen_at")
    list_select_related = ("model",)
