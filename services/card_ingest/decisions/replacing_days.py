"""A changed day replaced by what the later file tells of it: the whole day at once, in one decision of two people.

What the day adds posts, what it lacks is taken back by posted rows of its own, and what stands already stays.
"""

import dataclasses
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import insert

from services.card_ingest import batches, complete_days, events
from services.card_ingest.batches import Batch, Policy
from services.card_ingest.decisions import changed_days, queries, rules, settling
from services.card_ingest.decisions.changed_days import ChangedDay, Told
from services.card_ingest.decisions.queries import Waiting
from services.card_ingest.decisions.settling import NothingToReplace
from services.card_ingest.events import ReadRow
from services.card_ingest.outcomes import Result
from services.shared.database import WriteSession
from services.shared.errors import Conflict
from services.shared.tables.feeds import QuarantineResolution
from services.shared.vocabulary.feeds import ProposalStatus, RowOutcome

_FIRST_WITHDRAWN: Final = 0
"""Rows that take back are numbered from here downwards: rows of a delivery begin at 1."""


class DayNotWhole(Conflict):
    """What the delivery tells of the day is not all known yet, so that a row may seem to be lacking which is not."""

    code = "day_not_whole"


class DayChangedMeanwhile(Conflict):
    """What would be taken back is not what the proposer was shown, or a later file is what the day holds by now."""

    code = "day_changed_meanwhile"


async def may_still_be_replaced(session: WriteSession, row: Waiting) -> bool:
    """Tell whether a row's day, all of whose rows were decided one by one, still lacks what stands posted."""
    day = await changed_days.of_row(session, row)
    return day is not None and not day.waiting and bool(day.lacks) and not day.is_behind


async def withdrawals(session: WriteSession, row: Waiting) -> list[str] | None:
    """Return what to replace a row's day takes back, by the provider's ids; None where the row is of no changed day.

    Raises DayNotWhole while a delivery of the feed is being posted, while the row's own has waiting rows that nobody
    can read, and while another's rows of the day would still post by themselves; DayChangedMeanwhile where a later file
    is what the day holds.
    """
    is_posting = await changed_days.is_still_posting(session, changed_days.feed_of(row))
    elsewhere = await changed_days.waiting_elsewhere(session, row)  # Asked first: else one might post unseen between.
    day = await changed_days.of_row(session, row)
    if day is None:
        return None
    if day.is_behind:
        raise DayChangedMeanwhile("a later file is what the day holds by now: end the rows of this one")
    if is_posting:
        raise DayNotWhole("a delivery of this layout is not posted to its end yet: more rows of the day may come")
    if day.unread:
        raise DayNotWhole(f"{day.unread} rows of the delivery cannot be read and may be of this day: end those first")
    if missing := len(elsewhere - {each.content_id for each in day.told}):
        raise DayNotWhole(f"{missing} rows of the day in another file wait for a card or account: end those first")
    return sorted(each["transaction_id"] for each in day.lacks)


async def settle(
    session: WriteSession, row: Waiting, proposed: QuarantineResolution, *, reason: str, now: datetime
) -> None:
    """Replace the row's day, as another person confirms and for which reason. The row's delivery must be locked.

    Raises DayNotWhole, DayChangedMeanwhile, CannotPost, NothingToReplace where money was taken back otherwise.
    """
    await complete_days.alone(session, changed_days.feed_of(row))
    if await withdrawals(session, row) != proposed.withdraws:
        raise DayChangedMeanwhile("what stands of the day has changed since: look at the row and propose again")
    day = await changed_days.of_row(session, row)
    assert day is not None  # noqa: S101 (only a row of a changed day withdraws anything)
    policy = await batches.policy(session, row.delivery.provider_code)
    batch = await _batch(session, row, day, policy)
    if batch.rows:
        settling.require_all(await batches.post_decided(session, row.delivery, batch, now=now))
    await _record_others(session, row, day, proposed, reason=reason, now=now)
    adds = {each.row_id for each in day.adds}
    posted = [each.read for each in day.waiting if each.row_id in adds]
    others = [Result(each.read, _ended(each, day)) for each in day.waiting if each.row_id not in adds]
    await settling.leave(session, row, posted, others, now=now)


async def _batch(session: WriteSession, row: Waiting, day: ChangedDay, policy: Policy) -> Batch:
    """Return the batch that takes back what the day lacks and posts what it adds, in the order of its numbers."""
    provider = row.delivery.provider_code
    rows = [await _posting(session, row, each) for each in day.adds]
    batch = batches.of_rows(rows, policy)
    for place, earlier in enumerate(day.lacks):
        name = earlier["transaction_id"]
        if await queries.is_taken_back(session, provider, earlier, named=name):
            raise NothingToReplace("posted money has taken back what the day lacks: end the day's rows one by one")
        number = _FIRST_WITHDRAWN - place
        withdrawn, record = settling.withdrawal(name, earlier, policy, number=number)
        batch = dataclasses.replace(
            batch,
            rows=[withdrawn, *batch.rows],
            staged={number: withdrawn, **batch.staged},
            records=[record, *batch.records],
        )
    return batch


async def _posting(session: WriteSession, row: Waiting, each: Told) -> ReadRow:
    """Return a row under the id that it posts as: not its own once that was posted and taken back."""
    name = each.content_id
    if not await queries.has_posted(session, row.delivery.provider_code, name):
        return each.read
    place = rules.beside_id(transaction_id=name, delivery_number=row.delivery.number, row_number=each.read.number)
    return events.renamed(each.read, place)


def _ended(each: Told, day: ChangedDay) -> RowOutcome:
    return RowOutcome.ALREADY_POSTED if each.content_id in day.stands else day.ended_before[each.content_id]


async def _record_others(
    session: WriteSession, row: Waiting, day: ChangedDay, proposed: QuarantineResolution, *, reason: str, now: datetime
) -> None:
    """Enter the decision at every row that leaves the quarantine by it, as at the one that it was proposed for."""
    assert session.actor is not None  # noqa: S101 (a write session has one)
    same: dict[str, Any] = {
        "resolution": proposed.resolution,
        "reason": proposed.reason,
        "proposed_by": proposed.proposed_by,
        "proposed_at": proposed.proposed_at,
        "status": ProposalStatus.CONFIRMED,
        "decided_by": session.actor.name,
        "decided_at": now,
        "decision_reason": reason,
    }
    others = [
        {**same, "id": uuid4(), "quarantined_row_id": each.row_id} for each in day.waiting if each.row_id != row.id
    ]
    if others:
        await session.execute(insert(QuarantineResolution), others)
