"""The pages about models: what each can do, what it mistakes for what, in words and pictures."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from classifier import installed_models, model_card
from classifier.model_card import ModelCard
from ml import manifest

CURVES = "curves.png"  # of models that were trained before their history was kept


@require_safe
def active(request: HttpRequest) -> HttpResponse:
    """The card of the model that serves."""
    return _page(request, model_card.model_card())


@require_safe
def one(request: HttpRequest, name: str) -> HttpResponse:
    """The card of any installed model."""
    return _page(request, find(name))


@require_safe
def pictures(request: HttpRequest, name: str) -> HttpResponse:
    """Test pictures of one cell of the confusion matrix: a true class and an answer."""
    card = find(name)
    tiles, n = card.pictures(request.GET.get("true", ""), request.GET.get("answer", ""))
    if not tiles:
        raise Http404
    return render(request, "model_pictures.html", {"card": card, "tiles": tiles, "n": n})


@require_safe
def sheet(request: HttpRequest, name: str) -> HttpResponseBase:
    """All pictures of a card on one sheet, of which the pages show tiles."""
    return _file(find(name), manifest.PICTURES, "image/jpeg")


@require_safe
def curves(request: HttpRequest, name: str) -> HttpResponseBase:
    return _file(find(name), CURVES, "image/png")


def find(name: str) -> ModelCard:
    """An installed model's card. Raises Http404."""
    found = installed_models.find(name)
    card = model_card.read(found.folder) if found else None
    if card is None:
        raise Http404
    return card


def _page(request: HttpRequest, card: ModelCard | None) -> HttpResponse:
    models = [m for m in installed_models.installed() if m.manifest]
    drawn = bool(card and (card.folder / CURVES).is_file())
    return render(request, "model.html", {"card": card, "models": models, "drawn_curves": drawn})


def _file(card: ModelCard, name: str, content_type: str) -> HttpResponseBase:
    try:
        file = (card.folder / name).open("rb")
    except OSError as error:
        raise Http404 from error
    response = FileResponse(file, content_type=content_type)
    patch_cache_control(response, public=True, max_age=3600)
    return response
