"""The database directly: SQL compiled once from SQLAlchemy's Core and run on the driver's own connection, each
statement its own transaction, with the record that it must leave in the statement itself.

`Direct` is one caller's way to it. A session may stand in its place wherever one is open: the statement then belongs
to the session's transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

import asyncpg
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler

from services.shared import database, driver
from services.shared.ciphers import Ciphers
from services.shared.database import Database, ReadSession, WriteSession
from services.shared.errors import Unavailable
from services.shared.identity.actor import Actor
from services.shared.vocabulary.records import Service

Values: TypeAlias = Mapping[str, object]

_DIALECT: Final = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Direct:
    """Who asks or acts, in which request, on which database."""

    store: Database
    actor: Actor
    request_id: str | None

    @property
    def service(self) -> Service:
        """The service that is asked."""
        return self.store.service

    @property
    def ciphers(self) -> Ciphers:
        """The installation's ciphers."""
        return self.store.ciphers


Reading: TypeAlias = Direct | ReadSession | WriteSession
"""Whoever may put a question."""

Acting: TypeAlias = Direct | WriteSession
"""Whoever may change a record."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement's text for the driver, the name of each `$n` in turn, and the values that it carries itself."""

    text: str
    names: tuple[str, ...]
    own: Values

    def arguments(self, values: Values) -> list[object]:
        """Return the value of each `$n`. Raises KeyError for one that nobody gave."""
        own = self.own
        return [values[name] if name in values else own[name] for name in self.names]


def compiled(statement: Executable) -> Statement:
    """Compile a statement for good. What differs from one asking to the next must be a `bindparam` without a value."""
    made: Any = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})  # type: ignore[attr-defined]
    assert isinstance(made, SQLCompiler)  # noqa: S101 (a statement of Core is compiled to nothing else)
    own = {name: _plain(value) for name, value in made.params.items() if value is not None}
    return Statement(str(made), tuple(made.positiontup or ()), own)


async def ask(asking: Reading, statement: Statement, values: Values) -> list[asyncpg.Record]:
    """Run a question, whose only write may be the read record that is part of it. JSON columns are text here.

    Raises what a unit of work raises: an error that names the SQLSTATE and the constraint, never a value.
    """
    if isinstance(asking, Direct):
        return await _alone(asking, statement, values)
    if isinstance(asking, ReadSession):
        return await database.once(asking, statement.text, *statement.arguments(values))
    return await _inside(asking, statement, values)


async def act(acting: Acting, statement: Statement, values: Values) -> list[asyncpg.Record]:
    """Run an act that enters itself in the trail (`amendments` makes no other), alone or in the session's transaction.

    Raises as `ask`.
    """
    if isinstance(acting, Direct):
        return await _committed(acting, statement, values)
    rows = await _inside(acting, statement, values)
    acting.audited = True
    return rows


async def _inside(session: WriteSession, statement: Statement, values: Values) -> list[asyncpg.Record]:
    await session.flush()
    return await (await database.raw(session)).fetch(statement.text, *statement.arguments(values))


async def _committed(direct: Direct, statement: Statement, values: Values) -> list[asyncpg.Record]:
    """Act alone; raise Unavailable, saying that it is in doubt, where the server goes away meanwhile."""
    try:
        return await _alone(direct, statement, values)
    except Unavailable:
        raise Unavailable(database.IN_DOUBT) from None


async def _alone(direct: Direct, statement: Statement, values: Values) -> list[asyncpg.Record]:
    try:
        return await direct.store.lender.fetch(statement.text, statement.arguments(values))
    except driver.TROUBLES as error:
        raise database.translated(error) from None


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
