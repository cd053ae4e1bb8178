"""A worker's life: the model is loaded in the pool's child, and nowhere else."""

import gc
import logging
import os
import socket
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from celery import signals
from django.conf import settings

from classifier import installed_models
from classifier.models import ModelActivation, ModelVersion, Result
from ml.lifetime import end_with_parent
from ml.manifest import EngineError, ModelError
from ml.runtime import Runtime
from worker.heartbeat import Heartbeat
from worker.trials import Trials
from worker.watchdog import watchdog

logger = logging.getLogger(__name__)

NO_MODEL, NO_START = 78, 75  # exit status; EX_CONFIG and EX_TEMPFAIL of sysexits.h
BROKEN = 70  # EX_SOFTWARE


@dataclass(frozen=True)
class ServedModel:
    """A warm model, its row, and the name under which this process works."""

    runtime: Runtime
    version: ModelVersion
    activation: int | None = None  # the newest one when this model was loaded

    @cached_property
    def host(self) -> str:
        return socket.gethostname()

    @cached_property
    def worker(self) -> str:
        return f"{self.host}:{os.getpid()}"

    @property
    def input_size(self) -> int:
        return self.runtime.manifest.input_size

    def check(self) -> None:
        """End this process if even the golden inputs fail: the fault is here, not in a picture."""
        try:
            self.runtime.check_golden()
        except Exception:
            logger.critical("The model no longer answers; the worker ends", exc_info=True)
            os._exit(BROKEN)

    def result(self, probabilities: np.ndarray, off_topic_score: np.float32) -> Result:
        """One image's (classes,) probabilities and off-topic score as what the database keeps."""
        best = int(probabilities.argmax())
        kept = [round(float(p), 6) for p in probabilities]
        score = round(float(off_topic_score), 4)
        return Result(
            label=self.runtime.classes[best]["id"],
            confidence=kept[best],
            probabilities=kept,
            off_topic_score=score,
            off_topic=score > self.runtime.manifest.thresholds["off_topic"],
        )


_model: ServedModel | None = None
_heartbeat: Heartbeat | None = None
_trials: Trials | None = None


def model() -> ServedModel:
    """The model that this process serves."""
    assert _model is not None, "the model is loaded before any task runs"
    return _model


@signals.worker_process_init.connect
def begin(**_kwargs: Any) -> None:
    """Load and warm up the model; only then does Celery hand this process its first bell."""
    # Elsewhere than on Linux a read of its pipe fails.
    end_with_parent()
    try:
        _begin()
    except ModelError as error:
        logger.critical("No model, no work: %s", error)
        os._exit(NO_MODEL)
    except EngineError as error:
        logger.critical("The worker cannot start, and tries again: %s", error)
        os._exit(NO_START)
    except Exception:
        # Celery would log any exception and carry on with a worker that has nothing to serve.
        logger.critical("The worker cannot start", exc_info=True)
        os._exit(NO_START)


def _begin() -> None:
    global _model, _heartbeat, _trials
    _model = load()
    logger.info(
        "Serving %s (%s) on %s as %s",
        _model.runtime.id,
        _model.runtime.digest[:8],
        _model.runtime.device,
        _model.worker,
    )
    # It stays for good, so let no collection look at it again.
    gc.collect()
    gc.freeze()
    _heartbeat = Heartbeat(_model)
    _heartbeat.start()
    _trials = Trials(_model.worker)
    _trials.start()
    watchdog.start()


@signals.worker_process_shutdown.connect
def end(**_kwargs: Any) -> None:
    if _trials:
        _trials.stop()
    if _heartbeat:
        _heartbeat.stop()


def load() -> ServedModel:
    """Read the active model, or the newest before it that can be loaded, and register it."""
    activation = ModelActivation.objects.current_id()
    runtime = _first_that_works()
    manifest = runtime.manifest
    version = ModelVersion.objects.register(
        digest=runtime.digest,
        name=runtime.id,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        metrics=manifest.metrics,
        thresholds=manifest.thresholds,
    )
    return ServedModel(runtime, version, activation)


def _first_that_works() -> Runtime:
    """Raises ModelError with the active model's fault where none works, EngineError where the
    engine failed."""
    fault: ModelError | None = None
    for folder, digest in installed_models.in_turn():
        try:
            runtime = Runtime.load(folder, settings.ENGINE)
            if digest and runtime.digest != digest:
                raise ModelError(f"{folder} is not the version that was activated")
            runtime.warm_up()
        except ModelError as error:
            logger.critical("%s; trying the model before it", error)
            fault = fault or error
        else:
            return runtime
    assert fault is not None, "there is always one model to try"
    raise fault
