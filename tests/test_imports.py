"""Who may import what, checked in fresh interpreters."""

import json
import subprocess
import sys

import pytest

HEAVY = {"ai_edge_litert", "tensorflow", "keras", "numpy", "matplotlib"}


def modules_after(code: str) -> set[str]:
    program = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(out.stdout.splitlines()[-1]))


@pytest.fixture(autouse=True)
def django_settings(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "classifier_site.settings")


def test_the_web_process_loads_neither_tensorflow_nor_keras_nor_numpy():
    loaded = modules_after(
        "from classifier_site.wsgi import application\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "from django.core.management import call_command; call_command('check')"
    )
    assert "classifier.views" in loaded and "classifier.api.predictions" in loaded
    assert not HEAVY & loaded
    assert not {name for name in loaded if name.split(".")[0] == "worker"}


def test_serving_a_page_loads_none_of_them_either():
    loaded = modules_after(
        "import django; django.setup()\n"
        "from django.test import RequestFactory\n"
        "from classifier.images import accept\n"
        "from tests import make\n"
        "accept(make.jpeg(600, 400))"
    )
    assert not HEAVY & loaded


def test_celery_s_parent_process_does_not_load_tensorflow():
    """TensorFlow does not survive a fork, so only the pool's child may import it."""
    loaded = modules_after(
        "from classifier_site.celery import app; app.loader.import_default_modules()\n"
        "import worker.tasks"
    )
    assert "numpy" in loaded
    assert not {"ai_edge_litert", "tensorflow", "keras"} & loaded


def test_the_jobs_process_loads_nothing_of_the_model():
    loaded = modules_after("import django; django.setup(); import jobs.tasks")
    assert not HEAVY & loaded


def test_a_decoder_process_loads_pillow_and_the_standard_library_only():
    loaded = modules_after("import classifier.decoding.child")
    roots = {name.split(".")[0] for name in loaded}
    assert "PIL" in roots
    assert not (HEAVY | {"django", "celery", "redis", "socket", "ssl"}) & roots


@pytest.mark.parametrize("module", ["ml.manifest"])
def test_the_manifest_needs_the_standard_library_only(module):
    loaded = modules_after(f"import {module}")
    assert not (HEAVY | {"PIL", "django", "celery"}) & loaded
