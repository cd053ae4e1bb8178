"""Environments for what is compared with: made once, and made anew where something has changed."""

import json
import subprocess
import sys
from importlib.metadata import packages_distributions, version

import pytest

from benchmarks import venvs


@pytest.fixture
def requirements(tmp_path, monkeypatch):
    """Nothing to download."""
    monkeypatch.setattr(venvs, "ours", lambda shared: [])
    file = tmp_path / "requirements.txt"
    file.write_text("# nothing\n")
    return file


def test_it_is_made_once_and_anew_when_the_requirements_change(tmp_path, requirements):
    folder = tmp_path / "venv"
    interpreter = venvs.python(folder, requirements)
    command = [interpreter, "-c", "import sys; print(sys.prefix)"]
    assert subprocess.check_output(command, text=True).strip() == str(folder)
    (folder / "mine").touch()
    assert venvs.python(folder, requirements) == interpreter
    assert (folder / "mine").exists()
    requirements.write_text("./no-such-folder\n")
    with pytest.raises(subprocess.CalledProcessError):
        venvs.python(folder, requirements)
    assert not (folder / "mine").exists()
    assert not (folder / "installed.txt").exists()  # so the next call begins anew


def test_the_network_s_libraries_are_those_of_the_project():
    assert f"keras=={version('keras')}" in venvs.ours()
    assert any(line.startswith("tensorflow") for line in venvs.ours())


def test_all_that_the_serving_path_imports_is_among_them():
    program = "import json, sys, ml.preprocess, ml.runtime; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))
    packages = packages_distributions()
    named = [name for name in loaded if name in packages and not name.startswith("_")]
    imported = {packages[name][0].lower() for name in named}
    assert {"numpy", "simplejpeg"} <= imported <= set(venvs.SHARED)
