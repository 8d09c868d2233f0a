"""The database as one service sees it: its own role, two kinds of session, and one transaction for each unit of work.

Nothing here or below it logs a value: statements are not echoed, and what PostgreSQL refuses leaves as an error that
names the SQLSTATE and the constraint alone.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from services.shared import ciphers as cipher_keys
from services.shared import database_errors, driver, guarded_sessions
from services.shared.ciphers import Ciphers
from services.shared.errors import Conflict, Stale, Unavailable
from services.shared.identity.actor import Actor
from services.shared.lending import Lender
from services.shared.settings import unsafe
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service

T = TypeVar("T")

ATTEMPTS: Final = 5

_CONTRADICTED: Final = frozenset({"23503", "23505", "23P01"})  # foreign key, unique key, exclusion
_OVERTAKEN: Final = frozenset({"40001", "40P01", "55P03"})  # serialisation, deadlock, lock time-out
_WORTH_REPEATING: Final = frozenset({"40001", "40P01"})
IN_DOUBT: Final = (
    "the database went away while this was being stored, and whether it was is not known: send the same request again,"
    " with the same Idempotency-Key where it has one"
)


class UnauditedWrite(RuntimeError):
    """A unit of work changed or locked rows and left no mark in the trail: it is rolled back. A defect of ours."""


class DatabaseTroubleError(RuntimeError):
    """PostgreSQL refused a statement for another reason; the error names the SQLSTATE and the constraint alone."""

    def __init__(self, *, sqlstate: str | None, constraint_name: str | None) -> None:
        super().__init__(f"PostgreSQL refused: SQLSTATE {sqlstate}, constraint {constraint_name}")
        self.sqlstate = sqlstate
        self.constraint_name = constraint_name


class IntegrityTrouble(Conflict):
    """A unique or foreign key stands against the act; `constraint` is its name, and so is `code` where it is known."""

    code = "constraint_violated"

    def __init__(self, constraint: str | None) -> None:
        super().__init__(f"the record contradicts another ({constraint})", code=constraint)
        self.constraint = constraint


class Overtaken(Conflict):
    """Another act took the same rows at the same time; the same request may succeed if sent again."""

    code = "overtaken"

    def __init__(self, sqlstate: str) -> None:
        super().__init__("another act was working on the same records: try again")
        self.sqlstate = sqlstate


class ReadSession(AsyncSession):
    """A session for questions: it changes nothing, except that `audit.record_read` leaves a row in the read log."""

    sync_session_class = guarded_sessions.ReadOnly

    def __init__(self, database: "Database", *, actor: Actor | None, request_id: str | None) -> None:
        super().__init__(database.engine, expire_on_commit=False)
        self.service: Service = database.service
        self.ciphers: Ciphers = database.ciphers
        self.actor = actor
        self.request_id = request_id


class WriteSession(AsyncSession):
    """A session for acts: it commits no changed row unless `audit` has left its mark (`audited`) in the transaction."""

    sync_session_class = guarded_sessions.Audited

    def __init__(self, database: "Database", *, actor: Actor, request_id: str | None) -> None:
        super().__init__(database.engine, expire_on_commit=False)
        self.service: Service = database.service
        self.ciphers: Ciphers = database.ciphers
        self.actor = actor
        self.request_id = request_id

    @property
    def audited(self) -> bool:
        """Whether an entry stands in the transaction; rolling back, even to a savepoint, takes the mark away."""
        return bool(self.info.get(guarded_sessions.AUDITED))

    @audited.setter
    def audited(self, is_audited: bool) -> None:
        self.info[guarded_sessions.AUDITED] = is_audited

    async def commit(self) -> None:
        """Commit, or raise UnauditedWrite when rows changed (or were locked) and no entry says who did it."""
        await self.flush()
        if not self.audited and await self._has_written():
            await self.rollback()
            raise UnauditedWrite("rows changed, and audit left no mark in the transaction")
        await super().commit()
        self.audited = False

    async def _has_written(self) -> bool:
        if not self.in_transaction() or not (connection := await _driver(self)).is_in_transaction():
            return False
        return bool(await connection.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"))


AnySession: TypeAlias = ReadSession | WriteSession


@dataclass(frozen=True, slots=True)
class Database:
    """One service's way into the database. `engine` itself is for the machinery of `shared` alone."""

    service: Service
    engine: AsyncEngine
    ciphers: Ciphers
    settings: Settings = field(repr=False)
    lender: Lender = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Let half of the pool stay at hand for single statements; sessions have the rest."""
        object.__setattr__(self, "lender", Lender(self.engine, at_hand=max(1, self.settings.pool_size // 2)))

    @asynccontextmanager
    async def read(self, *, actor: Actor | None = None, request_id: str | None = None) -> AsyncGenerator[ReadSession]:
        """Open a read session; a clean end commits the read record, if there is one."""
        async with _unit(ReadSession(self, actor=actor, request_id=request_id)) as session:
            yield session

    @asynccontextmanager
    async def write(self, *, actor: Actor, request_id: str | None = None) -> AsyncGenerator[WriteSession]:
        """Open a write session; a clean end commits, an error rolls back everything, COPY included."""
        async with _unit(WriteSession(self, actor=actor, request_id=request_id)) as session:
            yield session

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.lender.close()
        await self.engine.dispose()


async def connect(settings: Settings, *, service: Service) -> Database:
    """Connect as the service's own role; without `database_url` the embedded server is started or found.

    Raises UnsafeSettingsError in production when a setting, or the server itself, would lose or expose records.
    """
    unsafe.refuse_unsafe(settings)
    role = role_name(settings, service)
    url = await driver.address(settings, role=role, password=password(settings, service))
    engine = driver.engine(url, settings=settings, application_name=role)
    database = Database(service=service, engine=engine, ciphers=cipher_keys.from_settings(settings), settings=settings)
    if settings.is_production:
        await _refuse_forgetful_server(database)
    return database


def role_name(settings: Settings, service: Service) -> str:
    """Return the database role of a service: one council's roles carry the name of its schema."""
    return f"{settings.schema_name}_{service.value}"


