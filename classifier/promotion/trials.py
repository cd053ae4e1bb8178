"""Trials as they begin, and which pictures a gate is about."""

import random
import uuid

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from classifier import installed_models
from classifier.installed_models import Installed
from classifier.models import Prediction, Review, Status, Trial, TrialAnswer
from classifier.models.review import ReviewQuerySet
from classifier.models.trial import TrialKind, TrialStatus
from classifier.promotion.refused import Refused

SAMPLED_FROM = 10  # times as many of the newest answers as are taken
CHUNK = 1000


def candidate(name: str) -> Installed:
    """An installed model that does not serve. Raises Refused."""
    found = installed_models.find(name)
    if found is None:
        known = ", ".join(each.name for each in installed_models.installed())
        raise Refused(
            _("No model “{name}” here; installed: {known}").format(name=name, known=known)
        )
    if found.manifest is None:
        raise Refused(f"{found.name}: {found.fault}")
    if installed_models.serves(found.digest):
        raise Refused(_("{name} is the model that serves.").format(name=found.name))
    return found


def serving_model() -> Installed:
    return installed_models.read(installed_models.active())


def begin_gate(name: str, user: User | None = None, sample: int | None = None) -> Trial:
    """Try a candidate against the model that serves; the open trial of the same two is gone on
    with. Raises Refused."""
    serving = serving_model()
    if serving.manifest is None:
        raise Refused(f"{serving.name}: {serving.fault}")
    against = {"active_folder": serving.name, "active_digest": serving.digest}
    found = candidate(name)
    _refuse_hidden(serving)
    return _begin(
        found,
        kind=TrialKind.GATE,
        user=user,
        sample=_sample(sample),
        active_name=serving.manifest.id,
        **against,
    )


def _refuse_hidden(serving: Installed) -> None:
    """By its name workers would find another one, and could never compare the two."""
    found = installed_models.find(serving.name)
    if found is None or found.digest != serving.digest:
        text = _(
            "{name} serves, and another folder of that name hides it, so nothing can be compared "
            "with it. Give the new model a name of its own (--name)."
        )
        raise Refused(text.format(name=serving.name))


def _sample(asked: int | None) -> int:
    sample: int = settings.GATE_SAMPLE if asked is None else asked
    if not 0 <= sample <= settings.GATE_SAMPLE_MOST:
        text = _("The number of recent pictures is one from 0 to {most}.")
        raise Refused(text.format(most=f"{settings.GATE_SAMPLE_MOST:,}"))
    return sample


def begin_shadow(name: str, share: float, user: User | None = None) -> Trial:
    """Let a candidate answer a share of what comes, unseen. Raises Refused."""
    if not 0 < share <= 1:
        raise Refused(_("The share is a number above 0, and at most 1."))
    now = {"status": TrialStatus.RUNNING, "prepared_at": timezone.now()}
    return _begin(candidate(name), kind=TrialKind.SHADOW, share=share, user=user, **now)


def _begin(found: Installed, **fields: object) -> Trial:
    assert found.manifest is not None, "a candidate has one"
    about = {"folder": found.name, "digest": found.digest, "name": found.manifest.id}
    try:
        with transaction.atomic():
            return Trial.objects.create(**about, **fields)
    except IntegrityError:
        if not Trial.objects.open().filter(kind=fields["kind"]).exists():
            raise  # it is no other one's fault
        return _open_one(found, **fields)


def _open_one(found: Installed, **fields: object) -> Trial:
    same = {name: fields[name] for name in ("kind", "share", "active_digest") if name in fields}
    open_trial = Trial.objects.open().filter(digest=found.digest, **same).first()
    if open_trial is None:
        raise Refused(_("Another candidate is being tried. Cancel that, or wait for its end."))
    return open_trial


def prepare(trial: Trial) -> None:
    """Choose a gate's pictures: every reviewed one, and a random part of the newest. Once chosen
    they stay, whoever goes on with it."""
    recent = set(_recent(trial))
    reviewed = set(_reviewed().values_list("prediction", flat=True)) - recent
    rows = [TrialAnswer(trial=trial, prediction_id=pk, recent=True) for pk in sorted(recent)]
    rows += [TrialAnswer(trial=trial, prediction_id=pk, recent=False) for pk in sorted(reviewed)]
    with transaction.atomic():
        TrialAnswer.objects.bulk_create(rows, ignore_conflicts=True, batch_size=CHUNK)
        Trial.objects.filter(pk=trial.pk).update(prepared_at=timezone.now())
    trial.prepared_at = timezone.now()


def _reviewed() -> ReviewQuerySet:
    seen = Q(image__trashed_at=None, image__quarantined_at=None)
    return Review.objects.current().filter(seen)


def _recent(trial: Trial) -> list[uuid.UUID]:
    sample = trial.sample or 0
    rows = Prediction.objects.kept().filter(status=Status.SUCCEEDED, image__quarantined_at=None)
    newest = rows.order_by("-created_at", "-pk").values_list("pk", flat=True)
    pool = list(newest[: sample * SAMPLED_FROM])
    # By the trial's id, so that who begins again draws the same.
    return random.Random(trial.pk.int).sample(pool, min(sample, len(pool)))  # noqa: S311
