"""A worker's life: TensorFlow and the model are loaded in the pool's child, and nowhere else."""

import ctypes
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from celery import signals
from django.conf import settings

from classifier.models import ModelVersion, Result
from ml.runtime import ModelError, Runtime
from worker.heartbeat import Heartbeat
from worker.watchdog import watchdog

logger = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # prctl(2)
NO_MODEL, NO_START = 78, 75  # exit status; EX_CONFIG and EX_TEMPFAIL of sysexits.h
BROKEN = 70  # EX_SOFTWARE


@dataclass(frozen=True)
class ServedModel:
    """A warm model, its row, and the name under which this process works."""

    runtime: Runtime
    version: ModelVersion

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

    def result(self, probabilities: np.ndarray) -> Result:
        """One image's (classes,) probabilities as what the database keeps."""
        best = int(probabilities.argmax())
        kept = [round(float(p), 6) for p in probabilities]
        label = self.runtime.classes[best]["id"]
        return Result(label=label, confidence=kept[best], probabilities=kept)


_model: ServedModel | None = None
_heartbeat: Heartbeat | None = None


def model() -> ServedModel:
    """The model that this process serves."""
    assert _model is not None, "the model is loaded before any task runs"
    return _model


@signals.worker_process_init.connect
def begin(**_kwargs: Any) -> None:
    """Load and warm up the model; only then does Celery hand this process its first bell."""
    _die_with_parent()
    global _model, _heartbeat
    try:
        _model = load()
    except ModelError as error:
        logger.critical("No model, no work: %s", error)
        os._exit(NO_MODEL)
    except Exception:
        # Celery would log any exception and carry on with a worker that has nothing to serve.
        logger.critical("The worker cannot start", exc_info=True)
        os._exit(NO_START)
    logger.info(
        "Serving %s (%s) on %s as %s",
        _model.runtime.id,
        _model.runtime.digest[:8],
        _model.runtime.device,
        _model.worker,
    )
    _heartbeat = Heartbeat(_model)
    _heartbeat.start()
    watchdog.start()


@signals.worker_process_shutdown.connect
def end(**_kwargs: Any) -> None:
    if _heartbeat:
        _heartbeat.stop()


def load() -> ServedModel:
    """Read the model that settings name, and register it."""
    runtime = Runtime.load(settings.MODEL_FOLDER)
    runtime.warm_up()
    manifest = runtime.manifest
    version = ModelVersion.objects.register(
        digest=runtime.digest,
        name=runtime.id,
        preprocessing=manifest.preprocessing,
        classes=manifest.classes,
        metrics=manifest.metrics,
    )
    return ServedModel(runtime, version)


def _die_with_parent() -> None:
    """Not outlive the Celery process, however that ends (Linux only; elsewhere a read fails)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
