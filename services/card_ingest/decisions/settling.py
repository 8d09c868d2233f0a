"""A decision carried out: the row ends where two people say, and its delivery's account of rows and pence with it."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.card_ingest import batches, complete_days, deliveries, events, outcomes, quarantine, scanning, staging
from services.card_ingest.batches import Batch, Policy
from services.card_ingest.decisions import changed_days, queries, rules
from services.card_ingest.decisions.queries import Waiting
from services.card_ingest.events import BadRow, CardEvent, ReadRow, Row
from services.card_ingest.matching import stage as matching
from services.card_ingest.outcomes import Result
from services.card_ingest.posting import Posted
from services.card_ingest.quarantine import Origin
from services.card_ingest.reasons import Reason
from services.card_ingest.staging import Record
from services.shared import database
from services.shared.database import WriteSession
from services.shared.errors import Conflict
from services.shared.vocabulary.feeds import Resolution, RowOutcome
from services.shared.vocabulary.money import EventStatus, TransactionType

_WITHDRAWN_ROW = 0
"""Rows of a delivery are numbered from 1: what a decision adds is no row of any delivery."""


class CannotPost(Conflict):
    """The decided row does not post: no account takes it, or it has posted meanwhile. Nothing was changed."""

    code = "decided_row_cannot_post"


class NothingToReplace(Conflict):
    """Nothing has posted under the row's id, or that was replaced or taken back before."""

    code = "nothing_to_replace"


async def settle(session: WriteSession, row: Waiting, resolution: Resolution, *, now: datetime) -> None:
    """Carry a confirmed decision about one row out. Raises CannotPost, NothingToReplace."""
    if resolution in rules.ENDS:
        await leave(session, row, [], [Result(_as_it_came(row), RowOutcome(resolution.value))], now=now)
        if resolution is Resolution.ALREADY_POSTED and row.read is not None and Reason(row.code) in rules.TOLD:
            told = matching.Origin(row.delivery.provider_code, row.delivery.number, now)
            await matching.keep_decided(session, row.read, told, stands_id=row.waits_for)
        return
    read = row.read
    assert read is not None  # noqa: S101 (only a row that could be read can be posted)
    policy = await batches.policy(session, row.delivery.provider_code)
    if resolution is Resolution.REPLACE:
        batch = await _replacing(session, row, read, policy)
    else:
        batch = _batch(_under(read, await _own_id(session, row, read)), policy)
    require_all(await batches.post_decided(session, row.delivery, batch, now=now))
    await leave(session, row, [read], [], now=now)


def require_all(posted: Posted) -> None:
    """Raise CannotPost unless all that was decided on has posted."""
    if posted.others:
        code = posted.others[0].code
        raise CannotPost(f"the row cannot post ({code.value if code else 'already posted'}); nothing was changed")


async def leave(
    session: WriteSession, row: Waiting, posted: Sequence[ReadRow], others: Sequence[Result], *, now: datetime
) -> None:
    """Take the row, and others of its delivery, out of quarantine and count them where they have ended."""
    connection = await database.raw(session)
    origin = Origin(row.delivery.provider_code, row.delivery.number, now)
    gone = await quarantine.release(connection, posted, others, origin)
    left = outcomes.total([*posted, *(result.row for result in gone)])
    counted = outcomes.tally(posted=posted, others=gone)
    await deliveries.move_released(
        session, row.delivery.id, left=left, counted=counted, out_of=row.released_as or RowOutcome.QUARANTINED
    )
    await changed_days.keep(session, row)


def withdrawal(
    transaction_id: str, earlier: Mapping[str, Any], policy: Policy, *, number: int
) -> tuple[ReadRow, Record]:
    """Return the row that takes a posted transaction back, and how it is staged: in the category where that stands."""
    withdrawn = _withdrawn(transaction_id, earlier, number=number)
    record = staging.record(
        withdrawn,
        category=earlier["category"],
        category_rule_id=earlier["category_rule_id"],
        payee=earlier["payee"],
        trial_ref=policy.trial_ref,
    )
    return withdrawn, record


