"""gunicorn's settings. `Prefer: wait` holds a thread, hence so many of them."""

import gc
from typing import Any

worker_class = "classifier_site.gunicorn_worker.PatientThreadWorker"
workers = 2
threads = 16
# At once; more wait in line. Many systems let a process open 1,024 files; one that runs out ends.
worker_connections = 500
timeout = 60  # of a worker whose loop stands still; what clients may take is in gunicorn_worker.py
graceful_timeout = 10
keepalive = 5
accesslog = None
control_socket_disable = True
limit_request_line = 8190  # a poll for a hundred ids takes half of that
limit_request_fields = 100
limit_request_field_size = 8190  # more than either is answered with 431


def post_worker_init(_worker: Any) -> None:
    """What is loaded stays for good, so let no collection look at it again: those that a page of
    a thousand rows sets off took a quarter of the time that the rows did."""
    gc.collect()
    gc.freeze()
