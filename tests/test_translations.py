"""The Ukrainian is complete and compiled, without gettext's tools."""

import ast
import re
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parent.parent
PO = ROOT / "locale" / "uk" / "LC_MESSAGES" / "django.po"
MARKS = {"_", "gettext", "gettext_lazy"}
FIELD = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(PO))


def test_every_sentence_is_translated(catalogue):
    assert len(catalogue) > 100
    assert [e.msgid for e in catalogue if "" in translations(e) or "fuzzy" in e.flags] == []


def translations(entry: polib.POEntry) -> list[str]:
    """One, or one for each plural form."""
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def test_translations_keep_what_is_filled_in(catalogue):
    for entry in catalogue:
        for translation in translations(entry):
            assert sorted(FIELD.findall(entry.msgid)) == sorted(FIELD.findall(translation)), (
                entry.msgid
            )


def test_what_is_compiled_is_what_is_written(catalogue):
    compiled = polib.mofile(str(PO.with_suffix(".mo")))
    assert {(e.msgctxt, e.msgid): translations(e) for e in compiled} == {
        (e.msgctxt, e.msgid): translations(e) for e in catalogue
    }


def marked_in_python() -> set[str]:
    found = set()
    for folder in ("classifier", "classifier_site"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
                    found.add(ast.literal_eval(node.args[0]))
    return found


def marked_in_templates() -> set[str]:
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        found |= {
            m[1].replace("%", "%%") for m in re.findall(r"""{% translate (["'])(.*?)\1""", text)
        }
        for block in re.findall(
            r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", text, re.S
        ):
            singular = block.split("{% plural %}")[0]
            found.add(re.sub(r"{{ (\w+) }}", r"%(\1)s", singular.replace("%", "%%")))
    return found


def test_every_marked_sentence_is_in_the_catalogue(catalogue):
    known = {entry.msgid for entry in catalogue}
    marked = marked_in_python() | marked_in_templates()
    assert len(marked) > 100
    assert sorted(marked - known) == []
