"""How refusals leave the service: the API's own, and those of the framework that no view sees."""

import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    UnreadablePostError,
)
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.views import set_rollback

from classifier import outages
from classifier.problems import Problem

CONTENT_TYPE = "application/problem+json"
BUSY_SECONDS = "30"
CHALLENGE = 'Bearer realm="Kadr"'
STATUS_CODES = {
    400: "INVALID_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    413: "IMAGE_TOO_LARGE",
    415: "CONTENT_TYPE_UNSUPPORTED",
    429: "RATE_LIMITED",
}


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Django REST framework's hook: any known refusal as problem+json; None for a crash.

    Always JSON, whichever format the endpoint would have answered in.
    """
    problem = problem_of(error)
    if problem is None:
        return None
    set_rollback()
    response = JsonResponse(
        {**problem.as_dict(), **_extensions(error, context)},
        status=problem.status,
        content_type=CONTENT_TYPE,
    )
    challenge = CHALLENGE if problem.status == HTTPStatus.UNAUTHORIZED else None
    if challenge := getattr(error, "auth_header", challenge):
        response["WWW-Authenticate"] = challenge
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = BUSY_SECONDS
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def problem_of(error: Exception) -> Problem | None:
    """The refusal that an exception stands for; None where it is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Http404):
        return Problem("NOT_FOUND")
    if isinstance(error, PermissionDenied):
        return Problem("FORBIDDEN")
    if isinstance(error, UnreadablePostError):
        return Problem("BODY_INCOMPLETE")
    if isinstance(error, DisallowedHost):
        return Problem("HOST_UNKNOWN")
    if isinstance(error, TooManyFilesSent):
        return Problem("TOO_MANY_IMAGES")
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | SuspiciousOperation):
        return Problem("INVALID_REQUEST", _("The form is larger than is accepted here."))
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    return outages.problem_of(error)


def _of_api_exception(error: exceptions.APIException) -> Problem:
    code = STATUS_CODES.get(error.status_code, "INVALID_REQUEST")
    if isinstance(error.detail, str):
        return Problem(code, str(error.detail) if code == "INVALID_REQUEST" else "")
    return Problem(code, _("Some fields are not valid: see errors."))


def _extensions(error: Exception, context: dict[str, Any]) -> dict[str, Any]:
    extensions: dict[str, Any] = {}
    if (request := context.get("request")) is not None:
        extensions["instance"] = request.path
    if isinstance(error, exceptions.ValidationError):
        extensions["errors"] = _pointers(error.detail)
    return extensions


def _pointers(detail: Any, at: str = "") -> list[dict[str, str]]:
    """Field errors as JSON pointers (RFC 6901) with a sentence each."""
    if isinstance(detail, dict):
        return [e for name, inner in detail.items() for e in _pointers(inner, f"{at}/{name}")]
    if isinstance(detail, list):
        return [e for inner in detail for e in _pointers(inner, at)]
    return [{"pointer": f"#{at}", "detail": str(detail)}]


# The framework's own refusals, which no API view sees.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problem_of(exception) or Problem("INVALID_REQUEST"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, Problem("FORBIDDEN"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, Problem("NOT_FOUND"))


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours, or an outage that no API view saw: Django calls this while it handles it."""
    error = sys.exc_info()[1]
    outage = outages.problem_of(error) if error else None
    return respond(request, outage or Problem("INTERNAL"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, Problem("CSRF_FAILED"))


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem as JSON under /api/, as a page elsewhere."""
    response = _rendered(request, problem)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = BUSY_SECONDS
    return response


def _rendered(request: HttpRequest, problem: Problem) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = {**problem.as_dict(), "instance": request.path}
        return JsonResponse(body, status=problem.status, content_type=CONTENT_TYPE)
    context = {"problem": problem, "reason": HTTPStatus(problem.status).phrase}
    # After a fault nothing can be relied on: who the user is stands in the database.
    known = request if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    return render(known, "problem.html", context, status=problem.status)
