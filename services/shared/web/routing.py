"""Routes closed by construction: an endpoint is an operation of the table of permissions, or the import fails."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias, TypeVar, get_args

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute, get_request_handler
from starlette.routing import Match
from starlette.status import HTTP_201_CREATED
from starlette.types import Scope

from services.shared.identity.permissions import NAMED, Permission
from services.shared.web import bodies, dependencies, gate, idempotency, load

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_MARK: Final = "__is_done_once__"
_FILES: Final = "__takes_files__"
_ELSEWHERE: Final = tuple(get_args(way)[1].dependency for way in (dependencies.Store, dependencies.Direct))


class UnknownOperationError(RuntimeError):
    """An endpoint's name is no permission, so nobody could be let in. A defect of ours."""


def once(endpoint: Endpoint) -> Endpoint:
    """Mark a POST that creates nothing as one to be done once for each `Idempotency-Key`, like those that create."""
    setattr(endpoint, _MARK, True)
    return endpoint


def takes_files(endpoint: Endpoint) -> Endpoint:
    """Mark an operation whose body is a file or a push: as large as the settings say, and read by the endpoint."""
    setattr(endpoint, _FILES, True)
    return endpoint


class ActElsewhereError(RuntimeError):
    """An act done once takes the database itself, so its effects could outlive its stored answer. A defect of ours."""


class Route(APIRoute):
    """One operation: its gate comes before its body is read; its answer is stored where it must be done once only."""

    @property
    def permission(self) -> Permission:
        """The permission of the operation, of the same name as the endpoint."""
        try:
            return NAMED[self.name]
        except KeyError:
            raise UnknownOperationError(f"{self.name} is not in the table of permissions") from None

    @property
    def is_once(self) -> bool:
        """Whether an `Idempotency-Key` must be sent."""
        creates = self.methods == {"POST"} and self.status_code == HTTP_201_CREATED
        return creates or getattr(self.endpoint, _MARK, False)

    @property
    def takes_files(self) -> bool:
        """Whether the body is a file or a push, which may be large."""
        return getattr(self.endpoint, _FILES, False)

    def get_route_handler(self) -> Handler:
        """Return the handler with the gate before it.

        Raises UnknownOperationError, and ActElsewhereError for an act done once that does not write in its own session.
        """
        if self.is_once and any(each.call in _ELSEWHERE for each in self.dependant.dependencies):
            raise ActElsewhereError(f"{self.name} goes past its session: an act done once writes in its `Write` alone")
        return self._gated(super().get_route_handler())

    def handler_of(self, app: FastAPI) -> Handler:
        """Return the handler as this application has it, overridden parts included."""
        answer = get_request_handler(
            dependant=self.dependant,
            body_field=self.body_field,
            embed_body_fields=self._embed_body_fields,
            strict_content_type=self.strict_content_type,
            status_code=self.status_code,
            response_class=self.response_class,
            response_field=self.response_field,
            dependency_overrides_provider=app,
        )
        return self._gated(answer)

    def _gated(self, answer: Handler) -> Handler:
        permission, is_once = self.permission, self.is_once

        async def handle(request: Request) -> Response:
            share = await gate.admit(request, permission=permission)
            borne: load.Load = request.app.state.load
            with borne.hold() as own:
                request.state.hold = own
                strict = await self._read(request, own)
                response = await (idempotency.once(strict, answer) if is_once else answer(strict))
            response.headers.update(share.headers())
            return response

        return handle

    async def _read(self, request: Request, own: load.Hold) -> bodies.StrictRequest:
        """Return the request, its body within its bounds and, unless it is a file, read already.

        Raises BodyTooLarge (413), Unavailable (503); the framework would make a malformed request of either.
        """
        settings = request.app.state.settings
        at_most = settings.max_body_bytes if self.takes_files else settings.max_json_bytes
        strict = bodies.StrictRequest(request.scope, load.held(request.receive, own, at_most=at_most))
        if self.body_field is not None:
            await strict.body()
        return strict


class Router(APIRouter):
    """A feature's router; the endpoint's function name is its operation id, its permission and its audit action."""

    def __init__(self, *, prefix: str, tags: list[str]) -> None:
        super().__init__(
            prefix=prefix,
            tags=list(tags),
            route_class=Route,
            generate_unique_id_function=_operation_id,
            redirect_slashes=False,
        )
        self._beginning = prefix.partition("{")[0]

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add an operation, its body strictly read."""
        bodies.read_from_bytes(endpoint)
        super().add_api_route(path, endpoint, **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Look among the operations only where the address begins as theirs do: most are for another router."""
        return super().matches(scope) if scope["path"].startswith(self._beginning) else (Match.NONE, {})


def _operation_id(route: APIRoute) -> str:
    return route.name
