"""Acts on quarantined rows: one person proposes, another confirms or rejects; and the reading of a row's content."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from services.card_ingest import reasons
from services.card_ingest.decisions import changed_days, queries, replacing_days, rules, schemas, settling
from services.card_ingest.decisions.changed_days import ChangedDay
from services.card_ingest.decisions.queries import Waiting
from services.card_ingest.events import ReadRow
from services.shared import audit
from services.shared.audit import Subject
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, NotFound
from services.shared.lifecycles.feeds import QUARANTINE, RESOLUTION
from services.shared.paging import Page, Paged
from services.shared.tables.feed_claims import PaymentMatch
from services.shared.tables.feeds import QuarantinedRow, QuarantineResolution
from services.shared.vocabulary.feeds import ProposalStatus, Resolution, RowOutcome
from services.shared.vocabulary.money import EventStatus

SUBJECT: Final = "quarantined_row"

_FIELDS: Final = (
    "status", "type", "amount_pence", "effect_pence", "occurred_at", "booked_on", "account_ref", "card_ref", "mcc",
    "merchant_name", "merchant_category", "merchant_pence", "merchant_currency", "reference", "reverses_transaction_id",
    "authorisation_id", "decline_reason",
)  # fmt: skip


class NotPossible(Conflict):
    """A row of this reason cannot be resolved so."""

    code = "resolution_not_possible"


class ProposedAlready(Conflict):
    """Somebody has proposed what becomes of the row, and nobody has answered yet."""

    code = "proposed_already"


class SamePerson(Conflict):
    """Whoever proposed cannot confirm."""

    code = "same_person"


async def read_quarantined_row(session: ReadSession, *, row_id: UUID, now: datetime) -> schemas.RowContent:
    """Show a row's content beside what came before under its id. Raises NotFound."""
    row = await queries.waiting(session, row_id)
    earlier = await queries.earlier(session, row)
    if not queries.sees(session, earlier):
        raise NotFound("there is no such row")
    people = {found["recipient_id"] for found in (row.holder, earlier) if found and found["recipient_id"]}
    kind, ids = ("recipient", sorted(people)) if people else (SUBJECT, [row_id])
    await audit.record_read(session, action="read_quarantined_row", subject_kind=kind, subject_ids=ids)
    return _shown(row, earlier, await changed_days.of_row(session, row), now=now)


async def propose_resolution(
    session: WriteSession, *, row_id: UUID, values: schemas.NewResolution, now: datetime
) -> schemas.ProposedResolution:
    """Propose what becomes of a waiting row. Raises NotFound, Conflict, NotPossible, ProposedAlready, DayNotWhole."""
    row = await queries.waiting_for_change(session, row_id)
    await _require_open(session, row, values.resolution)
    _require_possible(row, values)
    if await queries.open_proposal(session, row_id) is not None:
        raise ProposedAlready("somebody has proposed what becomes of this row: answer that first")
    is_replaced = values.resolution is Resolution.REPLACE
    proposed = QuarantineResolution(
        id=uuid4(),
        quarantined_row_id=row_id,
        resolution=values.resolution,
        reason=values.reason,
        proposed_by=_person(session),
        proposed_at=now,
        status=RESOLUTION.initial,
        decided_by=None,
        decided_at=None,
        decision_reason=None,
        withdraws=await replacing_days.withdrawals(session, row) if is_replaced else None,
    )
    session.add(proposed)
    await session.flush()
    after = {"proposal": proposed.id, "resolution": values.resolution, "status": proposed.status}
    after |= {} if proposed.withdraws is None else {"withdraws": proposed.withdraws}
    await _record(session, row, action="propose_resolution", after=after, reason=values.reason)
    return schemas.ProposedResolution.model_validate(proposed)


