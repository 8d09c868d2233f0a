"""Money booked on an account before the day on which it was opened: a wrong day, or the wrong account."""

from typing import Final

from services.card_ingest.alerts.finder import Finder
from services.card_ingest.alerts.terms import NoTerms
from services.shared.vocabulary.alerts import AlertKind

# Told once for an account and a month; the facts count what was booked in it by the time of telling.
_BEFORE_OPENING: Final = f"""
    SELECT '{AlertKind.BOOKED_BEFORE_OPENING.value}/' || first.account_id || '/' || first.accounting_month AS key,
        first.account_id, first.id AS transaction_id, first.booked_on AS concerns_on,
        jsonb_build_object('opened_on', first.opened_on, 'pence', month.pence, 'transactions', month.transactions,
            'transaction_ids', to_jsonb(month.ids)) AS facts
    FROM (
        SELECT DISTINCT ON (seen.account_id, seen.accounting_month) seen.*, account.opened_on
        FROM examined AS seen JOIN account ON account.id = seen.account_id AND seen.booked_on < account.opened_on
        WHERE seen.booked_on >= $1::date AND seen.booked_on < $2::date
        ORDER BY seen.account_id, seen.accounting_month, seen.booked_on, seen.provider_transaction_id
    ) AS first CROSS JOIN LATERAL (
        SELECT sum(posted.amount_pence)::bigint AS pence, count(*) AS transactions,
            (array_agg(posted.id ORDER BY posted.booked_on, posted.provider_transaction_id))[:20] AS ids
        FROM card_transaction AS posted
        WHERE posted.account_id = first.account_id AND posted.accounting_month = first.accounting_month
            AND posted.booked_on < first.opened_on
    ) AS month
"""  # noqa: S608 (joined from constants)


def _nothing(_: NoTerms) -> list[object]:
    return []


BOOKED_BEFORE_OPENING: Final = Finder(AlertKind.BOOKED_BEFORE_OPENING, _BEFORE_OPENING, _nothing)
"""It posts all the same: the money has moved, and a person finds out why the day is before the account's first."""
