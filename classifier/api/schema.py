"""What the OpenAPI descriptions of several endpoints share."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from classifier.api.serializers import ProblemSerializer

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
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
    """The refusals that an endpoint may answer with."""
    return {(status, "application/problem+json"): PROBLEM for status in statuses}


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
