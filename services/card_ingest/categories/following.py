"""What comes back goes along when people move the transaction that it takes back, unless a person has moved it itself.

Looked for on the accounts of the original's agreement, through their own index, from a month before it was booked:
what takes a transaction back is hardly ever booked before it.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from services.card_ingest.categories import rules
from services.shared import driver, sight

_FOLLOWING: Final = f"""
WITH original AS MATERIALIZED (
    SELECT id, provider_code, provider_transaction_id, account_id, booked_on FROM card_transaction
    WHERE id = ANY($2::bigint[])
), place AS MATERIALIZED (
    SELECT account_id, min(booked_on) - 31 AS first_day FROM (
        SELECT account_id, booked_on FROM original
        UNION ALL
        SELECT beside.id, original.booked_on FROM original JOIN account AS own ON own.id = original.account_id
        JOIN account AS beside ON beside.agreement_id = own.agreement_id
    ) AS found GROUP BY account_id
)
SELECT posted.id, posted.amount_pence, posted.accounting_month, posted.care_group, posted.provider_code,
    coalesce(changed.category, posted.category) AS category, agreement.recipient_id,
    original.id AS follows_id, original.provider_transaction_id AS follows
FROM place JOIN card_transaction AS posted
    ON posted.account_id = place.account_id AND posted.booked_on >= place.first_day
    AND posted.reverses_transaction_id IS NOT NULL
JOIN original ON original.provider_code = posted.provider_code
    AND original.provider_transaction_id = posted.reverses_transaction_id
JOIN account ON account.id = posted.account_id
    AND (account.id = original.account_id
        OR account.agreement_id = (SELECT own.agreement_id FROM account AS own WHERE own.id = original.account_id))
LEFT JOIN agreement ON agreement.id = account.agreement_id
LEFT JOIN recipient ON recipient.id = agreement.recipient_id
LEFT JOIN LATERAL (
    SELECT category FROM categorisation WHERE transaction_id = posted.id ORDER BY id DESC LIMIT 1
) AS changed ON true
WHERE {sight.TEAM_IS_SEEN}
    AND (posted.type = ANY($3::text[])
        OR posted.provider_transaction_id = posted.reverses_transaction_id || ':withdrawn')
    AND NOT EXISTS (SELECT FROM categorisation AS by_hand
        WHERE by_hand.transaction_id = posted.id AND by_hand.follows_id IS NULL)
ORDER BY posted.id
"""  # noqa: S608 (joined from constants)


async def found(
    connection: driver.Connection, originals: Collection[int], *, but: frozenset[int], seen: Sequence[str] | None
) -> dict[int, Any]:
    """Return what follows posted transactions (by their ids), by its own id, however long the chain.

    A row that two people's decision took a transaction back by follows too, whatever its type; those of `but` follow
    nothing. `seen` are the teams in sight, None where all are.
    """
    types = sorted(each.value for each in rules.COMES_BACK)
    following: dict[int, Any] = {}
    known, latest = set(but), list(originals)
    while latest:
        rows = [row for row in await connection.fetch(_FOLLOWING, seen, latest, types) if row["id"] not in known]
        following |= {row["id"]: row for row in rows}
        latest = [row["id"] for row in rows]
        known.update(latest)
    return following
