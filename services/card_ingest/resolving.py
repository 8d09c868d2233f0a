"""The piece of SQL by which every statement finds the card and the account that a staged event names."""

from typing import Final

# The account of the card is looked up only where no account is stated: each look-up costs as much as an index entry.
ACCOUNT: Final = """
    LEFT JOIN card ON card.provider_code = $1 AND card.provider_card_ref = staged.card_ref
    LEFT JOIN account AS named ON named.provider_code = $1 AND named.provider_account_ref = staged.account_ref
    LEFT JOIN account AS holder ON holder.id = CASE WHEN staged.account_ref IS NULL THEN card.account_id END
    CROSS JOIN LATERAL (
        SELECT coalesce(named.id, holder.id) AS id, coalesce(named.closed_on, holder.closed_on) AS closed_on,
            coalesce(named.care_group, holder.care_group) AS care_group
    ) AS account
"""
"""Joins `card` and `account` (its `id`, `closed_on` and `care_group`) to `staged_event AS staged`; $1 is the provider.
A stated account goes before a card's.
"""

# One index entry each, whatever the planner believes of rows staged a moment ago: it would read every account.
ACCOUNT_OF_EACH: Final = """
    LEFT JOIN LATERAL (
        SELECT id, account_id FROM card WHERE provider_code = $1 AND provider_card_ref = staged.card_ref LIMIT 1
    ) AS card ON true
    LEFT JOIN LATERAL (
        SELECT id, closed_on FROM account WHERE provider_code = $1 AND provider_account_ref = staged.account_ref LIMIT 1
    ) AS named ON true
    LEFT JOIN LATERAL (
        SELECT id, closed_on FROM account WHERE staged.account_ref IS NULL AND id = card.account_id LIMIT 1
    ) AS holder ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(named.id, holder.id) AS id, coalesce(named.closed_on, holder.closed_on) AS closed_on
    ) AS account
"""
"""The same of few rows: joins `card` and `account` (its `id` and `closed_on`) one by one."""

TAKES: Final = """
    account.id IS NOT NULL
    AND (account.closed_on IS NULL OR staged.booked_on <= account.closed_on)
    AND (card.id IS NULL OR card.account_id = account.id)
"""
"""Whether the account found takes the event: it was not closed by then, and the card is one of its own."""
