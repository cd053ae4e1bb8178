"""The data: images, the predictions asked for them, the models that made them, their workers,
what people said of the answers, how candidates would have answered, and the webhooks that tell."""

from classifier.models.attempt import Attempt
from classifier.models.batch import Batch, BatchStatus
from classifier.models.correction import Correction
from classifier.models.export import Export
from classifier.models.idempotency import IdempotencyKey
from classifier.models.image import Image
from classifier.models.model_activation import ModelActivation
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owner
from classifier.models.prediction import Prediction, Source
from classifier.models.prediction_queue import Result
from classifier.models.recall import Recall
from classifier.models.review import Review, Verdict
from classifier.models.review_task import ReviewLock, ReviewTask, Stream
from classifier.models.status import Status
from classifier.models.token import ApiToken, Scope
from classifier.models.trial import Trial
from classifier.models.trial_answer import TrialAnswer
from classifier.models.webhook import WebhookEndpoint
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.work_queue import WorkQueue
from classifier.models.worker import Worker

__all__ = [
    "ApiToken",
    "Attempt",
    "Batch",
    "BatchStatus",
    "Correction",
    "Export",
    "IdempotencyKey",
    "Image",
    "ModelActivation",
    "ModelVersion",
    "Owner",
    "Prediction",
    "Recall",
    "Result",
    "Review",
    "ReviewLock",
    "ReviewTask",
    "Scope",
    "Source",
    "Status",
    "Stream",
    "Trial",
    "TrialAnswer",
    "Verdict",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkQueue",
    "Worker",
]
