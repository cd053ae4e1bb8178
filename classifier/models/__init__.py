"""The data: images, the predictions asked for them, the models that made them, their workers,
and the webhooks that tell of them."""

from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owner
from classifier.models.prediction import Prediction, Result, Status
from classifier.models.token import ApiToken
from classifier.models.webhook import WebhookEndpoint
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.worker import Worker

__all__ = [
    "ApiToken",
    "Image",
    "ModelVersion",
    "Owner",
    "Prediction",
    "Result",
    "Status",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
]
