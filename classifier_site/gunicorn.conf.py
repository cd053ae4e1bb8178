"""gunicorn's settings. `Prefer: wait` holds a thread, hence so many of them."""

worker_class = "classifier_site.gunicorn_worker.PatientThreadWorker"
workers = 2
threads = 16
timeout = 60  # of a worker whose loop stands still; what clients may take is in gunicorn_worker.py
graceful_timeout = 10
keepalive = 5
accesslog = None
control_socket_disable = True
limit_request_line = 8190  # a poll for a hundred ids takes half of that
limit_request_fields = 100
limit_request_field_size = 8190  # more than either is answered with 431
