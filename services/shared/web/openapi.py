"""An application's OpenAPI 3.1 document: what FastAPI knows, and what the frame adds to every operation.

The frame adds who may call an operation, the problems it can answer with, and the headers that the gate asks for.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.shared.identity.permissions import GRANTED_TO
from services.shared.identity.roles import Role
from services.shared.web import idempotency, problems, routing

VERSION: Final = "1.0.0"
SCHEME: Final = "bearer"
ALWAYS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_SCHEMAS: Final = "#/components/schemas/"
_RESPONSES: Final = "#/components/responses/"
_FRAMEWORKS_OWN: Final = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI, *, routes: Sequence[routing.Route]) -> None:
    """Make an application's document ours; it is made at the first question and kept."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _made(app, {route.name: route for route in routes})
        return app.openapi_schema

    setattr(app, "openapi", document)  # noqa: B010 (FastAPI's documented way; an assignment would not type-check)


def as_text(app: FastAPI) -> str:
    """Return an application's document as the text that the repository keeps: sorted, the same everywhere."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _made(app: FastAPI, routes: Mapping[str, routing.Route]) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        servers=[{"url": "/"}],
    )
    found["security"] = [{SCHEME: []}]
    components = found.setdefault("components", {})
    components["securitySchemes"] = {SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    components["responses"] = {_name(status): _response(status) for status in problems.MEANINGS}
    components["schemas"] = _schemas(components.get("schemas", {}))
    for path, operations in found["paths"].items():
        for operation in operations.values():
            _complete(operation, routes[operation["operationId"]], path=path)
    return found


def _schemas(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document's schemas with the problem's in place of the framework's own."""
    problem = problems.Problem.model_json_schema(ref_template=_SCHEMAS + "{model}")
    fault = problem.pop("$defs")["Fault"]
    ours = {name: schema for name, schema in found.items() if name not in _FRAMEWORKS_OWN}
    return dict(sorted({**ours, "Problem": problem, "Fault": fault}.items()))


def _complete(operation: dict[str, Any], route: routing.Route, *, path: str) -> None:
    roles = [role.value for role in Role if role in GRANTED_TO[route.permission]]
    operation["x-permission"] = route.permission.value
    operation["x-roles"] = roles
    operation["description"] = f"{operation.get('description', '')}\n\nRoles: {', '.join(roles)}.".strip()
    if route.is_once:
        operation.setdefault("parameters", []).append(_idempotency_key())
    named = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
    responses = operation["responses"]
    responses.pop("422", None)
    _show_examples_whole(responses, route.openapi_extra or {})
    declared = {HTTPStatus(int(status)) for status in route.responses if int(status) >= HTTPStatus.BAD_REQUEST}
    for status in declared | _possible(operation, amends="if-match" in named, has_id="{" in path):
        responses[str(status.value)] = {"$ref": _RESPONSES + _name(status)}
    operation["responses"] = dict(sorted(responses.items()))
    for status, answer in operation["responses"].items():
        if status == "201":
            answer["headers"] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


def _show_examples_whole(responses: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Put examples of answers back as they were written: the framework leaves out what is null in them."""
    for status, said in extra.get("responses", {}).items():
        for media_type, each in said["content"].items():
            responses[status]["content"][media_type]["example"] = each["example"]


def _possible(operation: Mapping[str, Any], *, amends: bool, has_id: bool) -> set[HTTPStatus]:
    """Return the problems that an operation can answer with."""
    found = set(ALWAYS)
    if operation.get("parameters") or "requestBody" in operation:
        found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
    if has_id:
        found.add(HTTPStatus.NOT_FOUND)
    if "requestBody" in operation:
        found |= {HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        if operation["requestBody"]["content"].keys() != {"application/json"}:
            found.add(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if amends:
        found |= {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED}
    return found


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": idempotency.HEADER,
        "in": "header",
        "required": True,
        "description": "A new UUID for each act, and the same one when the act is sent again: it is done once.",
        "schema": {"type": "string", "minLength": 8, "maxLength": 255},
    }


def _response(status: HTTPStatus) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"{problems.PATH}/{problems.kind_of(status)}",
        "title": problems.title_of(status),
        "status": status.value,
        "detail": problems.MEANINGS[status],
        "instance": "urn:uuid:7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10",
        "trace_id": "7f3c0a526a534d7c9a550c9d2f6b1e10",
        "code": problems.code_of(status),
        "errors": [],
    }
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}, "example": example}}
    return {"description": problems.MEANINGS[status], "content": content}


def _name(status: HTTPStatus) -> str:
    return problems.title_of(status).replace(" ", "")
