"""The pieces of SQL by which every statement finds the card, the account and the delivery of a staged event."""

from typing import Final

# The account of the card is looked up only where no account is stated, each by itself: for a plain join the planner has
# every account read, though nearly no row needs one.
ACCOUNT: Final = """
    LEFT JOIN card ON card.provider_code = $1 AND card.provider_card_ref = staged.card_ref
    LEFT JOIN account AS named ON named.provider_code = $1 AND named.provider_account_ref = staged.account_ref
    LEFT JOIN LATERAL (
        SELECT id, closed_on, care_group, agreement_id FROM account
        WHERE staged.account_ref IS NULL AND id = card.account_id LIMIT 1
    ) AS holder ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(named.id, holder.id) AS id, coalesce(named.closed_on, holder.closed_on) AS closed_on,
            coalesce(named.care_group, holder.care_group) AS care_group,
            coalesce(named.agreement_id, holder.agreement_id) AS agreement_id
    ) AS account
"""
"""Joins `card` and `account` (its `id`, `closed_on`, `care_group` and `agreement_id`) to `staged_event AS staged`.

$1 is the provider. A stated account goes before a card's.
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

DELIVERY: Final = "coalesce(staged.delivery_number, $2::bigint)"
"""The number of the delivery that a staged event is of: each of several gathered ones says its own, else it is $2."""
