"""Every question about providers' interfaces: which are due, who is asking one, how far we have come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Interval, func, literal, or_, select, update

from services.card_ingest.polling import schemas
from services.shared.database import ReadSession, WriteSession
from services.shared.tables.feeds import FeedPoll

LEASE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """How a provider's interface is asked next, by the worker whose turn it is until `leased_until`."""

    provider_code: str
    url: str
    profile: str
    token_encrypted: bytes | None
    every_seconds: int
    cursor: str | None
    last_outcome: str | None
    failures: int
    next_at: datetime
    leased_until: datetime
    cursor_at: datetime | None


async def due(session: ReadSession, *, now: datetime) -> list[str]:
    """Return the providers whose interface is to be asked, the one that has waited longest first."""
    question = select(FeedPoll.provider_code).where(FeedPoll.is_active, FeedPoll.next_at <= now)
    return list(await session.scalars(question.order_by(FeedPoll.next_at, FeedPoll.provider_code)))


async def leased(session: WriteSession, provider_code: str, *, now: datetime) -> Poll | None:
    """Take the turn to ask a provider's interface for one page; None where it is not due, or another worker has it.

    A worker that dies loses its turn after `LEASE`, which outlasts any answer. The database's clock measures it, so
    that workers on several hosts agree.
    """
    is_free = or_(FeedPoll.leased_until.is_(None), FeedPoll.leased_until <= func.clock_timestamp())
    is_due = (FeedPoll.provider_code == provider_code) & FeedPoll.is_active & (FeedPoll.next_at <= now)
    columns: list[Any] = [getattr(FeedPoll, name) for name in Poll.__slots__]
    until = func.clock_timestamp() + literal(LEASE, Interval)
    taken = update(FeedPoll).where(is_due, is_free).values(leased_until=until).returning(*columns)
    found = (await session.execute(taken)).one_or_none()
    return None if found is None else Poll(**found._mapping)


async def moved_on(session: WriteSession, asked: Poll, values: Mapping[str, object]) -> bool:
    """Keep how it went and give the turn back; false where the interface has been set anew since, or the turn is lost.

    Whoever sets it sets `next_at`; whoever takes the turn sets `leased_until`.
    """
    is_turn = (FeedPoll.provider_code == asked.provider_code) & (FeedPoll.leased_until == asked.leased_until)
    is_as_asked = is_turn & (FeedPoll.next_at == asked.next_at) & FeedPoll.is_active
    kept = {**values, "leased_until": None}
    changed = update(FeedPoll).where(is_as_asked).values(kept).returning(FeedPoll.provider_code)
    return (await session.execute(changed)).first() is not None


async def given_back(session: WriteSession, asked: Poll) -> bool:
    """Give the turn back and keep nothing else; false where another worker has it by now."""
    is_turn = (FeedPoll.provider_code == asked.provider_code) & (FeedPoll.leased_until == asked.leased_until)
    freed = update(FeedPoll).where(is_turn).values(leased_until=None).returning(FeedPoll.provider_code)
    return (await session.execute(freed)).first() is not None


def shown(row: FeedPoll) -> schemas.FeedPoll:
    """Return what is shown of a provider's interface: everything but the token."""
    names = [name for name in schemas.FeedPoll.model_fields if name not in {"provider", "has_token"}]
    known = {name: getattr(row, name) for name in names}
    return schemas.FeedPoll(provider=row.provider_code, has_token=row.token_encrypted is not None, **known)
