"""Every SELECT about cases, cut to the teams that the caller sees."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    func,
    literal,
    not_,
    select,
    tuple_,
)

from services.clawback.cases import schemas
from services.clawback.cases.rules import Reading
from services.clawback.cases.schemas import CaseFilter, CaseSort, Order
from services.shared import paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.agreements import Account, Agreement, Budget
from services.shared.tables.clawback import (
    ClawbackCalculation,
    ClawbackCalculationLine,
    ClawbackCase,
    ClawbackPolicy,
    ClawbackRun,
)
from services.shared.tables.feeds import FeedDelivery
from services.shared.tables.people import Recipient

# Where the weekly gross is nil, no number of weeks is more: such a case comes before every other.
_BEYOND_ANY_WEEKS: Final = 2**63 - 1
_SORTED_BY: Final[Mapping[CaseSort, ColumnElement[Any]]] = MappingProxyType(
    {
        CaseSort.EXCESS: ClawbackCase.excess_pence.expression,
        CaseSort.WEEKS_OF_COVER: func.coalesce(
            ClawbackCase.weeks_of_cover_hundredths, literal(_BEYOND_ANY_WEEKS, BigInteger)
        ),
        CaseSort.AGE: ClawbackCase.opened_on.expression,
    }
)
ORDERS: Final[Mapping[tuple[CaseSort, Order], paging.Order[tuple[Any, UUID]]]] = MappingProxyType(
    {
        (sort, order): paging.Order(column, ClawbackCase.id, name=f"{sort.value} {order.value}")
        for sort, column in _SORTED_BY.items()
        for order in Order
    }
)
IS_OPEN: Final = ClawbackCase.closed_on.is_(None)
# The run that tested the agreement last says so, whatever has become of agreement, accounts or feed since. Neither side
# can be NULL, so neither can the answer.
_IS_STILL_OVER: Final = and_(IS_OPEN, ClawbackCase.not_over_on.is_(None))
_QUEUED: Final[Sequence[Any]] = (
    ClawbackCase.id,
    ClawbackCase.agreement_id,
    Agreement.recipient_id,
    Recipient.team_code,
    ClawbackCase.ground,
    ClawbackCase.status,
    ClawbackCase.excess_pence,
    ClawbackCase.weeks_of_cover_hundredths,
    ClawbackCase.opened_on,
    ClawbackCase.last_flagged_on,
    _IS_STILL_OVER.label("is_still_over"),
    Recipient.died_on.is_not(None).label("recipient_has_died"),
    ClawbackCase.version,
    ClawbackCalculation.threshold_pence,
    ClawbackCalculation.low_point_pence,
    ClawbackCalculation.last_load_on,
)
_WORKED_OUT: Final[Sequence[Any]] = (
    ClawbackCase.opened_by_run_id,
    ClawbackCase.calculation_id,
    ClawbackCase.withdrawal_reason,
    ClawbackCalculation.run_id,
    ClawbackRun.started_at,
    ClawbackCalculation.as_of,
    ClawbackCalculation.policy_version,
    ClawbackPolicy.effective_from.label("policy_effective_from"),
    ClawbackPolicy.source.label("policy_source"),
    ClawbackCalculation.budget_id,
    Budget.effective_from.label("budget_effective_from"),
    Budget.revision.label("budget_revision"),
    Budget.weekly_contribution_pence,
    Budget.weekly_net_pence,
    ClawbackCalculation.weekly_gross_pence,
    ClawbackCalculation.threshold_weeks,
    ClawbackCalculation.posted_pence,
    ClawbackCalculation.held_pence,
    ClawbackCalculation.counted_pence,
    ClawbackCalculation.low_point_on,
    ClawbackCalculation.last_load_pence,
)
_PAST: Final[Sequence[Any]] = (
    ClawbackCalculation.id,
    ClawbackCalculation.run_id,
    ClawbackRun.trigger,
    ClawbackRun.started_at,
    ClawbackCalculation.as_of,
    ClawbackCalculation.weekly_gross_pence,
    ClawbackCalculation.threshold_pence,
    ClawbackCalculation.counted_pence,
    ClawbackCalculation.excess_pence,
    ClawbackCalculation.low_point_pence,
)


async def cases(
    session: AnySession, *, wanted: CaseFilter, sort: CaseSort, order: Order, page: paging.Page
) -> Sequence[Row[Any]]:
    """Return the queue: cases in sight by excess, weeks of cover or age, equal ones by id; one more than the page."""
    # The oldest case has the earliest day, so that by age the two directions change places.
    is_falling = (order is Order.DESCENDING) is not (sort is CaseSort.AGE)
    keys = (_SORTED_BY[sort], ClawbackCase.id)
    question = select(*_QUEUED, keys[0].label("sort_key")).where(sight.of_person(session), *_narrowed(wanted))
    if (reached := ORDERS[sort, order].after(page)) is not None:
        question = question.where(tuple_(*keys) < reached if is_falling else tuple_(*keys) > reached)
    by = [key.desc() if is_falling else key.asc() for key in keys]
    return (await session.execute(_joined(question).order_by(*by).limit(page.rows_asked_for))).all()


async def case(session: AnySession, *, case_id: UUID) -> Row[Any]:
    """Return a case in sight with its standing calculation, policy, budget and run, as one row. Raises NotFound."""
    question = (
        _joined(select(*_QUEUED, *_WORKED_OUT))
        .join(ClawbackPolicy, ClawbackPolicy.version == ClawbackCalculation.policy_version)
        .join(Budget, Budget.id == ClawbackCalculation.budget_id)
        .join(ClawbackRun, ClawbackRun.id == ClawbackCalculation.run_id)
        .where(sight.of_person(session), ClawbackCase.id == case_id)
    )
    row = (await session.execute(question)).one_or_none()
    if row is None:
        raise NotFound("no such case")
    return row


async def account_lines(
    session: AnySession, *, calculation_id: UUID, before: datetime
) -> Sequence[schemas.AccountLine]:
    """Return a calculation's accounts, each with the last delivery that its provider had sent before a moment."""
    feed_as_of = (
        select(func.max(FeedDelivery.received_at))
        .where(FeedDelivery.provider_code == Account.provider_code, FeedDelivery.received_at <= before)
        .scalar_subquery()
    )
    question = (
        select(
            ClawbackCalculationLine.account_id,
            ClawbackCalculationLine.account_kind.label("kind"),
            Account.provider_code,
            Account.last_four,
            ClawbackCalculationLine.posted_pence,
            ClawbackCalculationLine.held_pence,
            ClawbackCalculationLine.transactions,
            ClawbackCalculationLine.last_booked_on,
            feed_as_of.label("feed_as_of"),
        )
        .join(Account, Account.id == ClawbackCalculationLine.account_id)
        .where(ClawbackCalculationLine.calculation_id == calculation_id)
        .order_by(Account.opened_on, Account.id)
    )
    return [schemas.AccountLine(**row._mapping) for row in await session.execute(question)]


