"""The edge of an application: what may come in at all, what every answer carries, what is logged of it.

Nothing passes it unlogged, and no exception leaves it: what nobody expected becomes a problem of status 500.
"""

import re
import time
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from asgi_correlation_id import CorrelationIdMiddleware
from asgi_correlation_id.context import correlation_id
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.shared import logs
from services.shared.settings.installation import Settings
from services.shared.web import docs, headers, health, load, metrics, problems

UNMATCHED: Final = "unmatched"
HUNG_UP: Final = 499
"""What is noted where the caller hung up before the whole request had come: no fault of ours, and nobody to answer."""

_ANY_HOST: Final = "*"
_QUIET: Final = frozenset({health.LIVE, health.READY, metrics.PATH})
_PAGES: Final = _QUIET | {"/", docs.PATH, docs.OPENAPI}
_REQUEST_ID: Final = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class AnswerBrokenOffError(RuntimeError):
    """An answer failed after it had begun to leave, so that no status can tell: the connection is cut."""


def install(app: FastAPI, *, settings: Settings, figures: metrics.Metrics) -> None:
    """Give an application its edge, and each request its id: the caller's own where it is a UUID, else a new one."""
    app.add_middleware(Edge, settings=settings, figures=figures)
    app.add_middleware(
        CorrelationIdMiddleware,
        validator=lambda given: _REQUEST_ID.fullmatch(given) is not None,
        transformer=lambda given: UUID(given).hex,
        update_request_header=False,  # A provider's own id of a delivery may stand there.
    )


class Edge:
    """The outermost layer of one application, under the one that gives each request its id."""

    def __init__(self, app: ASGIApp, *, settings: Settings, figures: metrics.Metrics) -> None:
        self._app = app
        self._figures = figures
        self._headers = headers.of_answers(settings)
        self._hosts = frozenset(settings.allowed_hosts)
        self._max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, extra=self._headers)
        started = time.perf_counter()
        try:
            await self._serve(scope, receive, answer)
        except ClientDisconnect:
            answer.status = HUNG_UP
        except Exception as error:
            logs.log.error("unexpected", **_about(scope), **logs.described(error))
            if answer.has_begun:
                raise AnswerBrokenOffError from None
            await problems.answer(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, answer)
        finally:
            self._note(scope, status=answer.status, seconds=time.perf_counter() - started)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        asked = Headers(scope=scope)
        # Probes ask by an address that nobody can know beforehand, and are shown nothing that depends on the name.
        if scope["path"] not in _QUIET and not self._is_ours(asked.get("host", "")):
            await problems.answer(HTTPStatus.BAD_REQUEST, detail="This is not a host of ours.", code="unknown_host")(
                scope, receive, answer
            )
        elif _declared_bytes(asked) > self._max_body_bytes:
            await problems.answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, answer)
        elif scope["path"] in _QUIET:
            await self._app(scope, receive, answer)
        else:
            await self._serve_if_room(scope, receive, answer)

    async def _serve_if_room(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        borne: load.Load = scope["app"].state.load
        if borne.is_full:
            await problems.answer_expected(load.overloaded())(scope, receive, answer)
            return
        with borne.request():
            await self._app(scope, receive, answer)

    def _is_ours(self, host: str) -> bool:
        name = host[: host.rfind(":")] if ":" in host.rpartition("]")[2] else host
        return _ANY_HOST in self._hosts or name.lower() in self._hosts

    def _note(self, scope: Scope, *, status: int, seconds: float) -> None:
        about = _about(scope)
        self._figures.observe(method=about["method"], route=about["route"], status=status, seconds=seconds)
        if about["route"] not in _QUIET:
            logs.log.info("request", **about, status=status, ms=round(seconds * 1000, 1))


class _Answer:
    """The way out: notes the status, and adds the headers that every answer carries."""

    def __init__(self, send: Send, *, extra: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._extra = extra
        self.status = int(HTTPStatus.INTERNAL_SERVER_ERROR)
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            own = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in self._extra if pair[0] not in own)]
        await self._send(message)


def _declared_bytes(asked: Headers) -> int:
    declared = asked.get("content-length", "0")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _about(scope: Scope) -> dict[str, Any]:
    """Return what may be logged of a request: no path, no query, no address."""
    state = scope.get("state", {})
    role = state.get("role")
    return {
        "method": scope["method"] if scope["method"] in _METHODS else "OTHER",
        "route": getattr(scope.get("route"), "path", None)
        or (path if (path := scope["path"]) in _PAGES else UNMATCHED),
        "request_id": correlation_id.get(),
        "role": role.value if role is not None else None,
    }


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
