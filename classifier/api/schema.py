"""What the OpenAPI descriptions of several endpoints share."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from classifier.api.serializers import ProblemSerializer

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!#-~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="1 to 255 printable characters of your choice. The same request sent again with "
    "the same key within 24 h does nothing twice and gets the same answer.",
)
PROBLEM = OpenApiResponse(
    ProblemSerializer,
    description="A refusal, as problem+json (RFC 9457). `code` is stable.",
    examples=[
        OpenApiExample(
            "A refusal",
            {
                "type": "/problems/unsupported-media-type",
                "title": "Not a JPEG",
                "status": 415,
                "detail": "Save the picture as JPEG, then send that.",
                "code": "UNSUPPORTED_MEDIA_TYPE",
            },
        )
    ],
)


def problems(*statuses: int) -> dict[Any, Any]:
    """The refusals that an endpoint may answer with; 503 may be of any, for want of a database."""
    return {(status, "application/problem+json"): PROBLEM for status in sorted({*statuses, 503})}


CONDITIONAL = {
    304: OpenApiResponse(description="Nothing has changed since the ETag in If-None-Match."),
    **problems(412),
}


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "classifier.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token made by `manage.py create_token USER NAME`.",
        }


class VisitorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "classifier.api.authentication.VisitorAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The browser's session, with the CSRF token in X-CSRFToken.",
        }


# gunicorn's own, before the request reaches us.
TOO_LONG = {
    "description": "The address has more than 8,190 characters.",
    "content": {"text/html": {"schema": {"type": "string"}}},
}
EVERYWHERE = ("400", "401", "403", "404", "406", "415", "429")


def complete(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Adds to each operation the refusals that any may answer with, and that most need no token:
    a visitor has pictures too."""
    refusal = {
        "description": PROBLEM.description,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for path, methods in result["paths"].items():
        for operation in methods.values():
            for status in EVERYWHERE:
                operation["responses"].setdefault(status, refusal)
            operation["responses"]["414"] = TOO_LONG
            for parameter in operation.get("parameters", ()):
                if parameter.get("schema", {}).get("type") == "array":
                    parameter["schema"]["maxItems"] = 100
            of_users = "webhook" in path or "/stats/" in path
            if not of_users and {} not in operation.setdefault("security", []):
                operation["security"].append({})
    return result
