"""Agreements with money in their accounts, written as their owning services would leave them, for the surplus test."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.dp_api.budgets import operations as budgets
from services.shared import driver
from tests.builders import accounts, acting, agreements, recipients

PROVIDER = "northbank"
GROSS = 24_343
"""£243.43 a week, of which four weeks are £973.72."""

STARTED_ON = date(2026, 1, 5)


async def a_team(connection: driver.Connection, code: str = "north") -> str:
    """Make a team and the feed provider, where they are missing."""
    await accounts.a_provider(connection, PROVIDER)
    async with acting.dp_api(connection) as session:
        return await recipients.a_team(session, code)


async def an_agreement(
    connection: driver.Connection,
    *,
    weekly_gross_pence: int | None = GROSS,
    team: str = "north",
    status: str = "active",
    schedule: str = "four_weekly",
    started_on: date = STARTED_ON,
    ended_on: date | None = None,
) -> UUID:
    """Make an agreement of a new recipient, with a budget from its first day unless the gross is None.

    The first of a sort is made by the operations; those after it are written from its rows, whatever columns they have.
    """
    sort = (weekly_gross_pence, team, status, schedule, started_on, ended_on)
    await accounts.a_provider(connection, PROVIDER)
    if (rows := _MODELS.get(sort)) is not None:
        copy: UUID = await connection.fetchval(_COPY, rows, uuid4(), uuid4(), uuid4())
        return copy
    agreement_id = await _opened(connection, weekly_gross_pence, team, status, started_on, ended_on)
    if weekly_gross_pence is None or schedule != "four_weekly":
        # No operation leads to an active agreement without a budget, or to a one-off one with a weekly budget.
        await connection.execute(
            "UPDATE agreement SET status = $2, payment_schedule = $3, started_on = $4 WHERE id = $1",
            agreement_id,
            status,
            schedule,
            started_on,
        )
    if weekly_gross_pence == 0:
        await _nothing_due(connection, agreement_id)
    _MODELS[sort] = await connection.fetchval(_ROWS, agreement_id)
    return agreement_id


async def _opened(
    connection: driver.Connection,
    weekly_gross_pence: int | None,
    team: str,
    status: str,
    started_on: date,
    ended_on: date | None,
) -> UUID:
    async with acting.dp_api(connection) as session:
        recipient = await recipients.a_recipient(session, team_code=team)
        draft = await agreements.a_draft(session, recipient_id=recipient.id)
        if weekly_gross_pence is not None:
            gross = max(1, weekly_gross_pence)
            await agreements.a_budget(session, draft.id, weekly_gross_pence=gross, effective_from=started_on)
            if status != "draft":
                await agreements.activated(session, draft, started_on=started_on)
        if status == "suspended":
            await agreements.suspended(session, draft.id)
        if ended_on is not None:
            await agreements.ended(session, draft.id, ended_on=ended_on)
    return draft.id


_MODELS: dict[tuple[Any, ...], str] = {}
_ROWS = """
SELECT jsonb_build_object(
    'team', (SELECT to_jsonb(team) FROM team WHERE team.code = recipient.team_code),
    'recipient', to_jsonb(recipient), 'agreement', to_jsonb(agreement),
    'budget', (SELECT to_jsonb(budget) FROM budget WHERE budget.agreement_id = agreement.id),
    'projected', (SELECT to_jsonb(gross_today) FROM gross_today WHERE gross_today.agreement_id = agreement.id))::text
