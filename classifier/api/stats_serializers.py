"""What GET /stats/accuracy looks like."""

from typing import Any

from rest_framework import serializers

STATES = ("ok", "nothing_drawn", "nothing_reviewed", "uneven")


def share(**options: Any) -> serializers.FloatField:
    return serializers.FloatField(min_value=0, max_value=1, **options)


class EstimateSerializer(serializers.Serializer[Any]):
    value = share()
    interval_95 = serializers.ListField(child=share(), min_length=2, max_length=2)
    n = serializers.IntegerField(help_text="Reviewed answers that it rests on.")
    effective_n = serializers.FloatField(
        help_text="As many answers drawn with equal chances would say as much."
    )


class AuditSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        STATES,
        help_text="`ok`, or why there is no estimate: `uneven` means that only the unsure answers "
        "of the audit were reviewed so far.",
    )
    drawn = serializers.IntegerField(help_text="Answers in the random audit.")
    reviewed = serializers.IntegerField()
    stands_for = serializers.IntegerField(help_text="Answers from which they were drawn, about.")
    complete = serializers.BooleanField(help_text="False where only the newest were looked at.")


class ModelAccuracySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    digest = serializers.CharField()
    accuracy = EstimateSerializer()


class ClassAccuracySerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # hides Field.label, unused here
    precision = EstimateSerializer(
        allow_null=True, help_text="How many of the answers that name it are right."
    )
    recall = EstimateSerializer(
        allow_null=True, help_text="How many of its pictures are named right."
    )


class PartSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    accuracy = EstimateSerializer(allow_null=True)


class ConfusionSerializer(serializers.Serializer[Any]):
    labels = serializers.ListField(
        child=serializers.CharField(allow_blank=True), help_text='"" is none of the classes.'
    )
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Reviewed answers: a row for each truth, a column for each answer.",
    )


class BinSerializer(serializers.Serializer[Any]):
    confidence = share(help_text="The mean of the answers in it.")
    share = share(help_text="Of all answers.")
    accuracy = EstimateSerializer()


class CalibrationSerializer(serializers.Serializer[Any]):
    error = share(allow_null=True, help_text="Expected calibration error.")
    bins = BinSerializer(many=True)


class AgreementSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="Images that two reviewers looked at.")
    observed = share()
    kappa = serializers.FloatField(allow_null=True, help_text="Cohen's.")
    interval_95 = serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, allow_null=True
    )


class AccuracySerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    model = serializers.CharField(allow_null=True, help_text="A digest; null for all models.")
    audit = AuditSerializer()
    accuracy = EstimateSerializer(
        allow_null=True, help_text="Pictures of none of the classes count as wrong."
    )
    accuracy_of_the_classes = EstimateSerializer(
        allow_null=True, help_text="On pictures that show one of the classes."
    )
    none_of_the_classes = EstimateSerializer(allow_null=True)
    models = ModelAccuracySerializer(many=True)
    classes = ClassAccuracySerializer(many=True)
    over_time = PartSerializer(many=True)
    confusion = ConfusionSerializer()
    calibration = CalibrationSerializer()
    agreement = AgreementSerializer(allow_null=True)
