"""A page names the modules that its script comes to import."""

import posixpath
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template import Context, Template

from classifier import script_modules

SOURCES = Path(__file__).parents[2] / "classifier" / "static"
SCRIPTS = ["classifier/kadr.js", "classifier/review.js", "classifier/live.js"]
# Any import, also in a form that script_modules.py does not know.
NAMED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*(["'`])(.+?)\1""")


def closure(script: str, seen: set[str]) -> set[str]:
    code = re.sub(r"(?m)^\s*//.*$", "", (SOURCES / script).read_text())
    for _quote, name in NAMED.findall(code):
        module = posixpath.normpath(posixpath.join(posixpath.dirname(script), name))
        if module not in seen:
            seen = closure(module, seen | {module})
    return seen


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_module_that_comes_to_be_imported_is_found_once(script):
    found = script_modules.imported_by(script)
    assert len(found) == len(set(found))
    assert set(found) == closure(script, set())


def test_the_page_s_own_imports_come_before_those_of_its_modules():
    found = script_modules.imported_by("classifier/kadr.js")
    assert found[0] == "classifier/page/card.js" and len(found) > 15
    assert found.index("classifier/page/wiring.js") < found.index("classifier/page/uploads.js")


def test_a_page_tells_a_browser_of_all_of_them_before_the_script():
    page = Template("{% load kadr %}{% module 'classifier/kadr.js' %}").render(Context())
    told = re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', page)
    assert told == script_modules.imported_by("classifier/kadr.js")
    assert page.endswith('<script type="module" src="/static/classifier/kadr.js"></script>')


def test_a_script_that_imports_nothing_stands_alone():
    page = Template("{% load kadr %}{% module 'classifier/snippets.js' %}").render(Context())
    assert page.strip() == '<script type="module" src="/static/classifier/snippets.js"></script>'


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    """A folder of scripts in the place of ours."""
    monkeypatch.setattr(finders, "find", lambda name: find(tmp_path / name))
    monkeypatch.setattr(script_modules, "imported_by", script_modules.imported_by.__wrapped__)
    return tmp_path


def find(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def test_modules_that_import_each_other_end(sources):
    (sources / "a.js").write_text('import "./b.js";\n')
    (sources / "b.js").write_text('import { a } from "./a.js";\nimport "./c.js";\n')
    (sources / "c.js").write_text("export const c = 1;\n")
    assert script_modules.imported_by("a.js") == ["b.js", "c.js"]


def test_a_module_that_is_not_there_is_named(sources):
    (sources / "a.js").write_text('import "./gone.js";\n')
    with pytest.raises(FileNotFoundError, match=r"gone\.js"):
        script_modules.imported_by("a.js")
