"""The one place where another model comes to serve; each time leaves a row that says who and
why."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from classifier import installed_models
from classifier.installed_models import Installed
from classifier.models import ModelActivation, ModelVersion, Recall, Trial
from classifier.models.model_activation import REASON
from classifier.models.trial import MEASURED, TrialStatus
from classifier.promotion.refused import Refused
from ml import manifest


def activate(found: Installed, reason: str = "", **fields: Any) -> ModelActivation:
    """Let an installed model serve from now on. A version that was withdrawn is trusted again, and
    its recall stopped: nobody else would check its answers."""
    assert found.manifest is not None, "what cannot be read is not activated"
    about = {"folder": found.name, "digest": found.digest, "name": found.manifest.id}
    with transaction.atomic():
        ModelVersion.objects.filter(digest=found.digest).update(recalled_at=None)
        Recall.objects.filter(model__digest=found.digest).stop()
        Trial.objects.shadows().filter(digest=found.digest).cancel()
        return ModelActivation.objects.create(**about, reason=reason[:REASON], **fields)


def promote(trial: Trial, user: User | None = None, force: str = "", reason: str = "") -> Any:
    """Let the candidate of a gate serve. Past a limit only with a reason, which is kept. Raises
    Refused."""
    if trial.status not in MEASURED:
        raise Refused(_("This trial has no verdict."))
    forced = trial.status == TrialStatus.REFUSED
    if forced and not force.strip():
        raise Refused(_("It is past a limit: say why it is to serve all the same."))
    if not installed_models.serves(trial.active_digest):
        raise Refused(_("Another model serves since it was tried: try it against that one."))
    found = installed_models.with_digest(trial.digest)
    if found is None:
        raise Refused(_("The candidate is no longer installed as it was tried."))
    told = force.strip() if forced else reason.strip()
    return activate(found, told, user=user, trial=trial, forced=forced)


def way_back() -> Installed | None:
    """The model that served before the one that serves, as it is installed; None where there is no
    such thing any more, or only what was withdrawn."""
    current = ModelActivation.objects.newest_first().first()
    if current is None:
        return None
    former = ModelActivation.objects.all().before_current()
    found = installed_models.with_digest(former.digest) if former else _shipped()
    return found if found and found.digest not in ("", current.digest) else None


def _shipped() -> Installed | None:
    """What served before there was any activation, unless it was withdrawn."""
    found = installed_models.read(settings.MODEL_FOLDER)
    withdrawn = ModelVersion.objects.withdrawn().filter(digest=found.digest)
    return None if withdrawn.exists() else found


def back(user: User | None = None, reason: str = "") -> ModelActivation:
    """Let the model serve again that did before. It has served, so it is not tried anew; that its
    weights are what they were is checked where they lie on this machine, and by each worker that
    loads them. Raises Refused."""
    found = way_back()
    if found is None or found.manifest is None:
        raise Refused(_("There is no model to go back to, or it is no longer installed."))
    try:
        if (found.folder / manifest.WEIGHTS).exists():  # not in the web process's container
            manifest.verify(found.folder, found.manifest)
    except manifest.ManifestError as error:
        raise Refused(str(error)) from error
    current = ModelActivation.objects.newest_first()[0].name
    told = reason.strip() or _("back from {name}").format(name=current)
    return activate(found, told, user=user)
