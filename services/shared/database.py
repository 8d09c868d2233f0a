"""The database as one service sees it: its own role, two kinds of session, and one transaction for each unit of work.

Nothing here or below it logs a value: statements are not echoed, and what PostgreSQL refuses leaves as an error that
names the SQLSTATE and the constraint alone.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

import asyncpg
from sqlalchemy import TextClause, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction
from sqlalchemy.orm.exc import StaleDataError

from services.shared import ciphers as cipher_keys
from services.shared import database_errors, driver
from services.shared.ciphers import Ciphers
from services.shared.errors import Conflict, Stale
from services.shared.identity.actor import Actor
from services.shared.settings import unsafe
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service

T = TypeVar("T")

ATTEMPTS: Final = 5

_CONTRADICTED: Final = frozenset({"23503", "23505", "23P01"})  # foreign key, unique key, exclusion
_OVERTAKEN: Final = frozenset({"40001", "40P01", "55P03"})  # serialisation, deadlock, lock time-out
_WORTH_REPEATING: Final = frozenset({"40001", "40P01"})
_AUDITED: Final = "audited"
_QUESTION: Final = re.compile(r"[\s(]*(SELECT|WITH|VALUES|TABLE|SHOW)\b", re.IGNORECASE)
_CHANGES: Final = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY)\b", re.IGNORECASE)
_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")


class UnauditedWrite(RuntimeError):
    """A unit of work changed or locked rows and left no mark in the trail: it is rolled back. A defect of ours."""


class ReadOnlyError(RuntimeError):
    """A read session was asked to change rows. A defect of ours."""


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


class _ReadOnly(Session):
    """The synchronous heart of a read session: it refuses every change that passes through SQLAlchemy."""


class _Audited(Session):
    """The synchronous heart of a write session: it forgets the audit mark when anything is rolled back."""


class ReadSession(AsyncSession):
    """A session for questions: it changes nothing, except that `audit.record_read` leaves a row in the read log."""

    sync_session_class = _ReadOnly

    def __init__(self, database: "Database", *, actor: Actor | None, request_id: str | None) -> None:
        super().__init__(database.engine, expire_on_commit=False)
        self.service: Service = database.service
        self.ciphers: Ciphers = database.ciphers
        self.actor = actor
        self.request_id = request_id


class WriteSession(AsyncSession):
    """A session for acts: it commits no changed row unless `audit` has left its mark (`audited`) in the transaction."""

    sync_session_class = _Audited

    def __init__(self, database: "Database", *, actor: Actor, request_id: str | None) -> None:
        super().__init__(database.engine, expire_on_commit=False)
        self.service: Service = database.service
        self.ciphers: Ciphers = database.ciphers
        self.actor = actor
        self.request_id = request_id

    @property
    def audited(self) -> bool:
        """Whether an entry stands in the transaction; rolling back, even to a savepoint, takes the mark away."""
        return bool(self.info.get(_AUDITED))

    @audited.setter
    def audited(self, is_audited: bool) -> None:
        self.info[_AUDITED] = is_audited

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


async def once(session: ReadSession, statement: str, *arguments: object) -> list[asyncpg.Record]:
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


def translated(error: DBAPIError | asyncpg.PostgresError | StaleDataError) -> Exception:
    """Return the error that may leave a unit of work: one that names the SQLSTATE and the constraint, never a value."""
    if isinstance(error, StaleDataError):
        return Stale("the record has been amended since it was read")
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
            await session.commit()
        except (DBAPIError, asyncpg.PostgresError, StaleDataError) as error:
            await session.rollback()
            raise translated(error) from None


async def _driver(session: AsyncSession) -> driver.Connection:
    return await driver.of(await session.connection())


async def _refuse_forgetful_server(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT name FROM pg_settings WHERE setting = 'off' AND name = ANY(:names) ORDER BY name"),
            {"names": list(_DURABILITY)},
        )
        off = [f"the server's {name} is off: a committed payment could be lost" for name in found.scalars()]
    if off:
        await database.close()
    unsafe.refuse(database.settings, off)


@event.listens_for(_ReadOnly, "before_flush")
def _refuse_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if session.new or session.deleted or any(session.is_modified(row) for row in session.dirty):
        raise ReadOnlyError("a read session holds changed rows")


@event.listens_for(_ReadOnly, "do_orm_execute")
def _refuse_change(state: ORMExecuteState) -> None:
    is_change = state.is_insert or state.is_update or state.is_delete
    if isinstance(state.statement, TextClause):
        is_change = _QUESTION.match(state.statement.text) is None or _CHANGES.search(state.statement.text) is not None
    if is_change and not state.execution_options.get("read_record"):
        raise ReadOnlyError("a read session was handed a statement that changes rows")


@event.listens_for(_Audited, "after_soft_rollback")
def _forget_the_mark(session: Session, _rolled_back: SessionTransaction) -> None:
    session.info[_AUDITED] = False
