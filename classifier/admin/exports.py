"""One's own exports, data sets of what was reviewed among them: how far they are, and the files."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from classifier.admin.read_only import ReadOnlyAdmin
from classifier.models import Export
from classifier.models.export import ExportStatus


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("created_at", "kind", "status", "progress", "byte_size", "download")
    list_filter = ("status", "created_at")
    list_per_page = 50
    exclude = ("file", "filter", "fence", "visitor")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        assert isinstance(request.user, User), "the admin lets nobody else in"
        return super().get_queryset(request).filter(owner=request.user)

    @admin.display(description=_("kind"))
    def kind(self, export: Export) -> Any:
        return export.format if export.dataset is None else _("data set")

    @admin.display(description=_("progress"))
    def progress(self, export: Export) -> SafeString | str:
        """A bar where it is known how many there will be."""
        total = (export.dataset or {}).get("total")
        if not total or export.status != ExportStatus.RUNNING:
            return str(export.rows)
        return format_html(
            '<progress max="{0}" value="{1}">{1} / {0}</progress> {1} / {0}', total, export.rows
        )

    @admin.display(description=_("file"))
    def download(self, export: Export) -> SafeString | str:
        if export.status != ExportStatus.READY:
            return export.error_code or "–"
        return format_html(
            '<a href="/api/v1/exports/{}/file" download>{}</a>', export.pk, _("Download")
        )
