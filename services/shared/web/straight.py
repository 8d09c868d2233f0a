"""The short way to an operation of single statements: by its address to its gate, past the framework's stacks.

It is for operations whose dependencies open nothing, so that there is nothing to close, and whose body is JSON. Their
gate, bounds, validation and answer, and the handlers of what they raise, are the same as on the long way.
"""

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeAlias, cast

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.shared.web.routing import Route

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class _Way(NamedTuple):
    """One operation that a method and address may mean; `handler` is None where it takes the long way."""

    route: Route
    handler: Handler | None


class Straight:
    """The innermost layer but one: what it does not answer itself goes on to the framework."""

    def __init__(self, app: ASGIApp, *, owner: FastAPI, routes: Sequence[Route]) -> None:
        self._app = app
        self._ways: dict[tuple[str, int], list[_Way]] = defaultdict(list)
        for route in routes:
            handler = route.handler_of(owner) if _is_straight(route) else None
            for method in route.methods or ():
                self._ways[method, route.path.count("/")].append(_Way(route, handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        for route, handler in self._ways.get((scope["method"], path.count("/")), ()):
            if (match := route.path_regex.match(path)) is None:
                continue
            if handler is None:
                break
            scope["route"], scope["path_params"] = route, match.groupdict()
            response = await _answered(handler, scope, receive)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _answered(handler: Handler, scope: Scope, receive: Receive) -> Response:
    """Return the operation's answer, or that of the application's handler of what it raised."""
    request = Request(scope, receive)
    async with AsyncExitStack() as nothing:
        scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = nothing
        scope["fastapi_function_astack"] = nothing
        try:
            return await handler(request)
        except Exception as error:
            known = next((found for found in _handlers(scope["app"], error)), None)
            if known is None:
                raise
            return await known(request, error)


def _handlers(app: FastAPI, error: Exception) -> Iterator[Callable[[Request, Exception], Awaitable[Response]]]:
    for kind in type(error).__mro__:
        if kind in app.exception_handlers and kind is not Exception:
            yield cast(Any, app.exception_handlers[kind])


def _is_straight(route: Route) -> bool:
    """Tell whether an operation opens nothing, has a JSON body if any, and takes no part of its address but text."""
    is_plain = all(type(convertor).__name__ == "StringConvertor" for convertor in route.param_convertors.values())
    is_json = route.body_field is None or not isinstance(route.body_field.field_info, params.Form)
    return is_plain and is_json and not any(_opens(each) for each in _all(route.dependant))


def _all(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from _all(each)


def _opens(dependant: Dependant) -> bool:
    return inspect.isasyncgenfunction(dependant.call) or inspect.isgeneratorfunction(dependant.call)