async def confirm_resolution(
    session: WriteSession, *, resolution_id: UUID, values: schemas.Answer, now: datetime
) -> schemas.ProposedResolution:
    """Confirm another person's proposal, and carry it out at once.

    Raises NotFound, SamePerson, Conflict where it was answered or the row has gone, CannotPost, NothingToReplace,
    DayNotWhole, DayChangedMeanwhile.
    """
    proposed = await queries.proposal_for_change(session, resolution_id)
    status = RESOLUTION.move(proposed.status, "confirm")
    if not rules.are_two_people(proposed_by=proposed.proposed_by, confirmed_by=_person(session)):
        raise SamePerson("another person than the one who proposed it confirms a decision")
    row = await queries.waiting_for_change(session, proposed.quarantined_row_id)
    await _require_open(session, row, proposed.resolution)
    _require_possible(row, schemas.NewResolution(resolution=proposed.resolution, reason=proposed.reason))
    if proposed.withdraws is None:
        await settling.settle(session, row, proposed.resolution, now=now)
    else:
        await replacing_days.settle(session, row, proposed, reason=values.reason, now=now)
    return await _answered(session, row, proposed, status, action="confirm_resolution", values=values, now=now)


async def reject_resolution(
    session: WriteSession, *, resolution_id: UUID, values: schemas.Answer, now: datetime
) -> schemas.ProposedResolution:
    """Reject a proposal, one's own too: the row waits on. Raises NotFound, Conflict where it was answered."""
    proposed = await queries.proposal_for_change(session, resolution_id)
    status = RESOLUTION.move(proposed.status, "reject")
    row = await queries.waiting(session, proposed.quarantined_row_id)
    return await _answered(session, row, proposed, status, action="reject_resolution", values=values, now=now)


async def list_resolutions(
    session: ReadSession, *, status: ProposalStatus | None, page: Page
) -> Paged[schemas.ProposedResolution]:
    """Return proposals and their answers, the newest first."""
    found = await queries.proposals(session, status=status, page=page)
    shown, next_cursor = queries.PROPOSAL_ORDER.cut(found, page, key=lambda each: (each.proposed_at, each.id))
    items = [schemas.ProposedResolution.model_validate(each) for each in shown]
    return Paged(items=items, next_cursor=next_cursor)


async def list_payment_matches(session: ReadSession, *, page: Page) -> Paged[schemas.PaymentMatch]:
    """Return the rows that tell again of a payment, beside what stands posted, the newest first."""
    found = await queries.matched_rows(session, page=page)
    shown, next_cursor = queries.MATCH_ORDER.cut(found, page, key=lambda pair: (pair[0].created_at, pair[0].id))
    items = [_shown_match(row, delivery_id, await queries.matches(session, row)) for row, delivery_id in shown]
    return Paged(items=items, next_cursor=next_cursor)


def _shown_match(
    row: QuarantinedRow, delivery_id: UUID, matches: Sequence[tuple[PaymentMatch, UUID]]
) -> schemas.PaymentMatch:
    first = matches[0][0]
    return schemas.PaymentMatch(
        quarantined_row_id=row.id,
        provider=row.provider_code,
        delivery_id=delivery_id,
        row_number=row.row_number,
        stands=[
            schemas.StandingRow(delivery_id=stands, row_number=match.stands_row_number) for match, stands in matches
        ],
        ground=first.ground,
        matched_at=first.matched_at,
        matched_by=first.matched_by,
        is_undone=row.released_as == RowOutcome.POSTED,
    )


async def _answered(
    session: WriteSession,
    row: Waiting,
    proposed: QuarantineResolution,
    status: ProposalStatus,
    *,
    action: str,
    values: schemas.Answer,
    now: datetime,
) -> schemas.ProposedResolution:
    before = {"status": proposed.status}
    proposed.status, proposed.decided_by, proposed.decided_at = status, _person(session), now
    proposed.decision_reason = values.reason
    await session.flush()
    after = {"proposal": proposed.id, "resolution": proposed.resolution, "status": status}
    after |= {} if proposed.withdraws is None else {"withdraws": proposed.withdraws}
    await _record(session, row, action=action, before=before, after=after, reason=values.reason)
    return schemas.ProposedResolution.model_validate(proposed)


