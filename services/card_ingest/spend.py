"""The spend summary: what batches added is folded into it, each delta exactly once."""

from typing import Final

from services.shared import audit, database, driver
from services.shared.audit import Subject
from services.shared.database import Database
from services.shared.identity.actor import Actor

AT_MOST: Final = 10_000
"""Deltas of one transaction."""

# A delta that another fold is taking is passed over: it is folded there.
_FOLD: Final = """
WITH due AS (
    SELECT batch_number, accounting_month, category, care_group, provider_code FROM spend_delta
    ORDER BY batch_number LIMIT $1 FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM spend_delta AS delta USING due
    WHERE (delta.batch_number, delta.accounting_month, delta.category, delta.care_group, delta.provider_code)
        = (due.batch_number, due.accounting_month, due.category, due.care_group, due.provider_code)
    RETURNING delta.*
), folded AS (
    INSERT INTO spend_summary AS summary
        (accounting_month, category, care_group, provider_code, amount_pence, transactions)
    SELECT accounting_month, category, care_group, provider_code, sum(amount_pence), sum(transactions) FROM taken
    GROUP BY accounting_month, category, care_group, provider_code
    ORDER BY accounting_month, category, care_group, provider_code
    ON CONFLICT (accounting_month, category, care_group, provider_code) DO UPDATE SET
        amount_pence = summary.amount_pence + excluded.amount_pence,
        transactions = summary.transactions + excluded.transactions
)
SELECT count(*) AS deltas, coalesce(sum(amount_pence), 0)::bigint AS pence,
    coalesce(sum(transactions), 0)::bigint AS transactions FROM taken
"""


async def fold_spend(own: Database, *, actor: Actor) -> int:
    """Fold every delta into the summary; return how many there were."""
    folded = 0
    while count := await database.on_transient(lambda: _fold(own, actor)):
        folded += count
    return folded


async def _fold(own: Database, actor: Actor) -> int:
    async with own.write(actor=actor) as session:
        connection: driver.Connection = await database.raw(session)
        found = await connection.fetchrow(_FOLD, AT_MOST)
        assert found is not None  # noqa: S101 (an aggregate has one row)
        if not found["deltas"]:
            await session.rollback()
            return 0
        await audit.record(session, action="fold_spend", subject=Subject("spend_summary", "all"), after=dict(found))
        return int(found["deltas"])
