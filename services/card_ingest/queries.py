"""Every question about deliveries, their rows, the quarantine and the providers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from services.card_ingest import reasons, schemas
from services.card_ingest.reasons import Reason
from services.shared import database, paging
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.paging import Page, Paged
from services.shared.tables.feeds import FeedDelivery, FeedKey, FeedPoll, FeedProgress, FeedProvider, QuarantinedRow
from services.shared.tables.transactions import CardTransaction
from services.shared.vocabulary.feeds import FeedKeyKind, QuarantineStatus, RowOutcome, SignatureScheme

_WAITING: Final = QuarantinedRow.status == QuarantineStatus.WAITING

# A row is in one of three places; of a released one the quarantine tells how it ended, unless it posted.
_ROWS: Final = """
    SELECT * FROM (
        (SELECT row_number, 'posted' AS outcome, NULL AS code, NULL AS message,
            CASE WHEN $4 = 0 THEN abs(amount_pence) ELSE $4 * amount_pence END AS delivered_pence
        FROM card_transaction WHERE delivery_number = $1 AND row_number > $2 ORDER BY row_number LIMIT $3)
        UNION ALL
        (SELECT row_number, outcome, code, detail, delivered_pence
        FROM feed_row WHERE delivery_number = $1 AND row_number > $2 ORDER BY row_number LIMIT $3)
        UNION ALL
        (SELECT row_number, coalesce(released_as, 'quarantined'), CASE WHEN status = 'waiting' THEN code END,
            CASE WHEN status = 'waiting' THEN detail END, delivered_pence
        FROM quarantined_row WHERE delivery_number = $1 AND row_number > $2 AND released_as IS DISTINCT FROM 'posted'
        ORDER BY row_number LIMIT $3)
    ) AS found ORDER BY row_number LIMIT $3
"""
_DELIVERY_ORDER: Final = paging.Order(FeedDelivery.number)
# All three places of a row hold its number as `card_transaction` does, which is the first that the statement names.
_ROW_ORDER: Final = paging.Order(CardTransaction.row_number)
_QUARANTINE_ORDER: Final = paging.Order(QuarantinedRow.created_at, QuarantinedRow.id)


async def delivery(session: AnySession, delivery_id: UUID) -> FeedDelivery:
    """Return a delivery. Raises NotFound."""
    found = await session.get(FeedDelivery, delivery_id)
    if found is None:
        raise NotFound("there is no such delivery")
    return found


async def receipt(session: AnySession, delivery_id: UUID, *, already_received: bool = False) -> schemas.Receipt:
    """Return the receipt of a delivery as it stands. Raises NotFound."""
    found = await delivery(session, delivery_id)
    progress = await session.get_one(FeedProgress, delivery_id)
    reasons_of_it = await waiting(session, QuarantinedRow.delivery_number == found.number)
    return _receipt(found, progress, reasons_of_it, already_received=already_received)


async def deliveries(session: AnySession, *, provider_code: str, page: Page) -> Paged[schemas.Receipt]:
    """Return the receipts of a provider's deliveries, the newest first."""
    question = (
        select(FeedDelivery, FeedProgress)
        .join(FeedProgress, FeedProgress.delivery_id == FeedDelivery.id)
        .where(FeedDelivery.provider_code == provider_code)
        .order_by(FeedDelivery.number.desc())
        .limit(page.rows_asked_for)
    )
    if (reached := _DELIVERY_ORDER.after(page)) is not None:
        question = question.where(FeedDelivery.number < reached[0])
    found = [(row[0], row[1]) for row in await session.execute(question)]
    shown, next_cursor = _DELIVERY_ORDER.cut(found, page, key=lambda pair: (pair[0].number,))
    reasons_of_each = await _waiting_by_delivery(session, [each.number for each, _ in shown])
    items = [
        _receipt(each, progress, reasons_of_each.get(each.number, []), already_received=False)
        for each, progress in shown
    ]
    return Paged(items=items, next_cursor=next_cursor)


