"""A delivery on the record: stored once with its content, and its progress moved on by each batch."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Select, func, insert, or_, select

from services.card_ingest import keeping, outcomes
from services.card_ingest.events import Row
from services.card_ingest.keeping import Chunk, Fingerprint
from services.card_ingest.outcomes import Count, Tally
from services.shared import audit, database, dates
from services.shared.audit import Subject
from services.shared.database import AnySession, ReadSession, WriteSession
from services.shared.errors import Conflict, NotFound
from services.shared.lifecycles.feeds import DELIVERY
from services.shared.tables.feeds import FeedBatch, FeedContent, FeedDelivery, FeedProgress, FeedProvider
from services.shared.vocabulary.feeds import DeliveryDoor, DeliveryStatus, RowOutcome

SUBJECT: Final = "feed_delivery"

_ACTIONS: Final = {
    DeliveryDoor.SIGNED_PUSH: "deliver_feed",
    DeliveryDoor.STAFF_UPLOAD: "upload_feed_file",
    DeliveryDoor.COMMAND_LINE: "import_feed_file",
    DeliveryDoor.WATCHED_FOLDER: "take_in_feed_file",
    DeliveryDoor.POLLING: "take_in_feed_page",
}
_OVER_HTTP: Final = (DeliveryDoor.SIGNED_PUSH, DeliveryDoor.STAFF_UPLOAD)


class DeliveryIdReused(Conflict):
    """The sender's own id has come before with other bytes."""

    code = "delivery_id_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What is known of a delivery when it is stored; `rows` have been counted, and none is posted yet."""

    provider_code: str
    door: DeliveryDoor
    profile: str
    profile_version: int
    account_ref: str | None
    external_id: str | None
    came: Fingerprint
    rows: int
    received_at: datetime
    sequence: int | None = None

    @property
    def received_on(self) -> date:
        """The Europe/London day on which it comes."""
        return dates.london_date(self.received_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as the stages that post it need it."""

    id: UUID
    number: int
    provider_code: str
    profile: str
    account_ref: str | None
    received_at: datetime
    rows: int

    @property
    def received_on(self) -> date:
        """The Europe/London day on which it came."""
        return dates.london_date(self.received_at)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a delivery has come."""

    status: DeliveryStatus
    rows_done: int


async def require_provider(session: AnySession, provider_code: str) -> None:
    """Raise NotFound unless the provider is registered."""
    if await session.get(FeedProvider, provider_code) is None:
        raise NotFound("there is no such provider", code="unknown_provider")


async def find(session: AnySession, new: NewDelivery) -> UUID | None:
    """Return the delivery that this one repeats, byte for byte or under the same id of the sender.

    Raises DeliveryIdReused where the sender's id has come with other bytes.
    """
    same_bytes = (
        (FeedDelivery.sha256 == new.came.sha256)
        & (FeedDelivery.profile == new.profile)
        & (FeedDelivery.profile_version == new.profile_version)
        & FeedDelivery.account_ref.is_not_distinct_from(new.account_ref)
    )
    known = same_bytes if new.external_id is None else or_(same_bytes, FeedDelivery.external_id == new.external_id)
    of_provider = FeedDelivery.provider_code == new.provider_code
    question = select(FeedDelivery.id, FeedDelivery.sha256).where(of_provider, known)
    found = (await session.execute(question)).all()
    if any(sha256 != new.came.sha256 for _, sha256 in found):
        raise DeliveryIdReused("this webhook-id has come before with another body; nothing was stored")
    return found[0][0] if found else None


async def store(session: WriteSession, new: NewDelivery, chunks: Iterator[Chunk]) -> StoredDelivery:
    """Store a delivery and its content, one chunk in memory at a time.

    Raises IntegrityTrouble where the same delivery was stored meanwhile.
    """
    delivery_id = uuid4()
    columns = {name: getattr(new, name) for name in _STORED} | {
        "id": delivery_id,
        "sha256": new.came.sha256,
        "size_bytes": new.came.size_bytes,
    }
    number = await session.scalar(insert(FeedDelivery).values(columns).returning(FeedDelivery.number))
    place = 0
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        sealed = await asyncio.to_thread(keeping.sealed, chunk, ciphers=session.ciphers)
        row = {"delivery_id": delivery_id, "chunk": place, "content": sealed, "is_redacted": chunk.is_redacted}
        await session.execute(insert(FeedContent).values(row))
        place += 1
    await session.execute(insert(FeedProgress).values(_not_begun(delivery_id, new)))
    await audit.record(
        session,
        action=_ACTIONS[new.door],
        subject=Subject(SUBJECT, str(delivery_id)),
        after={"provider": new.provider_code, "profile": new.profile, "rows": new.rows},
        digest=new.came.sha256,
    )
    return StoredDelivery(
        id=delivery_id,
        number=number or 0,
        provider_code=new.provider_code,
        profile=new.profile,
        account_ref=new.account_ref,
        received_at=new.received_at,
        rows=new.rows,
    )


async def stored(session: AnySession, delivery_id: UUID) -> StoredDelivery:
    """Return a delivery that was stored before."""
    found = (await session.execute(_stored().where(FeedDelivery.id == delivery_id))).one()
    return StoredDelivery(**found._mapping)


async def unfinished(session: ReadSession, *, more_than: int, still_since: datetime) -> list[StoredDelivery]:
    """Return the deliveries that wait to be posted, the oldest first.

    They are those over HTTP of more rows than are posted at once, and those that nobody has moved on since a moment.
    """
    batches = select(func.max(FeedBatch.posted_at)).where(FeedBatch.delivery_id == FeedDelivery.id)
    moved_at = func.coalesce(batches.scalar_subquery(), FeedDelivery.received_at)
    is_left_to_us = (
        (FeedProgress.status == DeliveryStatus.STORED)
        & (FeedProgress.rows > more_than)
        & FeedDelivery.door.in_(_OVER_HTTP)
    )
    question = _stored().where(FeedProgress.status != DeliveryStatus.POSTED, is_left_to_us | (moved_at < still_since))
    return [StoredDelivery(**found._mapping) for found in await session.execute(question.order_by(FeedDelivery.number))]


async def chunk(session: ReadSession, delivery_id: UUID, place: int) -> bytes | None:
    """Return one chunk of a delivery's kept content in clear, None after the last."""
    found = await session.scalar(
        select(FeedContent.content).where(FeedContent.delivery_id == delivery_id, FeedContent.chunk == place)
    )
    return None if found is None else await asyncio.to_thread(keeping.unsealed, found, ciphers=session.ciphers)


async def is_redacted(session: ReadSession, delivery_id: UUID) -> bool:
    """Tell whether card numbers were found in a delivery and destroyed."""
    found = select(FeedContent.delivery_id).where(FeedContent.delivery_id == delivery_id, FeedContent.is_redacted)
    return (await session.execute(found.limit(1))).first() is not None


async def rows_done(session: ReadSession, delivery_id: UUID) -> int:
    """Return how many rows of a delivery are done."""
    question = select(FeedProgress.rows_done).where(FeedProgress.delivery_id == delivery_id)
    return (await session.execute(question)).scalar_one()


async def lock(session: WriteSession, delivery_id: UUID) -> Progress:
    """Return how far a delivery has come, and keep everybody else from moving it on until the transaction ends."""
    connection = await database.raw(session)
    found = await connection.fetchrow(_LOCK, delivery_id)
    assert found is not None  # noqa: S101 (the progress is stored with its delivery)
    return Progress(DeliveryStatus(found["status"]), found["rows_done"])


async def advance(
    session: WriteSession,
    delivery: StoredDelivery,
    progress: Progress,
    *,
    rows: Sequence[Row],
    counted: Tally,
    now: datetime,
) -> None:
    """Count a batch of rows as done. Raises RowsLostError unless each is counted in exactly one place."""
    came = outcomes.total(rows)
    unread = sum(row.delivered_pence is None for row in rows)
    outcomes.require_all(came, counted)
    status = progress.status
    if status is DeliveryStatus.STORED:
        status = DELIVERY.move(status, "begin")
    is_last = progress.rows_done + came.rows == delivery.rows
    if is_last:
        status = DELIVERY.move(status, "finish")
    connection = await database.raw(session)
    finished_at = now if is_last else None
    await connection.execute(
        _ADVANCE, delivery.id, status.value, came.rows, came.pence, unread, finished_at, *_figures(counted)
    )


async def move_released(
    session: WriteSession,
    delivery_id: UUID,
    *,
    left: Count,
    counted: Tally,
    out_of: RowOutcome = RowOutcome.QUARANTINED,
) -> None:
    """Count rows that left the quarantine, or where they had ended before, where they have ended now."""
    outcomes.require_all(left, counted)
    connection = await database.raw(session)
    moved = {**counted, out_of: Count(-left.rows, -left.pence)}
    await connection.execute(_MOVE, delivery_id, *_figures(moved))


_LOCK: Final = "SELECT status, rows_done FROM feed_progress WHERE delivery_id = $1 FOR UPDATE"
_COUNTED: Final = [f"{outcome.value}_{unit}" for outcome in RowOutcome for unit in ("rows", "pence")]


def _added(*, first: int) -> str:
    """Return the assignments that move each outcome's columns, by parameters from this one on."""
    return ", ".join(f"{column} = {column} + ${place}" for place, column in enumerate(_COUNTED, first))


_ADVANCE: Final = f"""
UPDATE feed_progress SET status = $2, rows_done = rows_done + $3, delivered_pence = delivered_pence + $4,
    unread_amounts = unread_amounts + $5, finished_at = $6, {_added(first=7)}
WHERE delivery_id = $1
"""  # noqa: S608 (joined from constants)
_MOVE: Final = f"UPDATE feed_progress SET {_added(first=2)} WHERE delivery_id = $1"  # noqa: S608
_STORED: Final = (
    *("provider_code", "door", "profile", "profile_version", "account_ref", "external_id", "received_at"),
    "sequence",
)


def _stored() -> Select[Any]:
    names = ("id", "number", "provider_code", "profile", "account_ref", "received_at")
    columns: list[Any] = [getattr(FeedDelivery, name) for name in names]
    return select(*columns, FeedProgress.rows).join(FeedProgress, FeedProgress.delivery_id == FeedDelivery.id)


def _not_begun(delivery_id: UUID, new: NewDelivery) -> dict[str, object]:
    """Return the progress of a delivery of which nothing is done; one without rows (a statement without entries) is
    done with that.
    """
    nothing = {f"{outcome.value}_{unit}": 0 for outcome in RowOutcome for unit in ("rows", "pence")}
    status = DELIVERY.initial
    if not new.rows:
        status = DELIVERY.move(DELIVERY.move(status, "begin"), "finish")
    begun = {"delivery_id": delivery_id, "status": status, "rows": new.rows, "rows_done": 0}
    finished_at = None if new.rows else new.received_at
    return nothing | begun | {"delivered_pence": 0, "unread_amounts": 0, "finished_at": finished_at}


def _figures(counted: Tally) -> list[int]:
    """Return rows and pence of each outcome, in the order of the progress columns."""
    counts = [counted.get(outcome, outcomes.NOTHING) for outcome in RowOutcome]
    return [figure for count in counts for figure in (count.rows, count.pence)]
