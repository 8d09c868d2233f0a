"""Every exception that an application expects, turned into a problem; refusals are put on record on the way."""

import re
from http import HTTPStatus
from typing import Final
from uuid import UUID

from asgi_correlation_id.context import correlation_id
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.shared import audit, database, database_errors, driver, errors
from services.shared.errors import Forbidden, Unavailable
from services.shared.web import problems, validation

_UNSTORABLE: Final = frozenset({"22000", "22003", "22021", "22P05"})
_CODE: Final = re.compile(r"[a-z][a-z0-9_-]{1,39}")


def install(app: FastAPI) -> None:
    """Give an application its handlers."""
    app.add_exception_handler(errors.ExpectedError, _expected)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _of_the_frame)
    for trouble in (database.DatabaseTroubleError, *driver.TROUBLES):
        app.add_exception_handler(trouble, _of_the_database)


async def _expected(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.ExpectedError)  # noqa: S101 (the handler is registered for these)
    if isinstance(error, Forbidden | errors.Refused):
        await _put_on_record(request, error)
    return problems.answer_expected(error)


async def _put_on_record(request: Request, error: errors.ExpectedError) -> None:
    """Enter a refusal in the trail: after the act's own transaction is gone, and before the caller is told."""
    actor, permission = getattr(request.state, "actor", None), getattr(request.state, "permission", None)
    if actor is None or permission is None:
        return
    await audit.record_refusal(
        request.app.state.database,
        actor=actor,
        action=permission.value,
        subject=_subject(request),
        code=error.code,
        request_id=correlation_id.get(),
        legal_source=error.finding.source.citation if isinstance(error, errors.Refused) else None,
    )


def _subject(request: Request) -> audit.Subject | None:
    """Return what the address names (`/recipients/{recipient_id}`), where it is an id or a provider's code of ours."""
    for name, value in reversed(request.path_params.items()):
        if name.endswith("_id") and _is_uuid(str(value)):
            return audit.Subject(name.removesuffix("_id"), str(value))
        if name == "provider" and _CODE.fullmatch(str(value)):
            return audit.Subject(name, str(value))
    return None


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


async def _unreadable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (the handler is registered for these)
    found = error.errors()
    if (broken := validation.broken_json(found)) is not None:
        return problems.answer(HTTPStatus.BAD_REQUEST, detail=f"The body is not JSON as it must be: {broken}.")
    return problems.answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        detail=validation.how_many(found),
        code="invalid",
        faults=validation.findings(found),
    )


async def _of_the_frame(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (the handler is registered for these)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problems.answer(HTTPStatus(error.status_code), headers=headers)


def _allowed(request: Request) -> list[str]:
    """Return every method that the address takes; the framework names those of the first route that matched alone."""
    found = (route.methods for route in request.app.state.operations if route.path_regex.match(request.url.path))
    return sorted({method for methods in found for method in methods or ()}) or ["GET", "HEAD"]


async def _of_the_database(_request: Request, error: Exception) -> Response:
    if database_errors.sqlstate_of(error) in _UNSTORABLE:
        return problems.answer(
            HTTPStatus.UNPROCESSABLE_ENTITY, detail="A value is outside of what can be stored.", code="unstorable_value"
        )
    if driver.is_away(error):
        return problems.answer_expected(Unavailable("the database cannot do this just now: try again"))
    raise error
