"""Trouble as RFC 9457 problems: the one table from kind to status, and the body that tells it.

A problem never repeats a submitted value and never carries an exception's text. Its `instance` is the request's id,
since a path may hold what a client should not have put there.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from asgi_correlation_id.context import correlation_id
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from services.shared import database, errors
from services.shared.errors import BadRequest, Forbidden, Unavailable
from services.shared.web import errors as web_errors

MEDIA_TYPE: Final = "application/problem+json"
PATH: Final = "/problems"

STATUSES: Final[Mapping[type[errors.ExpectedError], HTTPStatus]] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    web_errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Refused: HTTPStatus.CONFLICT,
    database.Overtaken: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Stale: HTTPStatus.PRECONDITION_FAILED,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    web_errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    web_errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    web_errors.PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    web_errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table from kind of trouble to status; a kind that is not here has the status of the kind it descends from."""

MEANINGS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "The request is malformed.",
    HTTPStatus.UNAUTHORIZED: "There is no bearer token, or it does not hold.",
    HTTPStatus.FORBIDDEN: "The caller may not do this. The refusal is on record.",
    HTTPStatus.NOT_FOUND: "There is no such thing, or it is not the caller's to know of.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The address does not take this method; `Allow` names those it takes.",
    HTTPStatus.CONFLICT: "The record stands otherwise, or a rule forbids the act (then `legal_source` names it).",
    HTTPStatus.PRECONDITION_FAILED: "The version named by `If-Match` is no longer the newest: read again, then amend.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this service takes.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The operation does not take a body of this media type.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is well formed, but `errors` lists what is wrong in it.",
    HTTPStatus.PRECONDITION_REQUIRED: "An amendment must name the version it amends by `If-Match`.",
    HTTPStatus.TOO_MANY_REQUESTS: "The caller's share of requests is used up; `Retry-After` says for how long.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side; nothing was changed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The service cannot answer just now; try again after `Retry-After`.",
}
"""What each status means here; also the text of its documentation page and of the OpenAPI documents."""

TITLES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
}
"""The names of RFC 9110 where older versions of Python have others; every other title is the status's own phrase."""

CODES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body_too_large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "unexpected",
}


class Fault(BaseModel):
    """One thing wrong in a request."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(description="JSON pointer to a field of the body, or `query/limit` for a parameter.")
    detail: str = Field(description="What is wrong; never the value that was sent.")


class Problem(BaseModel):
    """A problem as RFC 9457 has it, with this software's additions."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="A documentation page for the kind of problem, relative to the service's root.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong with this request; never a value that was sent.")
    instance: str = Field(description="This occurrence: the request's id as a URN.")
    trace_id: str = Field(description="The request's id, to quote when asking for help; also in `X-Request-ID`.")
    code: str = Field(description="A stable, machine-readable name of what went wrong.")
    errors: list[Fault] = Field(description="Each thing wrong in the request; empty where it is not about its fields.")
    legal_source: str | None = Field(
        default=None, description="Where a rule refused: the provision or policy it stands on."
    )


def status_of(error: errors.ExpectedError) -> HTTPStatus:
    """Return the status of an expected trouble's kind."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def title_of(status: HTTPStatus) -> str:
    """Return a status in words, the same whatever the version of Python."""
    return TITLES.get(status, status.phrase)


def kind_of(status: HTTPStatus) -> str:
    """Return the kebab-case name by which a status's documentation page is found."""
    return title_of(status).lower().replace(" ", "-")


def code_of(status: HTTPStatus) -> str:
    """Return the code of a problem that has none of its own."""
    return CODES.get(status, kind_of(status).replace("-", "_"))


def answer(
    status: HTTPStatus,
    *,
    detail: str | None = None,
    code: str | None = None,
    faults: Sequence[Mapping[str, str]] = (),
    legal_source: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the response that tells a problem; without `detail` it says what the status means here."""
    trace_id = correlation_id.get() or UUID(int=0).hex
    body: dict[str, Any] = {
        "type": f"{PATH}/{kind_of(status)}",
        "title": title_of(status),
        "status": status.value,
        "detail": detail or MEANINGS.get(status, title_of(status)),
        "instance": UUID(trace_id).urn,
        "trace_id": trace_id,
        "code": code or code_of(status),
        "errors": list(faults),
    }
    if legal_source is not None:
        body["legal_source"] = legal_source
    return JSONResponse(body, status_code=status.value, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def answer_expected(error: errors.ExpectedError) -> JSONResponse:
    """Return the response to a trouble of one of the expected kinds."""
    return answer(
        status_of(error),
        detail=error.detail,
        code=error.code,
        faults=[] if error.pointer is None else [{"pointer": error.pointer, "detail": error.detail}],
        legal_source=error.finding.source.citation if isinstance(error, errors.Refused) else None,
        headers=_headers(error),
    )


def _headers(error: errors.ExpectedError) -> dict[str, str]:
    if isinstance(error, web_errors.Unauthenticated):
        challenge = "" if error.code == "no_token" else ' error="invalid_token"'
        return {"WWW-Authenticate": f"Bearer{challenge}"}
    if isinstance(error, web_errors.TooManyRequests):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": "1"} if isinstance(error, Unavailable | database.Overtaken) else {}
