"""What endpoints ask the frame for, as annotated aliases: a session, the caller, the day, a page, a version."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated

from asgi_correlation_id.context import correlation_id
from fastapi import Depends, Header, Query, Request

from services.shared import clock, database, dates, direct, paging
from services.shared.identity.actor import Actor
from services.shared.settings import installation
from services.shared.web import etags


async def _read(request: Request) -> AsyncIterator[database.ReadSession]:
    store: database.Database = request.app.state.database
    async with store.read(actor=request.state.actor, request_id=correlation_id.get()) as session:
        yield session


async def _direct(request: Request) -> direct.Direct:
    return direct.Direct(request.app.state.database, request.state.actor, correlation_id.get())


async def _write(request: Request) -> AsyncIterator[database.WriteSession]:
    if (begun := getattr(request.state, "session", None)) is not None:
        yield begun  # An act done once only: its session is `idempotency`'s, which commits it with the stored answer.
        return
    store: database.Database = request.app.state.database
    async with store.write(actor=request.state.actor, request_id=correlation_id.get()) as session:
        yield session


async def _database(request: Request) -> database.Database:
    store: database.Database = request.app.state.database
    return store


async def _caller(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


async def _request_id() -> str | None:
    return correlation_id.get()


async def _settings(request: Request) -> installation.Settings:
    settings: installation.Settings = request.app.state.settings
    return settings


async def today() -> date:
    """Return the present Europe/London day; tests override this dependency."""
    return dates.london_date(clock.now())


async def _page(
    limit: Annotated[int, Query(ge=paging.SMALLEST, le=paging.LARGEST, description="Items on a page.")] = paging.USUAL,
    cursor: Annotated[
        str | None, Query(max_length=paging.LONGEST_CURSOR, description="`next_cursor` of the page before.")
    ] = None,
) -> paging.Page:
    return paging.Page(limit=limit, cursor=cursor)


async def _if_match(
    if_match: Annotated[str | None, Header(description="The ETag of the version that is amended.")] = None,
) -> int:
    return etags.version_of(if_match)


Read = Annotated[database.ReadSession, Depends(_read, scope="function")]
"""A session for questions; committed (a read record may be in it) before the answer leaves."""

Direct = Annotated[direct.Direct, Depends(_direct)]
"""The database without a session, for questions and amendments that are one statement each."""

Write = Annotated[database.WriteSession, Depends(_write, scope="function")]
"""A session for an act; committed before the answer leaves, rolled back on any trouble."""

Store = Annotated[database.Database, Depends(_database)]
"""The database itself, for an answer that streams (it opens its own session) and for work of several transactions."""

Caller = Annotated[Actor, Depends(_caller)]
RequestId = Annotated[str | None, Depends(_request_id)]
Settings = Annotated[installation.Settings, Depends(_settings)]
Today = Annotated[date, Depends(today)]
Page = Annotated[paging.Page, Depends(_page)]
IfMatch = Annotated[int, Depends(_if_match)]
"""The version that the caller amends: 428 when the header is absent, 400 when malformed; the operation answers 412."""