async def delivery_rows(
    session: AnySession, delivery_number: int, *, stated_sign: int, page: Page
) -> Paged[schemas.DeliveryRow]:
    """Return what became of a delivery's rows, in their order.

    `stated_sign` is how the layout states an effect on the balance: with its sign (1), the other one (-1), or none (0).
    """
    (after,) = _ROW_ORDER.after(page) or (0,)
    connection = await database.raw(session)
    found = await connection.fetch(_ROWS, delivery_number, after, page.rows_asked_for, stated_sign)
    shown, next_cursor = _ROW_ORDER.cut(found, page, key=lambda row: (row["row_number"],))
    return Paged(items=[_delivery_row(dict(row)) for row in shown], next_cursor=next_cursor)


async def waiting(session: AnySession, *where: ColumnElement[bool]) -> list[schemas.Waiting]:
    """Return the rows in quarantine, counted by reason."""
    count, pence = func.count(), func.coalesce(func.sum(QuarantinedRow.delivered_pence), 0)
    question = select(QuarantinedRow.code, count, pence).where(_WAITING, *where).group_by(QuarantinedRow.code)
    found = await session.execute(question.order_by(QuarantinedRow.code))
    return [_waiting(code, rows=rows, pence=int(amount or 0)) for code, rows, amount in found]


async def quarantine(session: AnySession, *, now: datetime, page: Page) -> schemas.Quarantine:
    """Return the rows that wait, the longest first, with reason, remedy and age and nothing of their content."""
    question = (
        select(QuarantinedRow, FeedDelivery.id)
        .join(FeedDelivery, FeedDelivery.number == QuarantinedRow.delivery_number)
        .where(_WAITING)
        .order_by(QuarantinedRow.created_at, QuarantinedRow.id)
        .limit(page.rows_asked_for)
    )
    if (reached := _QUARANTINE_ORDER.after(page)) is not None:
        created_at, row_id = reached
        same_moment = (QuarantinedRow.created_at == created_at) & (QuarantinedRow.id > row_id)
        question = question.where((QuarantinedRow.created_at > created_at) | same_moment)
    found = [(row[0], row[1]) for row in await session.execute(question)]
    shown, next_cursor = _QUARANTINE_ORDER.cut(found, page, key=lambda pair: (pair[0].created_at, pair[0].id))
    items = [_quarantined(row, delivery_id, now=now) for row, delivery_id in shown]
    return schemas.Quarantine(waiting=await waiting(session), items=items, next_cursor=next_cursor)


async def providers(session: AnySession) -> list[schemas.Provider]:
    """Return every provider with its keys, by code."""
    found = await session.scalars(select(FeedProvider).order_by(FeedProvider.code))
    return [await provider(session, each) for each in found.all()]


async def provider(session: AnySession, found: FeedProvider) -> schemas.Provider:
    """Return a provider with its keys, the oldest first."""
    question = select(FeedKey).where(FeedKey.provider_code == found.code).order_by(FeedKey.created_at, FeedKey.id)
    keys = [schemas.Key.model_validate(key) for key in await session.scalars(question)]
    polls = await poll_states(session, provider_code=found.code)
    return schemas.Provider(
        code=found.code,
        name=found.name,
        created_at=found.created_at,
        signature_scheme=found.signature_scheme,
        push_profile=found.push_profile,
        expected_every_hours=found.expected_every_hours,
        first_day_on=found.first_day_on,
        keys=keys,
        poll=polls.get(found.code),
    )


async def poll_states(session: AnySession, *, provider_code: str | None = None) -> dict[str, schemas.PollState]:
    """Return how the interfaces of providers are asked, by provider: of one, or of all that are asked."""
    question = select(FeedPoll.provider_code, *(getattr(FeedPoll, name) for name in schemas.PollState.model_fields))
    if provider_code is not None:
        question = question.where(FeedPoll.provider_code == provider_code)
    found = [dict(row._mapping) for row in await session.execute(question)]
    return {row.pop("provider_code"): schemas.PollState(**row) for row in found}


@dataclass(frozen=True, slots=True)
class Feed:
    """How a provider's pushes are proved and read: its scheme, its layout, and its live keys, encrypted."""

    scheme: SignatureScheme
    push_profile: str | None
    keys: Sequence[tuple[FeedKeyKind, bytes]]


