"""The OpenAPI document: what every operation may refuse, and which scope it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from contracts import resources
from hub.api.access import Check
from hub.api.principal import TENANT_HEADER, TENANT_PARAMETER
from hub.api.problems import MEDIA_TYPE, ProblemDocument

__all__ = ["describe"]

_REFUSALS = {
    "400": "the body is not JSON in UTF-8",
    "401": "no valid token or session",
    "403": "the token or person may not do this, or not in the tenant that is named",
    "404": "there is no such thing, or it is another tenant's",
    "409": "it does not go with what there is",
    "413": "too large",
    "421": "the hub is not known by the name it was called",
    "422": "the request is not as it must be",
    "429": "too many at the same time",
    "503": "the database is away",
    "507": "a disk is full",
}


_TENANT = [
    {
        "name": name,
        "in": where,
        "required": False,
        "description": "the tenant that is meant, of those that one belongs to",
        "schema": {"type": "string"},
    }
    for where, name in (("query", TENANT_PARAMETER), ("header", TENANT_HEADER))
]


def describe(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Have `app.openapi()` give the whole document; `routers` are those it includes."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _document(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    document = get_openapi(
        title="Dormouse",
        version=resources.release(),
        summary="Devices, readings, places and updates of one tenant",
        routes=app.routes,
        servers=[{"url": "/api"}],
        separate_input_output_schemas=True,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["ProblemDocument"] = problem
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "dormouse_session"},
    }
    document["security"] = [{"token": []}, {"session": []}]
    scopes = dict(_scopes(routers))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _refusals(operation)
            operation.setdefault("parameters", []).extend(_TENANT)
            scope = scopes[path, method]
            operation["x-scope"] = scope
            operation["description"] = f"{operation.get('description', '')}\n\nScope: {scope}."
    return document


def _scopes(routers: Sequence[APIRouter]) -> list[tuple[tuple[str, str], str]]:
    """The scope of each path and method."""
    return [
        ((route.path_format, method.lower()), dependency.call.scope)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
        for dependency in route.dependant.dependencies
        if isinstance(dependency.call, Check)
    ]


def _refusals(operation: dict[str, Any]) -> None:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    for status, description in _REFUSALS.items():
        operation["responses"][status] = {"description": description, "content": content}
