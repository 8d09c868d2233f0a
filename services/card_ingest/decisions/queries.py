"""Every question about quarantined rows with their content, what came before under their ids, and proposals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, tuple_

from services.card_ingest import deliveries, events, originals
from services.card_ingest.deliveries import StoredDelivery
from services.card_ingest.events import ReadRow
from services.shared import database, paging
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.paging import Page
from services.shared.tables.feed_claims import PaymentMatch
from services.shared.tables.feeds import FeedDelivery, QuarantinedRow, QuarantineResolution
from services.shared.vocabulary.feeds import ProposalStatus, QuarantineStatus, RowOutcome
from services.shared.vocabulary.money import EventStatus

# An event's own account, as the line finds it: a stated one goes before its card's.
_HOLDER: Final = """
    SELECT account.provider_account_ref AS account_ref, agreement.recipient_id, recipient.team_code
    FROM (VALUES ($1::text, $2::text, $3::text)) AS asked(provider_code, card_ref, account_ref)
    LEFT JOIN card ON card.provider_code = asked.provider_code AND card.provider_card_ref = asked.card_ref
    LEFT JOIN account AS named ON named.provider_code = asked.provider_code
        AND named.provider_account_ref = asked.account_ref
    JOIN account ON account.id = CASE WHEN asked.account_ref IS NULL THEN card.account_id ELSE named.id END
    LEFT JOIN agreement ON agreement.id = account.agreement_id
    LEFT JOIN recipient ON recipient.id = agreement.recipient_id
"""

# What came before under an id: of its own kind first. A re-categorised transaction is withdrawn from where it stands.
_EARLIER: Final = """
    SELECT found.*, account.provider_account_ref AS account_ref, card.provider_card_ref AS card_ref,
        agreement.recipient_id, recipient.team_code
    FROM (
        SELECT 'posted' AS kind, account_id, card_id, 'posted' AS status, type, abs(amount_pence) AS amount_pence,
            amount_pence AS effect_pence, occurred_at, booked_on, mcc, merchant_name, merchant_category, merchant_pence,
            merchant_currency, reference, reverses_transaction_id, authorisation_id, NULL AS decline_reason, payee,
            category_rule_id, coalesce((SELECT again.category FROM categorisation AS again
                WHERE again.transaction_id = posted.id ORDER BY again.id DESC LIMIT 1), category) AS category
        FROM card_transaction AS posted WHERE provider_code = $1 AND provider_transaction_id = $2
        UNION ALL
        SELECT 'authorised', account_id, NULL, status, NULL, amount_pence, NULL, authorised_at, NULL, mcc,
            merchant_name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM card_hold WHERE provider_code = $1 AND provider_transaction_id = $2
        UNION ALL
        SELECT 'declined', account_id, NULL, 'declined', NULL, amount_pence, NULL, declined_at, NULL, mcc,
            merchant_name, NULL, NULL, NULL, NULL, NULL, NULL, reason, NULL, NULL, NULL
        FROM card_decline WHERE provider_code = $1 AND provider_transaction_id = $2
    ) AS found
    JOIN account ON account.id = found.account_id LEFT JOIN card ON card.id = found.card_id
    LEFT JOIN agreement ON agreement.id = account.agreement_id
    LEFT JOIN recipient ON recipient.id = agreement.recipient_id
    ORDER BY found.kind <> $3, found.kind <> 'posted' LIMIT 1
"""

# Through the account's own index: what takes a purchase back is hardly ever booked before it, and then waits itself.
_IS_TAKEN_BACK: Final = """
    SELECT EXISTS (SELECT FROM card_transaction
        WHERE account_id = $1 AND booked_on >= $2::date - 31 AND provider_code = $3 AND reverses_transaction_id = $4
            AND type <> ALL ($5::text[]))