FROM agreement JOIN recipient ON recipient.id = agreement.recipient_id WHERE agreement.id = $1
"""
_COPY = """
WITH model AS MATERIALIZED (
    SELECT jsonb_build_object('id', $2::uuid, 'recipient_id', $3::uuid) AS of_agreement,
        jsonb_build_object('agreement_id', $2, 'id', $4::uuid, 'budget_id', $4) AS of_budget, $1::text::jsonb AS row
), teams AS (
    INSERT INTO team SELECT (jsonb_populate_record(NULL::team, row -> 'team')).* FROM model ON CONFLICT DO NOTHING
), people AS (
    INSERT INTO recipient
    SELECT (jsonb_populate_record(NULL::recipient, row -> 'recipient' || jsonb_build_object('id', $3))).* FROM model
), budgets AS (
    INSERT INTO budget SELECT (jsonb_populate_record(NULL::budget, row -> 'budget' || of_budget)).* FROM model
    WHERE jsonb_typeof(row -> 'budget') = 'object'
), projected AS (
    INSERT INTO gross_today
    SELECT (jsonb_populate_record(NULL::gross_today, row -> 'projected' || of_budget)).* FROM model
    WHERE jsonb_typeof(row -> 'projected') = 'object'
)
INSERT INTO agreement SELECT (jsonb_populate_record(NULL::agreement, row -> 'agreement' || of_agreement)).* FROM model
RETURNING id
"""


async def _nothing_due(connection: driver.Connection, agreement_id: UUID) -> None:
    """Make a budget of nothing, which no operation sets and the table holds."""
    nothing = """weekly_gross_pence = 0, weekly_contribution_pence = 0, weekly_net_pence = 0, weekly_council_pence = 0,
        weekly_nhs_pence = 0"""
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(f"UPDATE budget SET {nothing} WHERE agreement_id = $1", agreement_id)
        await connection.execute("UPDATE gross_today SET weekly_gross_pence = 0 WHERE agreement_id = $1", agreement_id)
        await connection.execute("SET LOCAL session_replication_role = origin")


async def a_budget(
    connection: driver.Connection,
    agreement_id: UUID,
    *,
    weekly_gross_pence: int,
    contribution_pence: int = 0,
    effective_from: date = STARTED_ON,
) -> UUID:
    """Set a budget; what is not the client's contribution is net, and a later one of the same day is a new revision."""
    async with acting.dp_api(connection) as session:
        budget = await agreements.a_budget(
            session,
            agreement_id,
            weekly_gross_pence=weekly_gross_pence,
            weekly_contribution_pence=contribution_pence,
            effective_from=effective_from,
        )
    return budget.id


async def gross_today(connection: driver.Connection, valid_on: date) -> None:
    """Rebuild the projection of the day's gross from the dated rows, as dp_api does each day."""
    async with acting.dp_api(connection) as session:
        await budgets.refresh_gross_today(session, today=valid_on)


async def an_account(
    connection: driver.Connection,
    agreement_id: UUID | None,
    *,
    kind: str = "prepaid_card",
    closed_on: date | None = None,
    last_four: str | None = "4321",
) -> UUID:
    """Make an account of an agreement; without one it is the provider's trial account."""
    account_id = uuid4()
    await connection.execute(
        """INSERT INTO account (id, agreement_id, kind, status, provider_code, provider_account_ref, last_four,
               care_group, opened_on, closed_on, version, created_at, updated_at)
           VALUES ($1, $2, $3::text, CASE WHEN $6::date IS NULL THEN 'open' ELSE 'closed' END, $4, $1::uuid::text, $5,
               CASE WHEN $3::text = 'trial' THEN NULL ELSE 'older_people' END, $7, $6::date, 1, now(), now())""",
        account_id,
        agreement_id,
        kind,
        PROVIDER,
        last_four,
        closed_on,
        STARTED_ON,
    )
    return account_id


async def a_transaction(
    connection: driver.Connection,
    account_id: UUID,
    pence: int,
    *,
    booked_on: date,
    type: str = "load",
    transaction_id: str | None = None,
    settles: str | None = None,
) -> None:
    """Post a transaction and move the balance by it, as the feed does; it may name the hold that it settles."""
    await connection.execute(
        """INSERT INTO card_transaction (provider_code, provider_transaction_id, account_id, type, amount_pence,
               occurred_at, booked_on, accounting_month, care_group, category, content_digest, delivery_number,
               row_number, batch_number, authorisation_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'older_people', 'uncategorised', '\\x00', 1, 1, 1, $9)""",
        PROVIDER,
        transaction_id or uuid4().hex,
        account_id,
        type,
        pence,
        at(booked_on),
        booked_on,
        booked_on.year * 100 + booked_on.month,
        settles,
    )
    await connection.execute(
        """INSERT INTO account_balance AS held VALUES ($1, $2, 0, 1, $3)
           ON CONFLICT (account_id) DO UPDATE SET posted_pence = held.posted_pence + excluded.posted_pence,
               transactions = held.transactions + 1,
               last_booked_on = greatest(held.last_booked_on, excluded.last_booked_on)""",
        account_id,
        pence,
        booked_on,
    )


async def a_hold(
    connection: driver.Connection,
    account_id: UUID,
    pence: int,
    *,
    authorised_on: date,
    settled_at: datetime | None = None,
    transaction_id: str | None = None,
) -> str:
    """Authorise a card payment and return its id; one with a time of settlement has been cleared and no longer counts
    in the balance.
    """
    hold_id = transaction_id or uuid4().hex
    await connection.execute(
        """INSERT INTO card_hold (provider_code, provider_transaction_id, account_id, amount_pence, status,
               authorised_at, settled_at, delivery_number, row_number)
           VALUES ($1, $2, $3, $4, CASE WHEN $6::timestamptz IS NULL THEN 'authorised' ELSE 'posted' END, $5, $6, 1,
               1)""",
        PROVIDER,
        hold_id,
        account_id,
        pence,
        at(authorised_on),
        settled_at,
    )
    if settled_at is None:
        await connection.execute(
            """INSERT INTO account_balance AS held VALUES ($1, 0, $2, 0, NULL)
               ON CONFLICT (account_id) DO UPDATE SET held_pence = held.held_pence + excluded.held_pence""",
            account_id,
            pence,
        )
    return hold_id


