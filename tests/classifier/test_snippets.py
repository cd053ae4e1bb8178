"""Snippets as text; tests/live/test_snippets.py runs them."""

import ast
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from classifier import snippets

URL = "http://127.0.0.1:8080/api/v1/predictions"
NAMES = ["cat.jpg", "it's.jpg", '"a", $(b) `c` \\ ;,\n\t.jpg', "кіт 🐈.jpg", "-", "\u202e.jpg"]


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_reads_the_file_s_name_as_one_word_of_curl(name):
    words = shlex.split(snippets.curl(URL, name, {}).code.replace("\\\n", ""))
    (form,) = [after for word, after in pairwise(words) if word == "-F"]
    prefix, path = form.split("@", 1)
    assert prefix == "image=" and path[0] == path[-1] == '"'
    read = path[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert read.removeprefix("./") == name and not read.startswith("-")
    assert words[-1] == URL


@pytest.mark.parametrize("name", NAMES)
def test_python_reads_the_file_s_name_as_it_was(name):
    tree = ast.parse(snippets.python(URL, name, {"top_k": "5"}).code)
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {name, URL, "top_k", "5", "wait=30"} <= texts


def test_no_snippet_holds_a_token():
    for write in (snippets.curl, snippets.python, snippets.javascript):
        assert write(URL, "a.jpg", {}).code.count("KADR_TOKEN") == 1


def test_the_docs_show_the_same_code():
    docs = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text()
    for write in (snippets.curl, snippets.python, snippets.javascript):
        assert f"\n{write(URL, 'cat.jpg', {}).code}\n```" in docs
