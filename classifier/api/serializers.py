"""What the API shows. Writes take one file, which classifier.images checks."""

from functools import cache
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from classifier.models import Image, ModelVersion, Prediction, Source, Status
from classifier.models.answer import StoredAnswer


class AskedSerializer(serializers.Serializer[Any]):
    """What may be asked for beside the picture."""

    top_k = serializers.IntegerField(
        min_value=1, max_value=100, default=3, help_text="How many labels the result lists."
    )
    model = serializers.CharField(
        default="stable",
        help_text="Id or name of the model that must serve, or the alias “stable”. Asked when the "
        "request is accepted.",
    )
    metadata = serializers.JSONField(
        required=False, help_text="A JSON object of at most 4,096 bytes, given back as it is."
    )


class UploadSerializer(AskedSerializer):
    """The multipart form of a new prediction."""

    image = serializers.FileField(help_text="One JPEG, at most 20 MB and 50 megapixels.")


class AskAgainSerializer(AskedSerializer):
    """A new prediction of a picture that was sent before."""

    image_id = serializers.UUIDField()


class ImageSerializer(serializers.ModelSerializer[Image]):
    bytes = serializers.IntegerField(source="byte_size")
    url = serializers.SerializerMethodField(help_text="The preview: at most 256 px, no metadata.")

    class Meta:
        model = Image
        fields = ("id", "name", "sha256", "width", "height", "bytes", "url")

    def get_url(self, image: Image) -> str:
        return reverse("image", args=[image.id])


class ModelSerializer(serializers.ModelSerializer[ModelVersion]):
    class Meta:
        model = ModelVersion
        fields = ("name", "digest", "preprocessing")


class RankedLabelSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # hides Field.label, unused here
    label_localized = serializers.CharField()
    confidence = serializers.FloatField(min_value=0, max_value=1)


class OffTopicSerializer(serializers.Serializer[Any]):
    score = serializers.FloatField(
        help_text="The higher, the less like any of the classes, among answers of one model."
    )
    flag = serializers.BooleanField(help_text="The picture probably shows none of the classes.")


class ResultSerializer(RankedLabelSerializer):
    top = RankedLabelSerializer(many=True)
    set = RankedLabelSerializer(
        many=True,
        allow_null=True,
        help_text="The labels among which the truth is in 95 of 100 cases. None for a model that "
        "was not measured for it.",
    )
    off_topic = OffTopicSerializer(allow_null=True, help_text="None for such a model.")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)
    code = serializers.CharField()
    instance = serializers.CharField(required=False)


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=1)
    worker = serializers.CharField(help_text="Host and process id.")
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(
        help_text="running, succeeded, failed, canceled, or lost: its worker fell silent."
    )
    error_code = serializers.CharField(help_text="Why it failed; empty where it did not.")


def result_of(prediction: Prediction | StoredAnswer) -> dict[str, Any] | None:
    """What was answered; None where nothing was, or where it is gone."""
    if not prediction.is_shown or prediction.gone_at:
        return None
    off_topic = {"score": prediction.off_topic_score, "flag": prediction.off_topic}
    return {
        "label": prediction.label,
        "label_localized": prediction.label_localized,
        "confidence": prediction.confidence,
        "top": prediction.top(),
        "set": prediction.conformal_set(),
        "off_topic": None if prediction.off_topic is None else off_topic,
    }


class CorrectionSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    label_before = serializers.CharField(help_text="What was answered first.")
    label_before_localized = serializers.CharField()


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    status = serializers.ChoiceField(Status.choices)
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]  # as above
    batch = serializers.UUIDField(source="batch_id", allow_null=True)
    custom_id = serializers.CharField(
        help_text="The item's name in its batch; empty outside of one."
    )
    metadata = serializers.DictField(allow_null=True)
    deleted_at = serializers.DateTimeField(source="gone_at", allow_null=True)
    restorable_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when a deletion can be undone; null where it cannot be."
    )
    image = ImageSerializer(allow_null=True, help_text="None once it was deleted.")
    model = ModelSerializer(allow_null=True, help_text="The model that answered.")
    result = serializers.SerializerMethodField()
    recalled = serializers.BooleanField(
        source="is_recalled",
        help_text="The version that answered was withdrawn, and the answer is being checked.",
    )
    corrected = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Prediction
        fields = (
            "id",
            "status",
            "created_at",
            "queued_at",
            "started_at",
            "finished_at",
            "deleted_at",
            "restorable_until",
            "attempt",
            "source",
            "batch",
            "custom_id",
            "metadata",
            "image",
            "model",
            "result",
            "recalled",
            "corrected",
            "error",
            "url",
        )

    def to_representation(self, prediction: Prediction) -> dict[str, Any]:
        """What is in the trash shows no more than what was erased."""
        body: dict[str, Any] = super().to_representation(prediction)
        return {**body, "image": None, "metadata": None} if prediction.gone_at else body

    @extend_schema_field(ResultSerializer(allow_null=True))
    def get_result(self, prediction: Prediction) -> dict[str, Any] | None:
        return result_of(prediction)

    @extend_schema_field(CorrectionSerializer(allow_null=True))
    def get_corrected(self, prediction: Prediction) -> dict[str, Any] | None:
        """None where the first answer stands."""
        if not prediction.corrected_at or not prediction.is_shown or prediction.gone_at:
            return None
        return {
            "at": prediction.corrected_at,
            "label_before": prediction.corrected_from,
            "label_before_localized": prediction.corrected_from_localized,
        }

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_error(self, prediction: Prediction) -> dict[str, Any] | None:
        return prediction.problem.as_dict() if prediction.problem else None

    def get_url(self, prediction: Prediction) -> str:
        return reverse("prediction", args=[prediction.id])


@cache
def _of_one() -> PredictionSerializer:
    return PredictionSerializer()


def representation(prediction: Prediction) -> dict[str, Any]:
    """One prediction as the API shows it. The serializer is made once: putting its fields together
    costs more than using them."""
    return _of_one().to_representation(prediction)
