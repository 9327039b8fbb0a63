"""Who may ask the API for what: every route names one scope, as a parameter's type."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from hub.api.principal import Principal, authenticate
from hub.api.problems import ProblemError
from hub.api.query import refuse_unknown_parameters
from hub.api.scope import OPERATOR, Scope

__all__ = [
    "OPERATOR_ONLY",
    "Admin",
    "Check",
    "Command",
    "Metrics",
    "Operator",
    "Read",
    "Update",
    "Write",
    "may",
]


class Check:
    """A dependency: whoever has the scope. 401 for nobody, 403 for who lacks it.

    422 for a parameter that the route does not have.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        """Who asks, if they may."""
        principal = await authenticate(request)
        if principal is None:
            raise ProblemError(
                401,
                "no valid token or session: send `Authorization: Bearer <token>`, or log in",
                WWW_Authenticate='Bearer realm="dormouse"',
            )
        if may(principal, self.scope):
            refuse_unknown_parameters(request)
            return principal
        raise ProblemError(403, f"{principal.name} may not do this in {principal.tenant}: {self}")

    def __str__(self) -> str:
        if self.scope == OPERATOR:
            return "only the command line on the hub's own machine may"
        return f"it takes the scope {self.scope}"


def may(principal: Principal, scope: str) -> bool:
    """Whether a principal has a scope; who administers has all that tokens can be given."""
    if principal.operator:
        return True
    if scope == OPERATOR:
        return False
    return scope in principal.scopes or Scope.ADMIN in principal.scopes


Read = Annotated[Principal, Depends(Check(Scope.READ.value))]
Write = Annotated[Principal, Depends(Check(Scope.WRITE.value))]
Command = Annotated[Principal, Depends(Check(Scope.COMMAND.value))]
Update = Annotated[Principal, Depends(Check(Scope.UPDATE.value))]
Metrics = Annotated[Principal, Depends(Check(Scope.METRICS.value))]
Admin = Annotated[Principal, Depends(Check(Scope.ADMIN.value))]
Operator = Annotated[Principal, Depends(Check(OPERATOR))]

OPERATOR_ONLY = Depends(Check(OPERATOR))
"""For routers all of whose routes are an operator's."""