async def an_end_of_hold(connection: driver.Connection, hold_id: str, *, status: str, ended_on: date) -> None:
    """End an open hold on a day: `posted`, `reversed`, `expired` or `declined`; it no longer counts in the balance."""
    await connection.execute(
        """WITH ended AS (
               UPDATE card_hold SET status = $3::text, settled_at = $4,
                   released_pence = CASE WHEN $3 = 'reversed' THEN before.amount_pence
                       ELSE before.released_pence END
               FROM card_hold AS before
               WHERE card_hold.provider_code = $1 AND card_hold.provider_transaction_id = $2
                   AND before.provider_code = $1 AND before.provider_transaction_id = $2
                   AND before.status = 'authorised'
               RETURNING card_hold.account_id, before.amount_pence - before.released_pence AS pence
           ), kept AS (
               INSERT INTO card_release (provider_code, provider_transaction_id, status, released_at, amount_pence,
                   hold_id, account_id, delivery_number, row_number)
               SELECT $1, $5, $3, $4, pence, $2, account_id, 1, 1 FROM ended WHERE $3 <> 'posted'
           )
           UPDATE account_balance AS held SET held_pence = held.held_pence - ended.pence
           FROM ended WHERE held.account_id = ended.account_id""",
        PROVIDER,
        hold_id,
        status,
        at(ended_on),
        uuid4().hex,
    )


async def a_release(connection: driver.Connection, hold_id: str, pence: int, *, released_on: date) -> None:
    """Release a part of an open hold on a day."""
    await connection.execute(
        """WITH lessened AS (
               UPDATE card_hold SET released_pence = released_pence + $3::bigint
               WHERE provider_code = $1 AND provider_transaction_id = $2 AND status = 'authorised'
               RETURNING account_id
           ), kept AS (
               INSERT INTO card_release (provider_code, provider_transaction_id, status, released_at, amount_pence,
                   hold_id, account_id, delivery_number, row_number)
               SELECT $1, $5, 'reversed', $4, $3, $2, account_id, 1, 1 FROM lessened
           )
           UPDATE account_balance AS held SET held_pence = held.held_pence - $3
           FROM lessened WHERE held.account_id = lessened.account_id""",
        PROVIDER,
        hold_id,
        pence,
        at(released_on),
        uuid4().hex,
    )


async def money_held(
    connection: driver.Connection,
    pence: int,
    *,
    on: date,
    weekly_gross_pence: int | None = GROSS,
    team: str = "north",
    status: str = "active",
    schedule: str = "four_weekly",
    ended_on: date | None = None,
) -> UUID:
    """Make an agreement whose one account holds this much since a load on that day; return the agreement."""
    agreement_id = await an_agreement(
        connection,
        weekly_gross_pence=weekly_gross_pence,
        team=team,
        status=status,
        schedule=schedule,
        ended_on=ended_on,
    )
    account_id = await an_account(connection, agreement_id)
    await a_transaction(connection, account_id, pence, booked_on=on)
    return agreement_id


async def accounts_of(connection: driver.Connection, agreement_id: UUID) -> list[UUID]:
    """Return the agreement's accounts."""
    rows = await connection.fetch("SELECT id FROM account WHERE agreement_id = $1 ORDER BY id", agreement_id)
    return [row["id"] for row in rows]


async def case_of(connection: driver.Connection, agreement_id: UUID) -> asyncpg.Record | None:
    """Return the open case of an agreement with its standing calculation, as one row, if there is one."""
    return await connection.fetchrow(
        """SELECT figures.*, open_case.id AS case_id, open_case.version, open_case.opened_on,
               open_case.last_flagged_on, open_case.excess_pence AS case_excess_pence,
               open_case.weeks_of_cover_hundredths
           FROM clawback_case open_case JOIN clawback_calculation figures ON figures.id = open_case.calculation_id
           WHERE open_case.agreement_id = $1 AND open_case.closed_on IS NULL""",
        agreement_id,
    )


def at(day: date) -> datetime:
    """Return noon of a day."""
    return datetime.combine(day, time(12), tzinfo=UTC)
