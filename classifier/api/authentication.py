"""Who calls the API: the bearer of a token, a logged-in user, or a visitor by session."""

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from classifier.models import ApiToken
from classifier.problems import Problem


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` (RFC 6750). No cookie counts beside it, so no CSRF check either."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[User, ApiToken] | None:
        scheme, _space, plain = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = ApiToken.objects.find(plain.strip())
        if token is None:
            raise exceptions.AuthenticationFailed(_("The token is not valid."))
        token.note_use()
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Kadr"'


class VisitorAuthentication(SessionAuthentication):
    """The browser's session, with CSRF checked for visitors without an account too."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        self.enforce_csrf(request)
        user = getattr(request._request, "user", None)
        return (user, None) if user and user.is_active else None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise Problem("CSRF_FAILED") from error
