"""What the review page's script asks for. Staff in a browser only: no public API."""

from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from django.urls import reverse
from rest_framework import serializers
from rest_framework.parsers import BaseParser, FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier.api.authentication import VisitorAuthentication
from classifier.models import Prediction, Review, ReviewLock, Stream
from classifier.models.review import Word
from classifier.models.review_task import PAGE_LENGTH
from classifier.review.deal import deal
from classifier.review.orders import ORDERS

MOST = 100  # images a request


class PageSerializer(serializers.Serializer[Any]):
    """What every question of the page has."""

    page = serializers.CharField(max_length=PAGE_LENGTH, allow_blank=True, default="")


class DealSerializer(PageSerializer):
    order = serializers.ChoiceField(list(ORDERS))
    n = serializers.IntegerField(min_value=1, max_value=MOST)
    have = serializers.ListField(child=serializers.UUIDField(), max_length=3 * MOST)


class WordSerializer(serializers.Serializer[Any]):
    prediction = serializers.UUIDField()
    label = serializers.CharField(  # type: ignore[assignment]  # hides Field.label, unused here
        max_length=100, allow_blank=True, default=""
    )
    skip = serializers.BooleanField(default=False)


class WordsSerializer(PageSerializer):
    words = serializers.ListField(child=WordSerializer(), allow_empty=False, max_length=MOST)


class WithdrawSerializer(PageSerializer):
    reviews = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=MOST
    )


class ReleaseSerializer(PageSerializer):
    images = serializers.ListField(child=serializers.UUIDField(), max_length=3 * MOST)


class ReviewerView(APIView):
    authentication_classes = (VisitorAuthentication,)
    permission_classes = (IsAdminUser,)
    throttle_classes = ()
    parser_classes: tuple[type[BaseParser], ...] = (JSONParser,)
    schema = None

    @property
    def reviewer(self) -> User:
        assert isinstance(self.request.user, User), "the permission lets nobody else in"
        return self.request.user

    def given(self, request: Request, serializer: type[serializers.Serializer[Any]]) -> Any:
        asked = serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data


class Deal(ReviewerView):
    def post(self, request: Request) -> Response:
        """The next images to look at, and the classes of the models that answered."""
        given = self.given(request, DealSerializer)
        rows = deal(self.reviewer, given["order"], given["n"], given["have"], given["page"])
        ReviewLock.objects.hold_on(self.reviewer, given["page"])
        models = {row.model.pk: row.model for row in rows if row.model}
        return Response(
            {
                "items": [item(row) for row in rows],
                "models": {
                    pk: [{"id": c["id"], "name": model.label_name(c["id"])} for c in model.classes]
                    for pk, model in models.items()
                },
            }
        )


class Words(ReviewerView):
    def post(self, request: Request) -> Response:
        """Write down verdicts. The reply has a review's number for each, null where the answer is
        gone or has changed so that it cannot be said of it."""
        given = self.given(request, WordsSerializer)
        words = [Word(**word) for word in given["words"]]
        said = Review.objects.say(self.reviewer, words)
        ReviewLock.objects.hold_on(self.reviewer, given["page"])
        numbers = [said[word.prediction].pk if word.prediction in said else None for word in words]
        return Response({"reviews": numbers})


class Withdraw(ReviewerView):
    def post(self, request: Request) -> Response:
        """Take one's verdicts back. Their images are the page's again."""
        given = self.given(request, WithdrawSerializer)
        found = Review.objects.withdraw(self.reviewer, given["reviews"])
        images = {review.image_id for review in found}
        ReviewLock.objects.take(self.reviewer, images, given["page"])
        return Response({"withdrawn": [review.pk for review in found]})


class Release(ReviewerView):
    parser_classes = (FormParser, MultiPartParser)  # a beacon, which cannot send headers

    def post(self, request: Request) -> Response:
        """The page is left: what was dealt to it and not decided is free for others."""
        assert isinstance(request.data, QueryDict), "both parsers make one"
        images, page = request.data.getlist("images"), request.data.get("page", "")
        given = ReleaseSerializer(data={"images": images, "page": page})
        given.is_valid(raise_exception=True)
        ReviewLock.objects.free(self.reviewer, **given.validated_data)
        return Response(status=204)


def item(row: Prediction) -> dict[str, Any]:
    """An answer as the page shows it."""
    assert row.image is not None, "what is dealt has a picture"
    return {
        "id": row.pk,
        "image": row.image.pk,
        "src": reverse("image", args=[row.image.pk]),
        "url": reverse("prediction", args=[row.pk]),
        "file": row.image.name,
        "model": row.model_id,
        "label": row.label,
        "name": row.label_localized,
        "confidence": row.confidence,
        "top": row.top(3),
        "off_topic": bool(row.off_topic),
        "proposals": proposals(row),
    }


def proposals(row: Prediction) -> list[dict[str, str]]:
    """What others take it for: its owner, another model. "" is none of the classes."""
    assert row.model is not None, "what was answered was answered by a model"
    return [
        {"stream": task.stream, "name": row.model.label_name(task.proposed)}
        for task in row.review_tasks.all()
        if task.stream != Stream.AUDIT
    ]
