"""The admin: what was sent, what was answered, by which model. Machines write these rows."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from classifier.login import AdminLoginForm
from classifier.models import (
    ApiToken,
    Batch,
    Image,
    ModelActivation,
    ModelVersion,
    Prediction,
    WebhookDelivery,
    WebhookEndpoint,
    Worker,
)
from classifier.models.webhook import Disabled
from classifier.models.webhook_delivery import WebhookDeliveryQuerySet


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """To look at, not to write. Deleting is left to the subclasses that allow it."""

    show_full_result_count = False
    for_all_staff = False  # else for those who have the permission

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.for_all_staff or super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def thumbnail(image: Image | None) -> SafeString | str:
    if image is None:
        return "–"
    return format_html(
        '<a href="{}"><img src="{}" alt="{}" height="64" loading="lazy"></a>',
        reverse("admin:classifier_image_change", args=[image.pk]),
        reverse("image", args=[image.pk]),
        image.name,
    )


def owner_name(row: Image | Prediction | Batch) -> str:
    return str(row.owner) if row.owner else str(_("visitor {id}")).format(id=str(row.visitor)[:8])


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = (
        "preview",
        "status",
        "label",
        "percent",
        "model",
        "owned_by",
        "created_at",
        "attempt",
        "error_code",
    )
    list_display_links = ("status",)
    list_filter = ("status", "label", "off_topic", "model", "source", "error_code", "created_at")
    list_select_related = ("image", "model", "owner")
    list_per_page = 50
    search_fields = ("id", "image__name", "image__sha256", "owner__username", "label")
    search_help_text = _("Id, file name, SHA-256, user or label")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Without what is in the trash: that is seen by nobody."""
        return super().get_queryset(request).filter(image__trashed_at=None)

    @admin.display(description=_("image"))
    def preview(self, prediction: Prediction) -> SafeString | str:
        return thumbnail(prediction.image)

    @admin.display(description=_("confidence"), ordering="confidence")
    def percent(self, prediction: Prediction) -> str:
        return "" if prediction.confidence is None else f"{prediction.confidence:.1%}"

    @admin.display(description=_("owner"))
    def owned_by(self, prediction: Prediction) -> str:
        return owner_name(prediction)


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("preview_image", "name", "size", "byte_size", "owned_by", "created_at")
    list_display_links = ("name",)
    list_filter = ("created_at",)
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("id", "name", "sha256", "owner__username")
    readonly_fields = ("preview_image",)
    # Neither file is linked to: the original is never served, the preview stands above.
    exclude = ("original", "preview")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        return super().get_queryset(request).filter(trashed_at=None)

    @admin.display(description=_("image"))
    def preview_image(self, image: Image) -> SafeString | str:
        return thumbnail(image)

    @admin.display(description=_("pixels"))
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}"

    @admin.display(description=_("owner"))
    def owned_by(self, image: Image) -> str:
        return owner_name(image)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("classifier.delete_image"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Predictions go with their image, though nobody may delete one by itself.
        shown, counts, _perms_needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        obj.erase()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        for image in queryset:
            image.erase()


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("name", "short_digest", "preprocessing", "registered_at")

    @admin.display(description=_("digest"))
    def short_digest(self, version: ModelVersion) -> str:
        return version.digest[:12]


@admin.register(ModelActivation)
class ModelActivationAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("name", "folder", "digest", "user", "reason", "created_at")
    list_select_related = ("user",)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("id", "owned_by", "created_at", "sealed_at", "finished_at")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("id", "owner__username")
    readonly_fields = ("counts", "predictions")

    @admin.display(description=_("owner"))
    def owned_by(self, batch: Batch) -> str:
        return owner_name(batch)

    @admin.display(description=_("items"))
    def counts(self, batch: Batch) -> str:
        return ", ".join(f"{name} {n}" for name, n in batch.progress().counts.items() if n)

    @admin.display(description=_("predictions"))
    def predictions(self, batch: Batch) -> SafeString:
        url = reverse("admin:classifier_prediction_changelist")
        return format_html('<a href="{}?batch__id__exact={}">{}</a>', url, batch.pk, _("show"))


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("name", "device", "model", "started_at", "last_seen_at")
    list_select_related = ("model",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Made by `manage.py create_token`. Revoking one keeps it in the list; deleting does not."""

    list_display = (
        "user",
        "name",
        "scopes",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("revoked_at", "expires_at")
    list_select_related = ("user",)
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke"), permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        ApiToken.objects.filter(pk__in=queryset.values("pk")).revoke()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("classifier.delete_apitoken"))


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "user", "enabled", "disabled_reason", "failing_since", "created_at")
    list_filter = ("enabled", "disabled_reason", "created_at")
    list_select_related = ("user",)
    search_fields = ("id", "url", "description", "user__username")
    exclude = ("secret", "previous_secret")
    actions = ("enable", "disable")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("classifier.change_webhookendpoint"))

    @admin.action(description=_("Enable"), permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        chosen = WebhookEndpoint.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("Changed: {n}").format(n=chosen.enable()))

    @admin.action(description=_("Disable"), permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        chosen = WebhookEndpoint.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("Changed: {n}").format(n=chosen.disable(Disabled.STAFF)))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "event",
        "endpoint",
        "status",
        "attempt",
        "last_status",
        "last_error",
        "next_attempt_at",
        "created_at",
    )
    list_filter = ("status", "event", "last_status", "created_at")
    list_select_related = ("endpoint",)
    list_per_page = 50
    search_fields = ("id", "endpoint__url", "endpoint__user__username")
    date_hierarchy = "created_at"
    exclude = ("fence",)
    actions = ("replay",)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("classifier.change_webhookdelivery"))

    @admin.action(description=_("Send again"), permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: WebhookDeliveryQuerySet) -> None:
        chosen = WebhookDelivery.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("To be sent again: {n}").format(n=chosen.replay()))


admin.site.login_form = AdminLoginForm
admin.site.unregister(User)
admin.site.unregister(Group)


class SuperusersOnly:
    """Whoever may change users or groups can make himself what he likes, so permissions given to
    other staff do not count here."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_view_permission = has_change_permission = has_delete_permission = has_permission
    has_add_permission = has_permission


@admin.register(Group)
class SuperusersGroupAdmin(SuperusersOnly, GroupAdmin):
    pass


@admin.register(User)
class ErasingUserAdmin(SuperusersOnly, UserAdmin):  # type: ignore[type-arg]  # not generic
    """Deleting a user deletes what is theirs, though nobody may delete that by itself."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        shown, counts, _perms_needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected
