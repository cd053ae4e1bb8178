"""What the API shows of a batch, and takes for a new one."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from classifier.models import Batch, BatchStatus


class BatchUploadSerializer(serializers.Serializer[Any]):
    """The multipart form of a new batch: `image` several times, or `archive` once."""

    image = serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text="Up to 1,000 JPEGs. A file's name becomes the item's custom_id.",
    )
    custom_id = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="A name for each image, in their order, instead of the files' names.",
    )
    archive = serializers.FileField(
        required=False, help_text="One ZIP or tar of up to 100,000 JPEGs."
    )
    top_k = serializers.IntegerField(min_value=1, max_value=100, default=3)
    model = serializers.CharField(default="stable")
    metadata = serializers.JSONField(required=False)


class CountsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="The sum of the others.")
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Items that were refused are among these.")
    canceled = serializers.IntegerField()
    expired = serializers.IntegerField()


class BatchSerializer(serializers.ModelSerializer[Batch]):
    status = serializers.SerializerMethodField()
    outcome = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    queued_at = serializers.DateTimeField(source="sealed_at", allow_null=True)
    running_at = serializers.SerializerMethodField()
    canceling_at = serializers.DateTimeField(source="cancel_requested_at", allow_null=True)
    completed_at = serializers.SerializerMethodField()
    canceled_at = serializers.SerializerMethodField()
    estimated_finish_at = serializers.SerializerMethodField()
    metadata = serializers.DictField(allow_null=True)
    url = serializers.SerializerMethodField()
    items_url = serializers.SerializerMethodField()
    results_url = serializers.SerializerMethodField()

    class Meta:
        model = Batch
        fields = (
            "id",
            "status",
            "outcome",
            "counts",
            "created_at",
            "queued_at",
            "running_at",
            "canceling_at",
            "completed_at",
            "canceled_at",
            "estimated_finish_at",
            "metadata",
            "url",
            "items_url",
            "results_url",
        )

    def to_representation(self, batch: Batch) -> dict[str, Any]:
        self.progress = batch.progress()
        self.now = batch.status_with(self.progress)
        return super().to_representation(batch)

    @extend_schema_field(serializers.ChoiceField(BatchStatus.choices))
    def get_status(self, batch: Batch) -> str:
        return self.now.value

    @extend_schema_field(
        serializers.ChoiceField(["all_succeeded", "partial", "none_succeeded"], allow_null=True)
    )
    def get_outcome(self, batch: Batch) -> str | None:
        return self.progress.outcome if self._is_over else None

    @property
    def _is_over(self) -> bool:
        return self.now in (BatchStatus.COMPLETED, BatchStatus.CANCELED)

    @extend_schema_field(CountsSerializer)
    def get_counts(self, batch: Batch) -> dict[str, int]:
        return self.progress.counts

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_running_at(self, batch: Batch) -> Any:
        return self.progress.started_at

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_completed_at(self, batch: Batch) -> Any:
        return batch.finished_at if self.now == BatchStatus.COMPLETED else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_canceled_at(self, batch: Batch) -> Any:
        return batch.finished_at if self.now == BatchStatus.CANCELED else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_estimated_finish_at(self, batch: Batch) -> Any:
        return self.progress.estimated_finish_at

    def get_url(self, batch: Batch) -> str:
        return reverse("api-batch", args=[batch.id])

    def get_items_url(self, batch: Batch) -> str:
        return reverse("api-batch-items", args=[batch.id])

    def get_results_url(self, batch: Batch) -> str:
        return reverse("api-batch-results", args=[batch.id])
