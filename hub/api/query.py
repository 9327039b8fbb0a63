"""Query parameters that a route does not have: refused, rather than passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from hub.api.principal import TENANT_PARAMETER

__all__ = ["refuse_unknown_parameters"]


def refuse_unknown_parameters(request: Request) -> None:
    """Raises RequestValidationError naming each that the route does not know.

    The tenant is every route's.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {TENANT_PARAMETER, *_known(route.dependant)}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        has = ", ".join(sorted(known))
        raise RequestValidationError(
            [
                {"loc": ("query", name), "msg": f"is no parameter of this route, which has {has}"}
                for name in unknown
            ]
        )


def _known(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _known(dependency)
