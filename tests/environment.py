"""Loaded before Django's settings are: gives the tests a data folder of their own."""

import atexit
import os
import shutil
import tempfile

data = tempfile.mkdtemp(prefix="kadr-tests-")
atexit.register(shutil.rmtree, data, ignore_errors=True)
os.environ["KADR_DATA"] = data
os.environ.setdefault("KADR_HOSTS", "localhost,127.0.0.1,testserver")
for name in ("REDIS_URL", "PORT", "KADR_MODEL", "KADR_SECRET_KEY"):
    os.environ.pop(name, None)
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
