"""One service's application: routers behind the gate, database and jobs while it runs, health and documents."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.shared import database as databases
from services.shared import dev_tokens, key_checks
from services.shared import jobs as scheduling
from services.shared.database import Database
from services.shared.settings import loading
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import actors, docs, edge, handlers, health, load, metrics, openapi, rates, routing, straight

STATUS: Final = "alpha"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class OpenRouteError(RuntimeError):
    """A router carries a route that has no gate before it. A defect of ours."""


def create_app(
    *,
    service: Service,
    title: str,
    description: str,
    routers: Sequence[routing.Router],
    jobs: Sequence[scheduling.Job],
    settings: Settings | None = None,
    database: Database | None = None,
    provider_of: actors.ProviderOf | None = None,
) -> FastAPI:
    """Create a service's application; with a `database` it uses that one, else it connects while it runs.

    `provider_of` says whose client certificate one is; without it, certificates open nothing.

    Raises OpenRouteError where a router carries a route of another kind than ours.
    """
    settings = settings or loading.load()
    app = FastAPI(
        title=title,
        description=description,
        version=openapi.VERSION,
        openapi_url=docs.OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service, jobs=jobs, settings=settings, database=database),
    )
    app.state.service = service
    app.state.provider_of = provider_of
    app.state.metrics = metrics.Metrics(service.value)
    app.state.load = load.of_process(settings)
    app.state.operations = _operations(routers)
    for router in routers:
        app.include_router(router)
    _add_frame(app, settings=settings)
    openapi.install(app, routes=app.state.operations)
    if database is not None:
        attach(app, settings=settings, database=database)
    return app


def attach(app: FastAPI, *, settings: Settings, database: Database) -> None:
    """Give an application its database, and with it everything that is remembered of callers."""
    app.state.settings = settings
    app.state.database = database
    app.state.actors = actors.Actors(settings, database, provider_of=app.state.provider_of)
    app.state.rates = rates.Rates(settings.rate_limit)
    app.state.feed_rates = rates.Rates(settings.feed_rate_limit)
    app.state.readiness = health.readiness(settings)


def _operations(routers: Sequence[routing.Router]) -> list[routing.Route]:
    found = [route for router in routers for route in router.routes]
    if stray := [route for route in found if not isinstance(route, routing.Route)]:
        raise OpenRouteError(f"these routes have no gate before them: {stray}")
    return [route for route in found if isinstance(route, routing.Route)]


def _add_frame(app: FastAPI, *, settings: Settings) -> None:
    handlers.install(app)
    docs.install(app)
    app.add_route("/", _about, include_in_schema=False)
    app.add_route(health.LIVE, health.live, include_in_schema=False)
    app.add_route(health.READY, health.ready, include_in_schema=False)
    app.add_route(metrics.PATH, metrics.show, include_in_schema=False)
    if settings.has_dev_issuer:
        app.add_route(dev_tokens.JWKS_PATH, _dev_issuer_keys, include_in_schema=False)
    app.add_middleware(straight.Straight, owner=app, routes=app.state.operations)
    edge.install(app, settings=settings, figures=app.state.metrics)


def _lifespan(
    service: Service, *, jobs: Sequence[scheduling.Job], settings: Settings, database: Database | None
) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if database is None:
                own = await databases.connect(settings, service=service)
                stack.push_async_callback(own.close)
                await key_checks.at_start(own)
                attach(app, settings=settings, database=own)
            if settings.runs_jobs_in_process:
                scheduler = scheduling.Scheduler(jobs, app.state.database)
                await scheduler.start()
                stack.push_async_callback(scheduler.stop)
            yield

    return lifespan


async def _about(request: Request) -> Response:
    """Answer with what this is, which version, and where its documents are."""
    state = request.app.state
    about = {"service": state.service.value, "title": request.app.title, "version": request.app.version}
    return JSONResponse({**about, "status": STATUS, "documentation": docs.PATH, "openapi": docs.OPENAPI})


async def _dev_issuer_keys(request: Request) -> Response:
    """Answer with the dev issuer's public key."""
    return JSONResponse(dict(dev_tokens.key_set(dev_tokens.signing_key(request.app.state.settings))))
