"""The nightly proof: what is maintained row by row equals what it is the sum of, and every reference stands."""

from collections.abc import Mapping
from typing import Final

import structlog

from services.shared import database, driver
from services.shared.database import WriteSession

log = structlog.get_logger("dp.reconciliation")

# What counts of the rows that tell again of a payment: the newest of each, unless two people have posted it after all.
_MATCHES: Final = """
    SELECT match.* FROM payment_match AS match JOIN quarantined_row AS told
        ON told.delivery_number = match.delivery_number AND told.row_number = match.row_number
        AND told.released_as = 'already_posted'
    WHERE NOT EXISTS (SELECT FROM payment_match AS later WHERE later.delivery_number = match.delivery_number
        AND later.row_number = match.row_number AND later.revision > match.revision)
"""

CHECKS: Final[Mapping[str, str]] = {
    "balances_wrong": """
        SELECT count(*) FROM account_balance AS balance FULL JOIN (
            SELECT account_id, sum(amount_pence) AS pence, count(*) AS transactions, max(booked_on) AS last_booked_on
            FROM card_transaction GROUP BY account_id
        ) AS posted USING (account_id)
        WHERE (coalesce(balance.posted_pence, 0), coalesce(balance.transactions, 0), balance.last_booked_on)
            IS DISTINCT FROM (coalesce(posted.pence, 0), coalesce(posted.transactions, 0), posted.last_booked_on)
    """,
    "held_wrong": """
        SELECT count(*) FROM account_balance AS balance FULL JOIN (
            SELECT account_id, sum(amount_pence - released_pence) AS pence FROM card_hold WHERE status = 'authorised'
            GROUP BY account_id
        ) AS held USING (account_id)
        WHERE coalesce(balance.held_pence, 0) <> coalesce(held.pence, 0)
    """,
    "releases_wrong": """
        SELECT count(*) FROM card_hold AS hold LEFT JOIN (
            SELECT provider_code, hold_id, account_id, sum(amount_pence) AS pence FROM card_release
            WHERE status = 'reversed' GROUP BY provider_code, hold_id, account_id
        ) AS release ON release.provider_code = hold.provider_code AND release.account_id = hold.account_id
            AND release.hold_id = hold.provider_transaction_id
        WHERE hold.released_pence <> least(coalesce(release.pence, 0), hold.amount_pence)
    """,
    "holds_of_posted_money": """
        SELECT count(*) FROM card_hold AS hold JOIN card_transaction AS posted
            ON posted.provider_code = hold.provider_code AND posted.account_id = hold.account_id
            AND coalesce(posted.authorisation_id, posted.provider_transaction_id) = hold.provider_transaction_id
        WHERE hold.status = 'authorised'
    """,
    "transactions_without_account": """
        SELECT count(*) FROM card_transaction AS posted
        WHERE NOT EXISTS (SELECT FROM account WHERE account.id = posted.account_id
            AND account.provider_code = posted.provider_code)
    """,
    "transactions_without_card": """
        SELECT count(*) FROM card_transaction AS posted WHERE posted.card_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM card WHERE card.id = posted.card_id AND card.account_id = posted.account_id)
    """,
    "transactions_without_category": """
        SELECT count(*) FROM card_transaction AS posted
        WHERE NOT EXISTS (SELECT FROM category WHERE category.code = posted.category)
    """,
    "transactions_without_batch": """
        SELECT count(*) FROM card_transaction AS posted
        WHERE NOT EXISTS (SELECT FROM feed_batch AS batch JOIN feed_delivery AS delivery
            ON delivery.id = batch.delivery_id
            WHERE batch.number = posted.batch_number AND delivery.number = posted.delivery_number)
    """,
    "batches_changed": """
        SELECT count(*) FROM feed_batch AS batch LEFT JOIN (
            SELECT batch_number, sha256(string_agg(content_digest, ''::bytea ORDER BY row_number)) AS digest
            FROM card_transaction GROUP BY batch_number
        ) AS posted ON posted.batch_number = batch.number
        WHERE batch.digest <> coalesce(posted.digest, sha256(''::bytea))
    """,
    "deliveries_not_whole": """
        SELECT count(*) FROM feed_progress WHERE
            posted_rows + already_posted_rows + held_rows + no_money_rows + quarantined_rows <> rows_done
            OR posted_pence + already_posted_pence + held_pence + no_money_pence + quarantined_pence <> delivered_pence
            OR (status = 'posted' AND rows_done <> rows)
    """,
    "matches_wrong": f"""
        WITH counts AS ({_MATCHES})
        SELECT count(*) FROM (
            SELECT 1 FROM counts LEFT JOIN card_transaction AS stands
                ON stands.delivery_number = counts.stands_delivery_number AND stands.row_number = stands_row_number
            LEFT JOIN card_transaction AS posted
                ON posted.delivery_number = counts.delivery_number AND posted.row_number = counts.row_number
            WHERE stands.id IS NULL OR posted.id IS NOT NULL
            UNION ALL
            SELECT 1 FROM (
                SELECT source, account_id, sum(effect_pence) AS pence FROM (
                    SELECT DISTINCT told.delivery_number, told.row_number, source, account_id, effect_pence
                    FROM counts JOIN payment_telling AS told USING (delivery_number, row_number)
                    WHERE ground <> 'decision') AS again
                GROUP BY source, account_id
            ) AS again JOIN (
                SELECT source, account_id, sum(amount_pence) AS pence FROM (
                    SELECT DISTINCT stands.id, told.source, stands.account_id, stands.amount_pence
                    FROM counts JOIN payment_telling AS told USING (delivery_number, row_number)
                    JOIN card_transaction AS stands ON stands.delivery_number = counts.stands_delivery_number
                        AND stands.row_number = counts.stands_row_number
                    WHERE ground <> 'decision') AS standing
                GROUP BY source, account_id
            ) AS standing USING (source, account_id)
            WHERE abs(again.pence) > abs(standing.pence)
        ) AS wrong
    """,  # noqa: S608 (joined from constants)
    "summary_wrong": """
        SELECT count(*) FROM (
            SELECT accounting_month, category, care_group, provider_code, sum(amount_pence) AS pence,
                sum(transactions) AS transactions
            FROM (SELECT accounting_month, category, care_group, provider_code, amount_pence, transactions
                FROM spend_summary
                UNION ALL SELECT accounting_month, category, care_group, provider_code, amount_pence, transactions
                FROM spend_delta) AS summed
            GROUP BY accounting_month, category, care_group, provider_code
        ) AS kept FULL JOIN (
            SELECT accounting_month, coalesce(changed.category, posted.category) AS category, care_group,
                provider_code, sum(amount_pence) AS pence, count(*) AS transactions
            FROM card_transaction AS posted LEFT JOIN (
                SELECT DISTINCT ON (transaction_id) transaction_id, category FROM categorisation
                ORDER BY transaction_id, id DESC
            ) AS changed ON changed.transaction_id = posted.id
            WHERE care_group IS NOT NULL
            GROUP BY accounting_month, coalesce(changed.category, posted.category), care_group, provider_code
        ) AS posted USING (accounting_month, category, care_group, provider_code)
        WHERE (coalesce(kept.pence, 0), coalesce(kept.transactions, 0))
            IS DISTINCT FROM (coalesce(posted.pence, 0), coalesce(posted.transactions, 0))
    """,
}
"""What must be nil, by name: how many rows of each kind contradict each other, all seen at one moment."""

# One statement at a time, but one snapshot for all: a batch that commits meanwhile is seen by every check or by none.
_ONE_MOMENT: Final = "SELECT " + ", ".join(f"({check}) AS {name}" for name, check in CHECKS.items())
_NO_LIMIT: Final = "SET LOCAL statement_timeout = 0"


async def prove(session: WriteSession) -> Mapping[str, int]:
    """Return how many rows fail each check, nil where all is well; a failure is logged too, by its name alone."""
    connection = await database.raw(session)
    driver.unhurried(connection)
    await connection.execute(_NO_LIMIT)
    found = await connection.fetchrow(_ONE_MOMENT)
    assert found is not None  # noqa: S101 (there is always one row)
    failed = {name: int(count) for name, count in found.items() if count}
    if failed:
        log.error("books_do_not_agree", **failed)
    return {name: int(count) for name, count in found.items()}
