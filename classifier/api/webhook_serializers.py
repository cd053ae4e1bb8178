"""What the API shows of webhooks. The secret appears at creation and rotation only."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from classifier.models import WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import SUBSCRIBABLE, Disabled
from classifier.models.webhook_delivery import DeliveryStatus
from classifier.webhooks import address


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    url = serializers.CharField(
        max_length=2000, help_text="https:// and a host with public addresses only."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(SUBSCRIBABLE),
        required=False,
        help_text="Empty means all of them, those to come included.",
    )
    enabled = serializers.BooleanField(
        required=False, help_text="While false, nothing is sent and no event is noted."
    )
    disabled_reason = serializers.ChoiceField(Disabled.choices, read_only=True, allow_blank=True)
    failing_since = serializers.DateTimeField(
        read_only=True,
        allow_null=True,
        help_text="When the failures began that no delivery has ended yet.",
    )
    warning = serializers.SerializerMethodField(help_text="A sentence, after days of failures.")

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id",
            "url",
            "description",
            "events",
            "enabled",
            "disabled_reason",
            "failing_since",
            "warning",
            "created_at",
        )

    def get_warning(self, endpoint: WebhookEndpoint) -> str:
        if not endpoint.fails_for_long:
            return ""
        return _("Nothing has been delivered for five days. Check the receiver and the address.")

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        # Last, because it looks a name up. A PATCH that leaves the address alone is not refused
        # because of it.
        url = fields.get("url")
        if url and not (self.instance and self.instance.url == url):
            address.resolve(url)
        return fields

    def validate_events(self, events: list[str]) -> list[str]:
        return list(dict.fromkeys(events))

    def update(self, endpoint: WebhookEndpoint, fields: dict[str, Any]) -> WebhookEndpoint:
        """Writes what was sent and nothing else: the secret may be rotated meanwhile."""
        enabled = fields.pop("enabled", None)
        rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
        if fields:
            rows.update(**fields)
        if enabled is not None:
            rows.enable() if enabled else rows.disable(Disabled.OWNER)
        endpoint.refresh_from_db()
        return endpoint


class NewWebhookEndpointSerializer(WebhookEndpointSerializer):
    """With the secret, which is shown here and never again."""

    secret = serializers.CharField(read_only=True, help_text="whsec_ and base64; keep it.")

    class Meta(WebhookEndpointSerializer.Meta):
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")

    def create(self, fields: dict[str, Any]) -> WebhookEndpoint:
        if not fields.pop("enabled", True):
            fields |= {"enabled": False, "disabled_reason": Disabled.OWNER}
        return WebhookEndpoint.objects.register(**fields)


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(read_only=True, help_text="The new one; shown once.")
    previous_secret_until = serializers.DateTimeField(
        read_only=True, help_text="Until then the former secret signs as well."
    )


class SendingAttemptSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="null: there was no answer.")
    error = serializers.CharField(help_text="Empty: delivered.")
    ms = serializers.IntegerField()


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    id = serializers.UUIDField(read_only=True, help_text="The header webhook-id.")
    status = serializers.ChoiceField(DeliveryStatus.choices)
    log = SendingAttemptSerializer(many=True, help_text="The last ten attempts.")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "event",
            "status",
            "attempt",
            "next_attempt_at",
            "last_status",
            "last_error",
            "created_at",
            "delivered_at",
            "payload",
            "log",
        )
