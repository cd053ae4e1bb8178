"""What a token may do. The browser's session may do all that its user may."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from classifier.models import ApiToken, Scope
from classifier.problems import Problem


class TokenHasScope(BasePermission):
    """GET needs `read`, everything else `write`; a view may name another as `scope`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
        needed = getattr(view, "scope", needed)
        if isinstance(request.auth, ApiToken) and needed not in request.auth.scopes:
            raise Problem("TOKEN_SCOPE")
        return True
