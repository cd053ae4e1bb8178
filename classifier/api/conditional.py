"""Strong validators (RFC 9110, section 8.8): who polls and finds nothing new gets an empty 304."""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from rest_framework.response import Response

from classifier.problems import Problem


def etag(data: Any) -> str:
    text = json.dumps(data, default=str, sort_keys=True) + (get_language() or "")
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def conditional(request: HttpRequest, response: Response) -> Any:
    """The response with its ETag, or 304 where the client has that already. Raises Problem where
    If-Match asks for another state."""
    tag = etag(response.data)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    answer = get_conditional_response(request, etag=tag, response=response)
    if answer is None:
        return response
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise Problem("PRECONDITION_FAILED")
    if "Retry-After" in response:  # who polls is told when to come again, now as ever
        answer["Retry-After"] = response["Retry-After"]
    return answer
