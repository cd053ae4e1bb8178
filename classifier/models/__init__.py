"""The data: images, the predictions asked for them, the models that made them, their workers."""

from classifier.models.image import Image
from classifier.models.model_version import ModelVersion
from classifier.models.owner import Owner
from classifier.models.prediction import Prediction, Result, Status
from classifier.models.token import ApiToken
from classifier.models.worker import Worker

__all__ = [
    "ApiToken",
    "Image",
    "ModelVersion",
    "Owner",
    "Prediction",
    "Result",
    "Status",
    "Worker",
]
