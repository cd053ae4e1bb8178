"""Who may come in: users, groups, tokens."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from classifier import user_deletion
from classifier.admin.read_only import ReadOnlyAdmin
from classifier.login import AdminLoginForm
from classifier.models import ApiToken


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
        if told := _too_much(objs):  # before all that goes is gathered, which would take as long
            return [str(user) for user in objs], {}, set(), told
        shown, counts, _perms_needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected


def _too_much(users: Iterable[User]) -> list[str]:
    """Why these are not deleted at once, and what to do first, of each that has pictures; nothing
    where they may be."""
    sizes = {user: user_deletion.size_of(user) for user in users}
    if sum(sizes.values()) <= user_deletion.MOST:
        return []
    text = gettext(
        "{name} has {n} pictures or answers. More than {most} at once are not deleted here, which "
        "would take too long. Run this first: python manage.py purge --user {name}"
    )
    most = f"{user_deletion.MOST:,}"
    return [text.format(name=u.username, n=f"{n:,}", most=most) for u, n in sizes.items() if n]
