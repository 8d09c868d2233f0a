"""Every question about findings, statements and how the feeds do."""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, tuple_

from services.card_ingest import queries as feeds
from services.card_ingest.reconciliation import schemas
from services.shared import database, lateness, paging
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.paging import Page, Paged
from services.shared.tables.agreements import Account
from services.shared.tables.alerts import FeedStatement, ReconciliationFinding
from services.shared.tables.feeds import FeedDelivery

_FINDING: Final[list[Any]] = [
    getattr(ReconciliationFinding, name) for name in schemas.Finding.model_fields if name != "delivery_id"
]
_STATEMENT: Final[list[Any]] = [
    getattr(FeedStatement, name) for name in schemas.Statement.model_fields if name not in {"account_id", "delivery_id"}
]
_HEALTH: Final = f"""
SELECT provider.code AS provider_code, provider.name, provider.expected_every_hours, feed.newest_at AS delivered_at,
    coalesce(feed.late_from < $1::timestamptz, false) AS is_late, feed.late_from,
    (SELECT max(balance.last_booked_on) FROM account JOIN account_balance AS balance ON balance.account_id = account.id
        WHERE account.provider_code = provider.code) AS last_booked_on,
    (SELECT max(delivery.sequence) FROM feed_delivery AS delivery WHERE delivery.provider_code = provider.code)
        AS last_sequence,
    (SELECT count(*) FROM feed_progress AS progress JOIN feed_delivery AS delivery ON delivery.id = progress.delivery_id
        WHERE progress.status <> 'posted' AND delivery.provider_code = provider.code) AS undone_deliveries,
    (SELECT count(*) FROM quarantined_row AS waiting
        WHERE waiting.status = 'waiting' AND waiting.provider_code = provider.code) AS waiting_rows,
    (SELECT count(*) FROM reconciliation_finding AS finding
        WHERE finding.status = 'open' AND finding.provider_code = provider.code) AS open_findings
FROM feed_provider AS provider JOIN ({lateness.LATE_FROM}) AS feed ON feed.provider_code = provider.code
ORDER BY is_late DESC, provider.code
"""  # noqa: S608 (joined from constants)
_PROOF: Final = "SELECT finished_at, outcome::text FROM job_run WHERE job = $1 ORDER BY finished_at DESC LIMIT 1"
_FINDING_ORDER: Final = paging.Order(ReconciliationFinding.found_at, ReconciliationFinding.id)
_STATEMENT_ORDER: Final = paging.Order(FeedStatement.delivery_number, FeedStatement.id)


async def findings(session: AnySession, *, wanted: schemas.FindingFilter, page: Page) -> Paged[schemas.Finding]:
    """Return the findings, the newest first."""
    order = (ReconciliationFinding.found_at, ReconciliationFinding.id)
    question = _findings().order_by(*(key.desc() for key in order)).limit(page.rows_asked_for)
    if wanted.kind is not None:
        question = question.where(ReconciliationFinding.kind == wanted.kind)
    if wanted.provider_code is not None:
        question = question.where(ReconciliationFinding.provider_code == wanted.provider_code)
    if wanted.status is not None:
        question = question.where(ReconciliationFinding.status == wanted.status)
    if (reached := _FINDING_ORDER.after(page)) is not None:
        question = question.where(tuple_(*order) < reached)
    found = [schemas.Finding(**row._mapping) for row in await session.execute(question)]
    return _FINDING_ORDER.paged(found, page, key=lambda each: (each.found_at, each.id))


async def finding(session: AnySession, finding_id: UUID) -> schemas.Finding:
    """Return one finding. Raises NotFound."""
    row = (await session.execute(_findings().where(ReconciliationFinding.id == finding_id))).one_or_none()
    if row is None:
        raise NotFound("there is no such finding")
    return schemas.Finding(**row._mapping)


async def statements(
    session: AnySession, *, provider_code: str | None, account_id: UUID | None, page: Page
) -> Paged[schemas.Statement]:
    """Return what providers stated, the latest delivered first."""
    order = (FeedStatement.delivery_number, FeedStatement.id)
    of_account = (Account.provider_code == FeedStatement.provider_code) & (
        Account.provider_account_ref == FeedStatement.account_ref
    )
    question = (
        select(*_STATEMENT, FeedStatement.delivery_number, Account.id.label("account_id"), _delivery_id())
        .join(FeedDelivery, FeedDelivery.number == FeedStatement.delivery_number)
        .outerjoin(Account, of_account)
        .order_by(*(key.desc() for key in order))
        .limit(page.rows_asked_for)
    )
    if provider_code is not None:
        question = question.where(FeedStatement.provider_code == provider_code)
    if account_id is not None:
        question = question.where(Account.id == account_id)
    if (reached := _STATEMENT_ORDER.after(page)) is not None:
        question = question.where(tuple_(*order) < reached)
    found = [dict(row._mapping) for row in await session.execute(question)]
    shown, next_cursor = _STATEMENT_ORDER.cut(found, page, key=lambda row: (row["delivery_number"], row["id"]))
    items = [schemas.Statement(**{name: row[name] for name in schemas.Statement.model_fields}) for row in shown]
    return Paged(items=items, next_cursor=next_cursor)


async def feed_health(session: AnySession, *, now: datetime) -> schemas.FeedHealth:
    """Return how every provider's feed does, the late ones first, and what the last nightly proof found."""
    connection = await database.raw(session)
    polls = await feeds.poll_states(session)
    rows = [dict(row) for row in await connection.fetch(_HEALTH, now)]
    items = [schemas.ProviderHealth(**row, poll=polls.get(row["provider_code"])) for row in rows]
    last = await connection.fetchrow(_PROOF, "prove_balances")
    if last is None:
        return schemas.FeedHealth(items=items, proof=None)
    failed = {name: count for name, count in json.loads(last["outcome"]).items() if count}
    return schemas.FeedHealth(items=items, proof=schemas.Proof(finished_at=last["finished_at"], failed=failed))


def _findings() -> Any:
    return select(*_FINDING, _delivery_id()).outerjoin(
        FeedDelivery, FeedDelivery.number == ReconciliationFinding.delivery_number
    )


def _delivery_id() -> Any:
    return FeedDelivery.id.label("delivery_id")