"""
MATCH_ORDER: Final = paging.Order(QuarantinedRow.created_at, QuarantinedRow.id, name="matches")
PROPOSAL_ORDER: Final = paging.Order(QuarantineResolution.proposed_at, QuarantineResolution.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A quarantined row with its content: `read` where it could be read, else `raw` as it came (if that may be kept).

    `holder` is whose account it names (account reference, recipient, team), None while nobody has registered it.
    """

    id: UUID
    delivery: StoredDelivery
    number: int
    code: str
    detail: str
    delivered_pence: int | None
    status: QuarantineStatus
    released_as: RowOutcome | None
    waits_for: str | None
    transaction_id: str | None
    created_at: datetime
    read: ReadRow | None
    raw: bytes | None
    holder: Mapping[str, Any] | None

    @property
    def event_status(self) -> EventStatus | None:
        """The status of its event, None where it could not be read."""
        return None if self.read is None else self.read.event.status

    @property
    def recipient_id(self) -> UUID | None:
        """Whose it is, where that is known."""
        return None if self.holder is None else self.holder["recipient_id"]


async def waiting(session: AnySession, row_id: UUID) -> Waiting:
    """Return a quarantined row with its content. Raises NotFound where there is none in the actor's sight."""
    row = await session.get(QuarantinedRow, row_id)
    if row is None:
        raise NotFound("there is no such row")
    return await _opened(session, row)


async def waiting_for_change(session: WriteSession, row_id: UUID) -> Waiting:
    """Return a row, it and its delivery's progress locked until the transaction ends. Raises NotFound.

    The delivery is locked first, as by whoever posts or releases its rows.
    """
    row = await session.get(QuarantinedRow, row_id)
    if row is None:
        raise NotFound("there is no such row")
    of_row = FeedDelivery.number == row.delivery_number
    delivery_id = (await session.execute(select(FeedDelivery.id).where(of_row))).scalar_one()
    await deliveries.lock(session, delivery_id)
    await session.refresh(row, with_for_update=True)
    return await _opened(session, row)


async def earlier(session: AnySession, row: Waiting) -> Mapping[str, Any] | None:
    """Return what came before under the row's id: a posted transaction, an authorisation or a decline."""
    if row.transaction_id is None:
        return None
    connection = await database.raw(session)
    kind = EventStatus.POSTED if row.event_status is None else row.event_status
    found = await connection.fetchrow(_EARLIER, row.delivery.provider_code, row.transaction_id, kind.value)
    return None if found is None else dict(found)


async def has_posted(session: AnySession, provider_code: str, transaction_id: str) -> bool:
    """Tell whether a transaction of this id has posted."""
    connection = await database.raw(session)
    question = "SELECT EXISTS (SELECT FROM card_transaction WHERE provider_code = $1 AND provider_transaction_id = $2)"
    return bool(await connection.fetchval(question, provider_code, transaction_id))


async def is_taken_back(session: AnySession, provider_code: str, earlier: Mapping[str, Any], *, named: str) -> bool:
    """Tell whether posted money takes back the posted transaction that is `named` so, the whole of it or a part."""
    connection = await database.raw(session)
    asked = (earlier["account_id"], earlier["booked_on"], provider_code, named, sorted(originals.NEVER_WAIT))
    return bool(await connection.fetchval(_IS_TAKEN_BACK, *asked))


async def open_proposal(session: AnySession, row_id: UUID) -> QuarantineResolution | None:
    """Return the proposal about a row that nobody has answered, if there is one."""
    of_row = QuarantineResolution.quarantined_row_id == row_id
    is_open = QuarantineResolution.status == ProposalStatus.PROPOSED
    return (await session.scalars(select(QuarantineResolution).where(of_row, is_open))).one_or_none()


async def proposal_for_change(session: WriteSession, resolution_id: UUID) -> QuarantineResolution:
    """Return a proposal, locked until the transaction ends. Raises NotFound."""
    found = await session.get(QuarantineResolution, resolution_id, with_for_update=True)
    if found is None:
        raise NotFound("there is no such proposal")
    return found


