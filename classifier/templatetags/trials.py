"""The names of classes on a trial's page, whose figures and answers have their ids."""

from django import template

from classifier.models import ModelVersion, Trial
from classifier.promotion.report_page import model_of

register = template.Library()


@register.simple_tag
def naming_model(trial: Trial) -> ModelVersion:
    return model_of(trial)


@register.filter
def named(label: str, model: ModelVersion) -> str:
    return model.label_name(label)
