"""The piece of SQL by which every statement finds the card and the account that a staged event names."""

from typing import Final

ACCOUNT: Final = """
    LEFT JOIN card ON card.provider_code = $1 AND card.provider_card_ref = staged.card_ref
    LEFT JOIN account AS named ON named.provider_code = $1 AND named.provider_account_ref = staged.account_ref
    LEFT JOIN account ON account.id = CASE WHEN staged.account_ref IS NULL THEN card.account_id ELSE named.id END
"""
"""Joins `card` and `account` to `staged_event AS staged`; $1 is the provider. A stated account goes before a card's."""

TAKES: Final = """
    account.id IS NOT NULL
    AND (account.closed_on IS NULL OR staged.booked_on <= account.closed_on)
    AND (card.id IS NULL OR card.account_id = account.id)
"""
"""Whether the account found takes the event: it was not closed by then, and the card is one of its own."""