def password(settings: Settings, service: Service) -> str | None:
    """Return the password of a service's role, None where the server asks for none (a private socket)."""
    secret = {
        Service.DP_API: settings.database_password_dp_api,
        Service.CARD_INGEST: settings.database_password_card_ingest,
        Service.CLAWBACK: settings.database_password_clawback,
    }[service]
    return secret.get_secret_value() if secret else None


async def raw(session: AnySession) -> driver.Connection:
    """Return the driver's connection inside the session's open transaction, for COPY and for compiled SQL.

    SQLAlchemy begins the transaction only with its own first statement, and a COPY before it would be committed
    whatever becomes of the unit of work: so one is sent first where none has been. JSON columns are text here.
    """
    connection = await _driver(session)
    if not connection.is_in_transaction():
        await session.execute(text("SELECT 1"))
    if not connection.is_in_transaction():
        raise RuntimeError("the driver's connection is in no transaction")
    return connection


async def once(session: AnySession, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Run one statement that is a whole question by itself, its read record included, in one round trip.

    It stands in no transaction unless the session has begun one. JSON columns are text here.
    """
    connection = await _driver(session)
    return await connection.fetch(statement, *arguments)


async def on_transient(act: Callable[[], Awaitable[T]]) -> T:
    """Do a whole unit of work, again (five times at most) when a deadlock or serialisation failure undid it."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await act()
        except (Overtaken, DBAPIError, asyncpg.PostgresError) as error:
            if database_errors.sqlstate_of(error) not in _WORTH_REPEATING:
                raise
        await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 (only spreads the contenders)
    return await act()


def translated(error: Exception) -> Exception:
    """Return the error that may leave a unit of work: one that names the SQLSTATE and the constraint, never a value."""
    if isinstance(error, StaleDataError):
        return Stale("the record has been amended since it was read")
    if driver.is_away(error):
        return Unavailable("the database cannot do this just now: try again")
    state = database_errors.sqlstate_of(error)
    if state in _CONTRADICTED:
        return IntegrityTrouble(database_errors.constraint_of(error))
    if state in _OVERTAKEN:
        return Overtaken(state)
    return DatabaseTroubleError(sqlstate=state, constraint_name=database_errors.constraint_of(error))


AnyKind = TypeVar("AnyKind", ReadSession, WriteSession)


@asynccontextmanager
async def _unit(session: AnyKind) -> AsyncGenerator[AnyKind]:
    async with session:
        try:
            yield session
            await _commit(session)
        except (*driver.TROUBLES, StaleDataError) as error:
            await _undo(session, error)
            raise translated(error) from None


async def _commit(session: AnySession) -> None:
    """Commit; raise Unavailable, saying that it is in doubt, where the server goes away while it is asked to."""
    try:
        await session.commit()
    except driver.TROUBLES as error:
        if not driver.is_away(error):
            raise
        await _undo(session, error)
        raise Unavailable(IN_DOUBT) from None


async def _undo(session: AnySession, error: Exception) -> None:
    """Roll back; a connection whose server is gone or silent is given up instead, since it would not answer that."""
    with suppress(*driver.TROUBLES):
        if driver.is_away(error) and database_errors.sqlstate_of(error) is None:
            await session.invalidate()
        else:
            await session.rollback()


async def _driver(session: AsyncSession) -> driver.Connection:
    return await driver.of(await session.connection())


async def _refuse_forgetful_server(database: Database) -> None:
    off = await driver.durability_off(database.engine)
    if off:
        await database.close()
    unsafe.refuse(database.settings, [f"the server's {name} is off: a committed payment could be lost" for name in off])