async def calculations(session: AnySession, *, case_id: UUID) -> Sequence[Row[Any]]:
    """Return every calculation of a case, the newest first, each with its run's trigger and moment."""
    question = (
        select(*_PAST)
        .join(ClawbackRun, ClawbackRun.id == ClawbackCalculation.run_id)
        .where(ClawbackCalculation.case_id == case_id)
        .order_by(ClawbackRun.started_at.desc(), ClawbackCalculation.id)
    )
    return (await session.execute(question)).all()


async def case_for_change(session: WriteSession, *, case_id: UUID) -> ClawbackCase:
    """Return the case itself, locked until the transaction ends. Raises NotFound where it is not in sight."""
    question = (
        select(ClawbackCase)
        .join(Agreement, Agreement.id == ClawbackCase.agreement_id)
        .join(Recipient, Recipient.id == Agreement.recipient_id)
        .where(sight.of_person(session), ClawbackCase.id == case_id)
        .with_for_update(of=ClawbackCase)
    )
    found: ClawbackCase | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such case")
    return found


async def recipient_of(session: WriteSession, *, agreement_id: UUID) -> UUID | None:
    """Return whose agreement it is."""
    found: UUID | None = await session.scalar(select(Agreement.recipient_id).where(Agreement.id == agreement_id))
    return found


def _joined(question: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        question.select_from(ClawbackCase)
        .join(ClawbackCalculation, ClawbackCalculation.id == ClawbackCase.calculation_id)
        .join(Agreement, Agreement.id == ClawbackCase.agreement_id)
        .join(Recipient, Recipient.id == Agreement.recipient_id)
    )


def _narrowed(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.status is not None:
        yield ClawbackCase.status == wanted.status
    if wanted.ground is not None:
        yield ClawbackCase.ground == wanted.ground
    if wanted.reading is Reading.SURPLUS_ALL_CYCLE:
        yield ClawbackCalculation.low_point_pence > ClawbackCalculation.threshold_pence
    if wanted.reading is Reading.OVER_ONLY_SINCE_LOAD:
        yield ClawbackCalculation.low_point_pence <= ClawbackCalculation.threshold_pence
    if wanted.is_still_over is not None:
        yield _IS_STILL_OVER if wanted.is_still_over else not_(_IS_STILL_OVER)
    if wanted.team_code is not None:
        yield Recipient.team_code == wanted.team_code
    if wanted.min_excess_pence is not None:
        yield ClawbackCase.excess_pence >= wanted.min_excess_pence
    if wanted.opened_from is not None:
        yield ClawbackCase.opened_on >= wanted.opened_from
    if wanted.opened_to is not None:
        yield ClawbackCase.opened_on <= wanted.opened_to
