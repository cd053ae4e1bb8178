"""What a request may say beside the picture: top_k, model, metadata. Raises Problem."""

import json
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from classifier.model_card import model_card
from classifier.problems import Problem

MAX_TOP_K = 100
MAX_METADATA_BYTES = 4096
DEFAULT_ALIAS = "stable"  # the model that answers, whatever its version


def asked_for(data: Any) -> dict[str, Any]:
    """The fields of a new prediction, out of a form or a JSON object."""
    check_model(data.get("model"))
    fields: dict[str, Any] = {"metadata": metadata(data.get("metadata"))}
    if (given := data.get("top_k")) not in (None, ""):
        fields["top_k"] = top_k(given)
    return fields


def mapping(data: Any) -> Any:
    """The body, where it is a form or a JSON object."""
    if not hasattr(data, "get"):
        raise Problem("INVALID_REQUEST", _("Send a JSON object."))
    return data


def top_k(given: Any) -> int:
    text = str(given)
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MAX_TOP_K:
        raise Problem("TOP_K_INVALID")
    return int(text)


def check_model(given: Any) -> None:
    """One model serves at a time, so an id or a name is a demand that it be that one. It holds
    now: what waits while another is activated is answered by that."""
    if given in (None, "", DEFAULT_ALIAS):
        return
    card = model_card()
    if card is None or given not in (card.manifest.id, card.name):
        raise Problem("MODEL_UNKNOWN")


def metadata(given: Any) -> dict[str, Any] | None:
    """The object to keep; None where there is none. A form sends it as JSON text."""
    if given in (None, ""):
        return None
    try:
        value = json.loads(given) if isinstance(given, str) else given
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, RecursionError) as error:
        raise Problem("METADATA_INVALID") from error
    if not isinstance(value, dict) or size > MAX_METADATA_BYTES or "\\u0000" in json.dumps(value):
        raise Problem("METADATA_INVALID")
    return value


def flag(request: Any, name: str) -> bool:
    """A parameter of the query that is true or false; false where it is left out."""
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise Problem("INVALID_REQUEST", _("“{name}” is true or false.").format(name=name))
    return bool(given == "true")


def one_file(request: Any) -> Any:
    """The file in the field `image`. Raises Problem where there is none or more than one."""
    files = request.FILES.getlist("image")
    if not files:
        raise Problem("IMAGE_MISSING")
    if len(files) > 1:
        raise Problem("INVALID_REQUEST", _("Send one picture a request."))
    if files[0].size > settings.MAX_IMAGE_BYTES:
        raise Problem("IMAGE_TOO_LARGE")
    return files[0]
