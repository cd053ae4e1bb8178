"""The pages. Each works without JavaScript; static/classifier/kadr.js makes them quick."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.messages.storage.base import BaseStorage
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework.exceptions import AuthenticationFailed

from classifier import history, installed_models
from classifier.api.authentication import TokenAuthentication
from classifier.disputes import opinions
from classifier.model_card import model_card
from classifier.models import Image, Owner, Prediction, Scope, Source
from classifier.models.owner import SESSION_KEY
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.outlook import notice
from classifier.page_texts import texts
from classifier.problem_kinds import KINDS
from classifier.problems import Problem
from classifier.snippets import snippets
from classifier.submission import submit


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _upload(request)
    rows, cursor = history.page(Owner.of(request), request.GET.get("before", ""))
    context = {
        "predictions": rows,
        "next_cursor": cursor,
        "older": "before" in request.GET,
        "card": model_card(),
        "max_images": settings.MAX_IMAGES,
        "max_megabytes": settings.MAX_IMAGE_BYTES // 1024**2,
        "texts": texts(),
        "snippets": snippets(request),
        "notice": notice(),
    }
    return render(request, "index.html", context)


def _upload(request: HttpRequest) -> HttpResponse:
    """The form without JavaScript: every file tells its own fate on the next page."""
    files = request.FILES.getlist("image")
    if not files:
        messages.error(request, _sentence(Problem("IMAGE_MISSING")))
        return redirect("index")
    accepted = [pk for file in files if (pk := _accepted(request, file))]
    query = urlencode([("id", pk) for pk in accepted])
    return redirect(f"{reverse('results')}?{query}" if accepted else reverse("index"))


def _accepted(request: HttpRequest, file: "UploadedFile[Any]") -> UUID | None:
    try:
        return submit(request, file, source=Source.PAGE).pk
    except Problem as problem:
        messages.error(request, f"{file.name}: {_sentence(problem)}")
        return None


def _sentence(problem: Problem) -> str:
    return f"{problem.title}. {problem.detail}"


@never_cache
@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """The pictures named in the query, which refreshes itself until all are answered."""
    wanted = [
        pk for text in request.GET.getlist("id")[: settings.MAX_IMAGES] if (pk := _uuid(text))
    ]
    rows = list(_visible(request).filter(pk__in=wanted))
    unfinished = any(not row.is_final for row in rows)
    context = {
        "predictions": rows,
        "unfinished": unfinished,
        "texts": texts(),
        "notice": notice() if unfinished else "",
    }
    response = render(request, "results.html", context)
    told = messages.get_messages(request)
    if unfinished and isinstance(told, BaseStorage):
        told.used = False  # the page that follows in two seconds must tell the refusals too
    return response


@never_cache
@require_safe
def prediction(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = get_object_or_404(_visible(request), pk=pk)
    ranked = row.top(len(row.probabilities or []))
    answered_by = installed_models.with_digest(row.model.digest) if row.model else None
    context = {
        "p": row,
        "card_name": answered_by.name if answered_by else "",
        "ranked": ranked,
        "is_own": Prediction.objects.owned_by(Owner.of(request)).filter(pk=row.pk).exists(),
        **opinions(row),
        "unfinished": not row.is_final,
        "texts": texts(),
        "snippets": snippets(request, row),
        "notice": "" if row.is_final else notice(),
    }
    return render(request, "prediction.html", context)


def _visible(request: HttpRequest) -> PredictionQuerySet:
    rows = Prediction.objects.visible_to(Owner.of(request)).pictured()
    return rows.select_related("image", "model")


@require_safe
def image(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The preview, for its owner and staff. Whatever it holds, the browser may only show it."""
    reader = _reader(request)
    images = Image.objects.present().visible_to(reader)
    if not (reader.user and reader.user.is_staff):
        images = images.filter(quarantined_at=None)
    found = get_object_or_404(images, pk=pk)
    etag = f'"{found.pk.hex}"'
    response = get_conditional_response(request, etag=etag) or _preview(found)
    patch_cache_control(response, private=True, max_age=31_536_000, immutable=True)
    response["ETag"] = etag
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _reader(request: HttpRequest) -> Owner:
    """The bearer of a token that may read, as the API gives out this address; else the session's.
    A token that is not valid makes nobody of its bearer."""
    try:
        found = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        return Owner()
    if found is None:
        return Owner.of(request)
    user, token = found
    return Owner(user=user) if Scope.READ in token.scopes else Owner()


def _preview(found: Image) -> HttpResponseBase:
    try:
        file = found.preview.open("rb")
    except OSError as error:
        raise Http404 from error
    return FileResponse(file, content_type="image/jpeg", filename=f"{found.pk}.jpg")


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """What a refusal's `type` leads to."""
    code = slug.upper().replace("-", "_")
    if code not in KINDS:
        raise Http404
    context = {"problem": Problem(code), "reason": code}
    return render(request, "problem.html", context)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """The session ends, but for what the visitor had sent before logging in: that stays theirs."""
    visitor = request.session.get(SESSION_KEY)
    auth.logout(request)
    if visitor:
        request.session[SESSION_KEY] = visitor
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Where browsers look on pages that name no icon, as the admin's do not."""
    return redirect(static("classifier/kadr.svg"))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
