"""What every response carries."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from classifier import health
from classifier.error_handlers import respond
from classifier.problems import Problem

BATCHES = "/api/v1/batches"
WITH_BODY = {"POST", "PUT", "PATCH"}
PROBES = {"/livez": health.livez, "/readyz": health.readyz}


class ProbeMiddleware:
    """Answers health checks before anything else: who checks does not know our host names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (probe := PROBES.get(request.path)) is None:
            return self.get_response(request)
        response = probe(request)
        # «Not ready» is an answer, asked for every few moments; no error to be logged.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response


class RateLimitMiddleware:
    """Tells API clients what is left to them (draft-ietf-httpapi-ratelimit-headers-11)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if rate := getattr(request, "rate", None):
            quota, left, reset = rate
            response["RateLimit-Policy"] = f'"requests";q={quota};w=60'
            response["RateLimit"] = f'"requests";r={left};t={reset}'
        return response


class BodyLimitMiddleware:
    """Refuses by its stated length what no view would take, before any of it is read, and a body
    that states none: Django takes it for empty (it reads no further than Content-Length)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or ""
        if not length and request.method in WITH_BODY and "HTTP_TRANSFER_ENCODING" in request.META:
            return respond(request, Problem("LENGTH_REQUIRED"))
        if length.isdecimal() and int(length) > _most_bytes(request.path):
            return respond(request, Problem("BODY_TOO_LARGE"))
        return self.get_response(request)


def _most_bytes(path: str) -> int:
    if path == BATCHES:
        return settings.MAX_BATCH_BYTES + settings.MAX_FORM_BYTES  # itself it stops at the first
    return settings.MAX_FORM_BYTES


class ContentSecurityPolicyMiddleware:
    """Sends the site's policy where a view has not set a stricter one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response
