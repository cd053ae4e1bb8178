"""The installed models: which serves, and everything that was measured of each."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier import installed_models, model_views
from classifier.api.schema import problems
from ml.manifest import OFF_TOPIC_SCORES


class NamedModelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The folder's name; GET /models/NAME has its card.")
    id = serializers.CharField()
    digest = serializers.CharField()
    metrics = serializers.DictField(help_text="The chief figures; the card has all of them.")


class InstalledModelSerializer(NamedModelSerializer):
    active = serializers.BooleanField(help_text="Whether it answers now.")
    labels = serializers.ListField(child=serializers.CharField())


class ModelCardSerializer(NamedModelSerializer):
    architecture = serializers.CharField()
    classes = serializers.ListField(child=serializers.DictField())
    input_size = serializers.IntegerField(help_text="Pixels a side.")
    preprocessing = serializers.CharField()
    calibration = serializers.DictField(child=serializers.FloatField())
    thresholds = serializers.DictField(child=serializers.FloatField())
    off_topic_score = serializers.ChoiceField(
        choices=OFF_TOPIC_SCORES,
        help_text="What tells pictures of other things: the energy of the logits, or the residual "
        "of the features.",
    )
    weights_sha256 = serializers.CharField()
    data_sha256 = serializers.CharField()
    recipe = serializers.DictField()
    libraries = serializers.DictField(child=serializers.CharField())
    created = serializers.CharField(help_text="RFC 3339.")
    limits = serializers.DictField(
        help_text="Where its figures are worst: hardest_class and hardest_recall, jpeg_loss (of "
        "the share of right answers, as JPEG at quality 75), least_noticed_kind of other pictures "
        "and least_noticed, the share of them. Empty where it was not measured."
    )
    card = serializers.DictField(
        help_text="Layers, history, and by split: accuracy with its 95 % interval, also as JPEG, "
        "per class, confusion, reliability, prediction sets, off-topic score, speed."
    )


class ModelList(APIView):
    @extend_schema(
        operation_id="v1_models_list",
        responses={200: InstalledModelSerializer(many=True), **problems(401, 403, 406, 429)},
    )
    def get(self, request: Request) -> Response:
        """The models installed where the web process runs."""
        serving = installed_models.active()
        usable = [m for m in installed_models.installed() if m.manifest]
        return Response([_row(m, m.folder == serving) for m in usable])


class ModelDetail(APIView):
    @extend_schema(
        operation_id="v1_models_retrieve",
        responses={200: ModelCardSerializer, **problems(401, 403, 404, 406, 429)},
    )
    def get(self, request: Request, name: str) -> Response:
        """A model's card: all that is known and was measured of it."""
        return Response(model_views.find(name).as_dict())


def _row(model: installed_models.Installed, serves: bool) -> dict[str, Any]:
    described = model.manifest
    assert described is not None, "only models that can be read are listed"
    return {
        "name": model.name,
        "id": described.id,
        "digest": described.digest,
        "active": serves,
        "labels": [c["id"] for c in described.classes],
        "metrics": described.metrics,
    }
