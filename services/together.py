"""The three applications under one origin in one process: the embedded default.

A request goes by its path to the service whose operation it is; `/{service}/...` reaches a service's own pages:
documents, health, figures. Each application's lifespan is entered here, since nothing else would.
"""

import asyncio
import html
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.card_ingest import main as card_ingest
from services.clawback import main as clawback
from services.dp_api import main as dp_api
from services.shared import dev_tokens
from services.shared.database import Database
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app as frame
from services.shared.web import docs, edge, handlers, health, load, metrics, openapi, problems

CREATE: Final = {
    Service.DP_API: dp_api.create,
    Service.CARD_INGEST: card_ingest.create,
    Service.CLAWBACK: clawback.create,
}
"""How each service's application is made."""

JOBS: Final = {
    Service.DP_API: dp_api.JOBS,
    Service.CARD_INGEST: card_ingest.JOBS,
    Service.CLAWBACK: clawback.JOBS,
}
"""What each service does by itself."""

PREFIXES: Final = (
    ("/v1/feeds", Service.CARD_INGEST),
    ("/v1/alerts", Service.CARD_INGEST),
    ("/v1/categories", Service.CARD_INGEST),
    ("/v1/category-rules", Service.CARD_INGEST),
    ("/v1/categorisations", Service.CARD_INGEST),
    ("/v1/clawback", Service.CLAWBACK),
    ("/v1", Service.DP_API),
    (dev_tokens.JWKS_PATH, Service.DP_API),
)
"""Which service's operations lie under which path; the first that fits counts."""

TITLE: Final = "Direct payments"
NAME: Final = "together"


def application(settings: Settings, *, service: Service | None) -> ASGIApp:
    """Return one service's application, or all three under one origin."""
    return Together(settings) if service is None else CREATE[service](settings=settings)


class Together:
    """The one application that hands every request on."""

    def __init__(self, settings: Settings, *, databases: Mapping[Service, Database] | None = None) -> None:
        given = databases or {}
        self.apps: Mapping[Service, FastAPI] = {
            service: create(settings=settings, database=given.get(service)) for service, create in CREATE.items()
        }
        self._root = _root(settings, apps=self.apps)
        self.load = load.of_process(settings)
        for app in (self._root, *self.apps.values()):
            app.state.load = self.load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the life of the process."""
        app, path = self._of(scope["path"]) if scope["type"] == "http" else (self._root, "")
        handed = scope if scope.get("path", path) == path else {**scope, "path": path, "raw_path": path.encode()}
        await app(handed, receive, send)

    def _of(self, path: str) -> tuple[ASGIApp, str]:
        """Return the application that a path belongs to, and the path as that application knows it."""
        for prefix, service in PREFIXES:
            if _is_under(path, prefix):
                return self.apps[service], path
        for service, app in self.apps.items():
            if _is_under(path, f"/{service.value}"):
                return app, path.removeprefix(f"/{service.value}") or "/"
        return self._root, path


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _root(settings: Settings, *, apps: Mapping[Service, FastAPI]) -> FastAPI:
    """Return the application of the pages that belong to no service, whose life holds the services' lives."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    root = FastAPI(
        title=TITLE,
        version=openapi.VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    root.state.apps = apps
    root.state.operations = ()
    root.state.metrics = metrics.Metrics(NAME)
    handlers.install(root)
    for path, endpoint in _PAGES.items():
        root.add_route(path, endpoint, include_in_schema=False)
    edge.install(root, settings=settings, figures=root.state.metrics)
    return root


async def _about(request: Request) -> Response:
    """Answer with what this is, which version, and where each service's documents are."""
    services = {
        service.value: {"documentation": f"/{service.value}{docs.PATH}", "openapi": f"/{service.value}{docs.OPENAPI}"}
        for service in request.app.state.apps
    }
    about = {"title": TITLE, "version": openapi.VERSION, "status": frame.STATUS, "documentation": docs.PATH}
    return JSONResponse({**about, "services": services})


async def _docs(request: Request) -> Response:
    """Answer with the way to each service's documentation."""
    links = "\n".join(
        f'<li><a href="{service.value}{docs.PATH}">{html.escape(app.title)}</a>: {html.escape(app.description)}</li>'
        for service, app in request.app.state.apps.items()
    )
    body = f'<h1>{TITLE}</h1>\n<ul>\n{links}\n</ul>\n<p><a href="problems">What each problem means</a></p>'
    return docs.page(TITLE, body)


async def _ready(request: Request) -> Response:
    """Answer every service's checks; 503 where one keeps its service from its work."""
    apps: Mapping[Service, FastAPI] = request.app.state.apps
    checked = await asyncio.gather(*(health.checks_of(app) for app in apps.values()))
    found = {service.value: checks for service, checks in zip(apps, checked, strict=True)}
    shown = {service: health.shown(checks) for service, checks in found.items()}
    return health.answer([check for checks in found.values() for check in checks.values()], told={"services": shown})


async def _figures(request: Request) -> Response:
    """Answer with every service's figures."""
    found = [app.state.metrics for app in (request.app, *request.app.state.apps.values())]
    return Response(metrics.merged(found), media_type=CONTENT_TYPE_LATEST)


_PAGES: Final = {
    "/": _about,
    docs.PATH: _docs,
    health.LIVE: health.live,
    health.READY: _ready,
    metrics.PATH: _figures,
    problems.PATH: docs.kinds,
    f"{problems.PATH}/{{kind}}": docs.kind,
}
