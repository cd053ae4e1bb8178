"""Says every few seconds, in the database, that this worker lives and what it holds."""

import logging
import os
import threading
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from classifier.models import ModelActivation, ModelVersion, Trial, Worker
from worker import turn
from worker.tally import tally

if TYPE_CHECKING:
    from worker.process import ServedModel

logger = logging.getLogger(__name__)


class Heartbeat:
    def __init__(self, model: "ServedModel") -> None:
        self.model = model
        self.stopped = threading.Event()

    def start(self) -> None:
        self.beat()
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self.stopped.set()
        Worker.objects.filter(name=self.model.worker).delete()
        Trial.objects.free(self.model.worker)

    def beat(self) -> None:
        Worker.objects.beat(
            self.model.worker,
            host=self.model.host,
            device=self.model.runtime.device,
            engine=settings.ENGINE,
            model=self.model.version,
            **tally.fields(),
        )

    def _run(self) -> None:
        while not self.stopped.wait(settings.HEARTBEAT_SECONDS):
            try:
                close_old_connections()
                self.beat()
                self._make_way()
            except DatabaseError as error:
                logger.warning("The heartbeat was not written: %s", error)

    def _was_withdrawn(self) -> bool:
        """Since it was loaded; one that was loaded all the same is the last resort, and stays."""
        version = self.model.version
        withdrawn = ModelVersion.objects.withdrawn().filter(pk=version.pk)
        return version.recalled_at is None and withdrawn.exists()

    def _make_way(self) -> None:
        """End this process between two micro-batches if another model is to serve; Celery starts
        the next one, which loads it. What waits stays in its rows meanwhile."""
        if ModelActivation.objects.current_id() != self.model.activation:
            logger.info("Another model was activated: this process makes way for it")
        elif self._was_withdrawn():
            logger.info("The model was withdrawn: this process makes way for another")
        else:
            return
        turn.ending.set()
        with turn.micro_batch:
            try:
                self.stop()
            finally:  # without the database, too: a process that claims nothing any more must end
                os._exit(0)
