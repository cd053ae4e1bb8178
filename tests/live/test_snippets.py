"""The snippets of the page, run as they stand: in a shell, by Python and by Node.js."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from classifier import snippets
from tests import make
from tests.live.service import Service

PICTURE = make.noise_jpeg(77, side=90)
HOSTILE = [
    "it's $(touch pwned) `touch pwned` \"; touch pwned; кіт.jpg",
    "a,b;type=image;filename=c.jpg",
    "-",
    "--output pwned.jpg",
    'back\\slash "and" {curly} ${HOME} %s <!--.jpg',
    "two\nlines; touch pwned\n.jpg",
    "<script>alert(1)<!-- & .jpg",
]
RUNNERS: dict[str, list[str]] = {
    "curl": ["sh", "-c"],
    "Python": [sys.executable, "-c"],
    "JavaScript": ["node", "--input-type=module", "--eval"],
}


@pytest.fixture
def run(service: Service, tmp_path: Path) -> Callable[[snippets.Snippet], dict]:
    """Runs a snippet in a folder that holds nothing but the picture."""

    def run(snippet: snippets.Snippet) -> dict:
        *words, last = RUNNERS[snippet.language]
        if not shutil.which(RUNNERS[snippet.language][0]):
            pytest.skip(f"{snippet.language} is not installed here")
        process = subprocess.run(
            [*words, last, snippet.code],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "KADR_TOKEN": service.token},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


def sent_in_the_page(service: Service, name: str) -> tuple[dict, list[snippets.Snippet]]:
    """What a visitor's picture was answered, and the snippets on its page."""
    with requests.Session() as browser:
        browser.get(service.url, timeout=30)
        token = {"X-CSRFToken": browser.cookies["csrftoken"]}
        files, form = {"image": (name, PICTURE)}, {"top_k": "2"}
        url = f"{service.url}/api/v1/predictions"
        headers = {**token, "Prefer": "wait=30"}
        answer = browser.post(url, headers=headers, files=files, data=form, timeout=60).json()
        page = browser.get(service.url + answer["url"], timeout=30).text
    codes = re.findall(r'<code translate="no">(.*?)</code>', page, re.DOTALL)
    return answer, [
        snippets.Snippet(language, "", html.unescape(code))
        for language, code in zip(RUNNERS, codes, strict=True)
    ]


@pytest.mark.parametrize("language", RUNNERS)
def test_a_snippet_of_the_page_gives_the_page_s_own_answer(service, run, tmp_path, language):
    name = "it's a «кіт» & $HOME.jpg"
    answer, found = sent_in_the_page(service, name)
    (tmp_path / name).write_bytes(PICTURE)
    (snippet,) = [snippet for snippet in found if snippet.language == language]
    again = run(snippet)
    assert again["status"] == "succeeded"
    assert again["image"]["name"] == name == answer["image"]["name"]
    assert again["image"]["sha256"] == answer["image"]["sha256"]
    assert again["result"]["label"] == answer["result"]["label"]
    assert len(again["result"]["top"]) == len(answer["result"]["top"]) == 2


@pytest.mark.parametrize("write", [snippets.curl, snippets.python, snippets.javascript])
def test_no_file_name_is_ever_taken_for_code(service, run, tmp_path, write):
    for name in HOSTILE:
        (tmp_path / name).write_bytes(PICTURE)
        answer = run(write(f"{service.url}/api/v1/predictions", name, {}))
        assert answer["status"] == "succeeded", name
        (tmp_path / name).unlink()
    assert list(tmp_path.iterdir()) == []