async def feed(session: AnySession, provider_code: str) -> Feed:
    """Return how a provider's pushes are proved and read; of an unknown provider, with no key that could prove any."""
    question = (
        select(FeedProvider.signature_scheme, FeedProvider.push_profile, FeedKey.kind, FeedKey.secret_encrypted)
        .outerjoin(FeedKey, (FeedKey.provider_code == FeedProvider.code) & FeedKey.retired_at.is_(None))
        .where(FeedProvider.code == provider_code)
    )
    found: Sequence[Any] = (await session.execute(question)).all()
    if not found:
        return Feed(SignatureScheme.STANDARD_WEBHOOKS, None, ())
    return Feed(found[0][0], found[0][1], [(each[2], each[3]) for each in found if each[3] is not None])


async def provider_of_certificate(session: AnySession, fingerprint: bytes) -> str | None:
    """Return the provider whose live client certificate has this SHA-256, None where it is nobody's."""
    is_live = (FeedKey.fingerprint == fingerprint) & FeedKey.retired_at.is_(None)
    return await session.scalar(select(FeedKey.provider_code).where(is_live))


async def _waiting_by_delivery(session: AnySession, numbers: Sequence[int]) -> dict[int, list[schemas.Waiting]]:
    count, pence = func.count(), func.coalesce(func.sum(QuarantinedRow.delivered_pence), 0)
    key = (QuarantinedRow.delivery_number, QuarantinedRow.code)
    question = select(*key, count, pence).where(_WAITING, QuarantinedRow.delivery_number.in_(numbers))
    found: dict[int, list[schemas.Waiting]] = {}
    for number, code, rows, amount in await session.execute(question.group_by(*key).order_by(*key)):
        found.setdefault(number, []).append(_waiting(code, rows=rows, pence=int(amount or 0)))
    return found


def _receipt(
    found: FeedDelivery, progress: FeedProgress, waiting: Sequence[schemas.Waiting], *, already_received: bool
) -> schemas.Receipt:
    counts = {outcome.value: _counted(progress, outcome) for outcome in RowOutcome}
    return schemas.Receipt(
        delivery_id=found.id,
        provider=found.provider_code,
        door=found.door,
        profile=found.profile,
        profile_version=found.profile_version,
        account_ref=found.account_ref,
        sha256=found.sha256.hex(),
        size_bytes=found.size_bytes,
        received_at=found.received_at,
        already_received=already_received,
        status=progress.status,
        rows=progress.rows,
        rows_done=progress.rows_done,
        delivered_pence=progress.delivered_pence,
        unread_amounts=progress.unread_amounts,
        posted=counts["posted"],
        already_posted=counts["already_posted"],
        held=counts["held"],
        no_money=counts["no_money"],
        quarantined=counts["quarantined"],
        waiting=waiting,
        finished_at=progress.finished_at,
        rows_url=f"/v1/feeds/{found.provider_code}/deliveries/{found.id}/rows",
    )


def _counted(progress: FeedProgress, outcome: RowOutcome) -> schemas.Counted:
    rows, pence = (getattr(progress, f"{outcome.value}_{unit}") for unit in ("rows", "pence"))
    return schemas.Counted(rows=rows, pence=pence)


def _waiting(code: str, *, rows: int, pence: int) -> schemas.Waiting:
    explained = reasons.EXPLANATIONS[Reason(code)]
    message = reasons.detail(Reason(code))
    return schemas.Waiting(code=code, message=message, remedy=explained.remedy, rows=rows, pence=pence)


def _delivery_row(found: Mapping[str, Any]) -> schemas.DeliveryRow:
    is_waiting = found["outcome"] == RowOutcome.QUARANTINED
    return schemas.DeliveryRow(
        row_number=found["row_number"],
        outcome=RowOutcome(found["outcome"]),
        code=found["code"],
        message=found["message"],
        remedy=reasons.remedy(found["code"]) if is_waiting else None,
        delivered_pence=found["delivered_pence"],
    )


def _quarantined(row: QuarantinedRow, delivery_id: UUID, *, now: datetime) -> schemas.QuarantinedRow:
    return schemas.QuarantinedRow(
        id=row.id,
        provider=row.provider_code,
        delivery_id=delivery_id,
        row_number=row.row_number,
        code=row.code,
        message=row.detail,
        remedy=reasons.remedy(row.code),
        waits_for_registration=row.waits_for is not None,
        delivered_pence=row.delivered_pence,
        created_at=row.created_at,
        age_days=(now - row.created_at).days,
    )