async def _own_id(session: WriteSession, row: Waiting, read: ReadRow) -> str:
    """Return the id under which the row posts beside what stands. Raises CannotPost where it stands itself."""
    own = read.event.provider_transaction_id
    if row.code == Reason.COMPLETE_DAY_CHANGED:  # Else two deliveries might post one row at once, each beside nothing.
        await complete_days.alone(session, changed_days.feed_of(row))
    day = await changed_days.of_row(session, row)
    if day is not None and own in day.stands:
        raise CannotPost("the row cannot post (already posted); nothing was changed")
    place = {"delivery_number": row.delivery.number, "row_number": row.number}
    if scanning.was_redacted(own.encode()):
        return rules.beside_id(transaction_id=own, **place)  # Another row's id may be the same nines.
    is_told = Reason(row.code) in rules.TOLD
    if (day is not None or is_told) and await queries.has_posted(session, row.delivery.provider_code, own):
        return rules.beside_id(transaction_id=own, **place)  # It was taken back, or another message's row has it.
    if is_told:
        return own
    return rules.decided_id(code=row.code, transaction_id=own, **place)


async def _replacing(session: WriteSession, row: Waiting, read: ReadRow, policy: Policy) -> Batch:
    """Return the batch that takes back what posted under the row's id and posts the row in its place."""
    earlier = await queries.earlier(session, row)
    transaction_id = read.event.provider_transaction_id
    if earlier is None or earlier["kind"] != EventStatus.POSTED:
        raise NothingToReplace("no transaction has posted under this id")
    if await queries.has_posted(session, row.delivery.provider_code, rules.withdrawn_id(transaction_id)):
        raise NothingToReplace("the transaction of this id was replaced before: post this row beside it, or end it")
    if await queries.is_taken_back(session, row.delivery.provider_code, earlier, named=transaction_id):
        raise NothingToReplace("posted money has taken the transaction back: post this row beside it, or end it")
    withdrawn, record = withdrawal(transaction_id, earlier, policy, number=_WITHDRAWN_ROW)
    batch = _batch(_under(read, rules.replaced_id(transaction_id)), policy)
    return dataclasses.replace(
        batch,
        rows=[withdrawn, *batch.rows],
        staged={_WITHDRAWN_ROW: withdrawn, **batch.staged},
        records=[record, *batch.records],
    )


def _withdrawn(transaction_id: str, earlier: Mapping[str, Any], *, number: int) -> ReadRow:
    """Return the row that undoes a posted transaction on its own day; money in is taken back as an adjustment."""
    is_money_in = earlier["effect_pence"] > 0
    event = CardEvent(
        provider_transaction_id=rules.withdrawn_id(transaction_id),
        status=EventStatus.POSTED,
        type=TransactionType.ADJUSTMENT if is_money_in else TransactionType.REVERSAL,
        direction="out" if is_money_in else None,
        occurred_at=earlier["occurred_at"],
        booked_on=earlier["booked_on"],
        amount_pence=earlier["amount_pence"],
        account_ref=earlier["account_ref"],
        card_ref=earlier["card_ref"],
        mcc=earlier["mcc"],
        merchant_name=earlier["merchant_name"],
        merchant_category=earlier["merchant_category"],
        reference=earlier["reference"],
        reverses_transaction_id=transaction_id,
    )
    return events.read(event, number=number, received_on=date.max)


def _batch(row: ReadRow, policy: Policy) -> Batch:
    batch = batches.prepared(iter([row]), policy)
    assert batch is not None  # noqa: S101 (there is a row)
    return batch


def _under(row: ReadRow, transaction_id: str) -> ReadRow:
    is_own = row.event.provider_transaction_id == transaction_id
    return row if is_own else events.renamed(row, transaction_id)


def _as_it_came(row: Waiting) -> Row:
    """Return the row as the account of its delivery counts it."""
    return row.read or BadRow(row.number, Reason(row.code), row.detail, row.delivered_pence, None)
