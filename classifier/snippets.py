"""The request that gives a picture's answer, as code to copy: for curl, Python and JavaScript.

File names come from strangers, so each stands in its language's own quotes. The token is never
written down: all three read it from the environment variable KADR_TOKEN.
"""

import json
import shlex
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from classifier.models import Prediction
from classifier.models.prediction import TOP

WAIT = "wait=30"
ANY_NAME = "photo.jpg"


@dataclass(frozen=True)
class Snippet:
    language: str
    needs: str  # what must be installed, where that is not plain
    code: str


def snippets(request: HttpRequest, prediction: Prediction | None = None) -> list[Snippet]:
    """For this service as `request` has reached it, and for the picture of `prediction`."""
    url = request.build_absolute_uri(reverse("api-predictions"))
    name = prediction.image.name if prediction and prediction.image else ""
    top_k = prediction.top_k if prediction else TOP
    fields = {} if top_k == TOP else {"top_k": str(top_k)}
    return [write(url, name or ANY_NAME, fields) for write in (curl, python, javascript)]


def curl(url: str, name: str, fields: dict[str, str]) -> Snippet:
    forms = [f"image=@{_curl_file(name)}", *(f"{field}={value}" for field, value in fields.items())]
    sent = " ".join(f"-F {shlex.quote(form)}" for form in forms)
    code = (
        f'curl -H "Authorization: Bearer $KADR_TOKEN" -H "Prefer: {WAIT}" \\\n'
        f"     {sent} \\\n     {shlex.quote(url)}"
    )
    return Snippet("curl", "", code)


def _curl_file(name: str) -> str:
    """Quoted as curl(1) reads -F, where “,” and “;” divide; “./” keeps “-” from meaning stdin."""
    path = f"./{name}" if name.startswith("-") else name
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def python(url: str, name: str, fields: dict[str, str]) -> Snippet:
    data = f"        data={_literal(fields)},\n" if fields else ""
    code = f"""import os

import requests

with open({_literal(name)}, "rb") as image:
    answer = requests.post(
        {_literal(url)},
        headers={{
            "Authorization": f"Bearer {{os.environ['KADR_TOKEN']}}",
            "Prefer": "{WAIT}",
        }},
        files={{"image": image}},
{data}        timeout=60,
    )
print(answer.text)"""
    return Snippet("Python", "requests", code)


def javascript(url: str, name: str, fields: dict[str, str]) -> Snippet:
    more = "".join(f"body.append({_literal(f)}, {_literal(v)});\n" for f, v in fields.items())
    code = f"""import {{ openAsBlob }} from "node:fs";

const name = {_literal(name)};
const body = new FormData();
body.append("image", await openAsBlob(name), name);
{more}const answer = await fetch({_literal(url)}, {{
  method: "POST",
  headers: {{ Authorization: `Bearer ${{process.env.KADR_TOKEN}}`, Prefer: "{WAIT}" }},
  body,
}});
console.log(await answer.text());"""
    return Snippet("JavaScript", "Node.js 20", code)


def _literal(value: str | dict[str, str]) -> str:
    """JSON is a literal of Python and of JavaScript alike."""
    return json.dumps(value, ensure_ascii=False)
