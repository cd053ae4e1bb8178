"""gunicorn's settings. `Prefer: wait` holds a thread, hence so many of them."""

worker_class = "gthread"
workers = 2
threads = 16
timeout = 60
graceful_timeout = 10
keepalive = 5
accesslog = None
control_socket_disable = True
limit_request_line = 8190  # a poll for a hundred ids takes half of that
