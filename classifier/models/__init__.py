"""The data: images, the predictions asked for them, the models that made them, their workers,
what people said of the answers, and the webhooks that tell of them."""

from classifier.models.attempt import Attempt
from classifier.models.batch import Batch, BatchStatus
from classifier.models.export import Export
from classifier.models.idempotency import IdempotencyKey
from classifier.models.image import Image
from classifier.models.model_activation import ModelActivation
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owner
from classifier.models.prediction import Prediction, Source
from classifier.models.prediction_queue import Result
from classifier.models.review import Review, Verdict
from classifier.models.review_task import ReviewLock, ReviewTask, Stream
from classifier.models.status import Status
from classifier.models.token import ApiToken, Scope
from classifier.models.webhook import WebhookEndpoint
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.worker import Worker

__all__ = [
    "ApiToken",
    "Attempt",
    "Batch",
    "BatchStatus",
    "Export",
    "IdempotencyKey",
    "Image",
    "ModelActivation",
    "ModelVersion",
    "Owner",
    "Prediction",
    "Result",
    "Review",
    "ReviewLock",
    "ReviewTask",
    "Scope",
    "Source",
    "Status",
    "Stream",
    "Verdict",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
]