async def proposals(
    session: AnySession, *, status: ProposalStatus | None, page: Page
) -> Sequence[QuarantineResolution]:
    """Return proposals, the newest first, one more than the page holds when there is one."""
    newest_first = (QuarantineResolution.proposed_at.desc(), QuarantineResolution.id.desc())
    question = select(QuarantineResolution).order_by(*newest_first).limit(page.rows_asked_for)
    if status is not None:
        question = question.where(QuarantineResolution.status == status)
    if (reached := PROPOSAL_ORDER.after(page)) is not None:
        question = question.where(tuple_(QuarantineResolution.proposed_at, QuarantineResolution.id) < reached)
    return (await session.scalars(question)).all()


async def matched_rows(session: AnySession, *, page: Page) -> Sequence[tuple[QuarantinedRow, UUID]]:
    """Return the rows that tell again of a payment, with their deliveries, the newest first, one more than the
    page holds when there is one.
    """
    is_matched = exists().where(
        PaymentMatch.delivery_number == QuarantinedRow.delivery_number,
        PaymentMatch.row_number == QuarantinedRow.row_number,
    )
    question = (
        select(QuarantinedRow, FeedDelivery.id)
        .join(FeedDelivery, FeedDelivery.number == QuarantinedRow.delivery_number)
        .where(is_matched)
        .order_by(QuarantinedRow.created_at.desc(), QuarantinedRow.id.desc())
        .limit(page.limit + 1)
    )
    if (reached := MATCH_ORDER.after(page)) is not None:
        question = question.where(tuple_(QuarantinedRow.created_at, QuarantinedRow.id) < reached)
    return [(row, delivery_id) for row, delivery_id in await session.execute(question)]


async def matches(session: AnySession, row: QuarantinedRow) -> Sequence[tuple[PaymentMatch, UUID]]:
    """Return what a row was last found to tell again of, with the deliveries of what stands posted."""
    newest = select(func.max(PaymentMatch.revision)).where(*_of_row(PaymentMatch, row)).scalar_subquery()
    question = (
        select(PaymentMatch, FeedDelivery.id)
        .join(FeedDelivery, FeedDelivery.number == PaymentMatch.stands_delivery_number)
        .where(*_of_row(PaymentMatch, row), PaymentMatch.revision == newest)
        .order_by(PaymentMatch.stands_delivery_number, PaymentMatch.stands_row_number)
    )
    return [(match, delivery_id) for match, delivery_id in await session.execute(question)]


def _of_row(match: type[PaymentMatch], row: QuarantinedRow) -> tuple[ColumnElement[bool], ...]:
    return match.delivery_number == row.delivery_number, match.row_number == row.row_number


def sees(session: AnySession, holder: Mapping[str, Any] | None) -> bool:
    """Tell whether the session's actor is shown money of this holder; what is nobody's yet, all who may ask see."""
    team = None if holder is None else holder["team_code"]
    return team is None or (session.actor is not None and session.actor.sees_team(team))


async def _opened(session: AnySession, row: QuarantinedRow) -> Waiting:
    of_row = FeedDelivery.number == row.delivery_number
    delivery_id = (await session.execute(select(FeedDelivery.id).where(of_row))).scalar_one()
    content = None if row.content_encrypted is None else session.ciphers.decrypt(row.content_encrypted)
    is_read = content is not None and row.transaction_id is not None
    read = events.decode(content, number=row.row_number) if content is not None and is_read else None
    holder = None if read is None else await _holder(session, row.provider_code, read)
    if not sees(session, holder):
        raise NotFound("there is no such row")
    return Waiting(
        id=row.id,
        delivery=await deliveries.stored(session, delivery_id),
        number=row.row_number,
        code=row.code,
        detail=row.detail,
        delivered_pence=row.delivered_pence,
        status=row.status,
        released_as=row.released_as,
        waits_for=row.waits_for,
        transaction_id=row.transaction_id,
        created_at=row.created_at,
        read=read,
        raw=None if is_read else content,
        holder=holder,
    )


async def _holder(session: AnySession, provider_code: str, row: ReadRow) -> Mapping[str, Any] | None:
    connection = await database.raw(session)
    found = await connection.fetchrow(_HOLDER, provider_code, row.event.card_ref, row.event.account_ref)
    return None if found is None else dict(found)