async def _record(
    session: WriteSession,
    row: Waiting,
    *,
    action: str,
    after: Mapping[str, object],
    reason: str,
    before: Mapping[str, object] | None = None,
) -> None:
    await audit.record(
        session,
        action=action,
        subject=Subject(SUBJECT, str(row.id)),
        before=before,
        after=after,
        person_id=row.recipient_id,
        reason=reason,
    )


async def _require_open(session: WriteSession, row: Waiting, resolution: Resolution) -> None:
    """Raise Conflict where the row has gone, unless its day can still be replaced by what it was told to be, or it was
    found to tell again of a payment and is to post after all.
    """
    if rules.is_undone_match(code=row.code, released_as=row.released_as, resolution=resolution):
        return
    if resolution is not Resolution.REPLACE or not await replacing_days.may_still_be_replaced(session, row):
        QUARANTINE.move(row.status, "release")


def _require_possible(row: Waiting, values: schemas.NewResolution) -> None:
    if values.resolution not in rules.possible(code=row.code, status=row.event_status):
        why = "it could not be read" if row.read is None else "no decision mends why it waits"
        raise NotPossible(f"the row waits because {row.detail}: {why}", pointer="/resolution")


def _person(session: WriteSession) -> str:
    assert session.actor is not None  # noqa: S101 (a write session has one)
    return session.actor.name


def _shown(
    row: Waiting, earlier: Mapping[str, Any] | None, day: ChangedDay | None, *, now: datetime
) -> schemas.RowContent:
    possible = rules.possible(code=row.code, status=row.event_status)
    return schemas.RowContent(
        id=row.id,
        provider=row.delivery.provider_code,
        delivery_id=row.delivery.id,
        row_number=row.number,
        status=row.status,
        code=row.code,
        message=row.detail,
        remedy=reasons.remedy(row.code),
        delivered_pence=row.delivered_pence,
        created_at=row.created_at,
        age_days=(now - row.created_at).days,
        transaction_id=row.transaction_id,
        has_earlier=earlier is not None,
        fields=[] if row.read is None else _side_by_side(row, row.read, earlier),
        text=None if row.raw is None else row.raw.decode("utf-8", errors="backslashreplace"),
        possible=sorted(possible),
        day=None if day is None else _shown_day(day),
    )


def _shown_day(day: ChangedDay) -> schemas.Day:
    stands, added = day.stands, [each.read for each in day.adds]
    unchanged = sum(each.content_id in stands for each in day.waiting)
    return schemas.Day(
        booked_on=day.booked_on,
        adds=[_day_row(msgspec.structs.asdict(row.event), row.effect_pence, row_number=row.number) for row in added],
        lacks=[_day_row(each, each["effect_pence"], row_number=None) for each in day.lacks],
        unchanged=unchanged,
        ended_before=len(day.waiting) - unchanged - len(added),
        unread_rows=day.unread,
    )


def _day_row(told: Mapping[str, Any], effect_pence: int, *, row_number: int | None) -> schemas.DayRow:
    return schemas.DayRow(
        transaction_id=told.get("transaction_id") or told["provider_transaction_id"],
        row_number=row_number,
        type=told["type"],
        effect_pence=effect_pence,
        occurred_at=told["occurred_at"],
        merchant_name=told["merchant_name"],
        reference=told["reference"],
    )


def _side_by_side(row: Waiting, read: ReadRow, earlier: Mapping[str, Any] | None) -> Sequence[schemas.FieldPair]:
    """Return the fields of both versions as text; the waiting one's account is the one that the line would find."""
    mine = msgspec.structs.asdict(read.event) | {"effect_pence": read.effect_pence, "booked_on": read.booked_on}
    mine["account_ref"] = row.holder["account_ref"] if row.holder else read.event.account_ref
    is_whole = earlier is not None and earlier["kind"] == EventStatus.POSTED
    pairs = [(name, _text(mine[name]), _text(earlier[name] if earlier else None)) for name in _FIELDS]
    return [
        schemas.FieldPair(
            name=name, waiting=one, earlier=other, differs=one != other and (is_whole or other is not None)
        )
        for name, one, other in pairs
    ]


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
