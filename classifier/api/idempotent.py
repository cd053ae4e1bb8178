"""Idempotency-Key on the POSTs that create (classifier/models/idempotency.py)."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, QueryDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.api.json_lines import Lines
from classifier.models import IdempotencyKey, Owner
from classifier.problems import Problem

KEY = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")
KEPT_HEADERS = ("Location", "Retry-After", "Preference-Applied")


def once(
    request: Request,
    answer: Callable[[IdempotencyKey | None], Response],
    resume: Callable[[Any], Response] | None = None,
    files: Callable[[], str] | None = None,
) -> Any:
    """Run `answer` once for this request's key, and replay its response to whoever repeats it.

    `resume` renders what an earlier request had made before it died; without it such a request
    is run anew. `files` gives the fingerprint of the uploaded files.
    """
    if (header := request.headers.get("Idempotency-Key")) is None:
        return answer(None)
    fingerprint = _fingerprint(request, files() if files else _digest_of_files(request))
    key = IdempotencyKey.objects.begin(_scope(request), request.path, _checked(header), fingerprint)
    if key.is_done:
        return _replay(key)
    if key.resource and resume:
        try:
            return _keep(key, resume(key.resource))
        except BaseException:
            key.let_go()
            raise
    try:
        response = answer(key)
    except BaseException:
        key.release()
        raise
    return _keep(key, response)


def _checked(header: str) -> str:
    key = header.strip().strip('"')
    if not KEY.fullmatch(key):
        raise Problem("IDEMPOTENCY_KEY_INVALID")
    return key


def _scope(request: Request) -> str:
    owner = Owner.of(request, create=True)
    return f"user:{owner.user.pk}" if owner.user else f"visitor:{owner.visitor}"


def _fingerprint(request: Request, files: str) -> str:
    content = json.dumps([request.path, _fields(request.data), files], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _fields(data: Any) -> Any:
    """A JSON body as it is; of a form, what is no file; lines are counted among the files."""
    if isinstance(data, Lines):
        return None
    if not isinstance(data, QueryDict):
        return data
    return {name: [v for v in data.getlist(name) if isinstance(v, str)] for name in data}


def _digest_of_files(request: Request) -> str:
    digest = hashlib.sha256()
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            digest.update(f"{name}\0{file.name}\0{file.size}\0".encode())
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return digest.hexdigest()


def _keep(key: IdempotencyKey, response: Response) -> Response:
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    key.finish(response.status_code, headers, JSONRenderer().render(response.data).decode())
    return response


def _replay(key: IdempotencyKey) -> HttpResponse:
    assert key.status_code is not None
    response = HttpResponse(key.body, status=key.status_code, content_type="application/json")
    for name, value in key.headers.items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response
