"""Logging in, slowed down for who guesses: attempts are counted by address and by name.

After too many for a name only browsers in which that name has logged in before may go on, each with
a count of its own (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"); so nobody can
lock others out. Names that do not exist are counted alike, so nothing is learnt from it.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.throttling import BaseThrottle

from classifier import counters

WINDOW = 15 * 60  # seconds
MOST = {"address": 30, "name": 10, "browser": 10}  # attempts that fail, in a window
COOKIE, KNOWN_FOR = "kadr_known", 365 * 24 * 3600


class Attempt:
    """One attempt to log in as `name`, and what it is counted under."""

    def __init__(self, request: HttpRequest, name: str) -> None:
        address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # reads META alone
        self.counts = {"address": f"login:address:{address}", "name": f"login:{digest(name)}"}
        if own := browser(request, name):
            self.counts = {"browser": f"login:browser:{own}"}

    def is_one_too_many(self) -> bool:
        """Counted before the password is looked at, so that many at once do not slip through."""
        used = {kind: counters.count(key, WINDOW) for kind, key in self.counts.items()}
        return any(used[kind] > MOST[kind] for kind in used)

    def succeeded(self) -> None:
        for key in self.counts.values():
            counters.uncount(key, WINDOW)


class Throttled:
    """For a form that authenticates."""

    throttled = False
    request: HttpRequest | None
    cleaned_data: dict[str, Any]

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if self.request is None or not name:
            return super().clean()  # type: ignore[misc, no-any-return]
        attempt = Attempt(self.request, name)
        if attempt.is_one_too_many():
            self.throttled = True
            raise ValidationError(
                _(
                    "Too many attempts. Wait for {minutes} minutes, or log in from a browser in "
                    "which you have done so before."
                ).format(minutes=WINDOW // 60),
                code="throttled",
            )
        cleaned: dict[str, Any] = super().clean()  # type: ignore[misc]
        attempt.succeeded()
        return cleaned


class LoginForm(Throttled, AuthenticationForm):
    pass


class AdminLoginForm(Throttled, AdminAuthenticationForm):
    pass


def digest(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return hashlib.sha256(folded.encode()).hexdigest()[:32]


def browser(request: HttpRequest, name: str) -> str:
    """The browser's own id, where that name has logged in with it before; else empty."""
    cookie = request.get_signed_cookie(COOKIE, default="", salt=COOKIE, max_age=KNOWN_FOR) or ""
    own, _separator, whose = cookie.partition(":")
    return own if whose == digest(name) else ""


@receiver(user_logged_in)
def remember(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    request.logged_in_as = user.get_username()  # type: ignore[attr-defined]


class KnownBrowserMiddleware:
    """Marks the browser in which somebody has just logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if name := getattr(request, "logged_in_as", ""):
            response.set_signed_cookie(
                COOKIE,
                f"{browser(request, name) or secrets.token_urlsafe(16)}:{digest(name)}",
                salt=COOKIE,
                max_age=KNOWN_FOR,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
