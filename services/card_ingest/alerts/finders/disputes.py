"""Transactions of which a provider has sent two versions: one has posted, the other waits for two people."""

from typing import Any, Final

from services.card_ingest.alerts.finder import Finder
from services.shared.vocabulary.alerts import AlertKind

# Whichever version came second waits, so the alert is about the id that both bear. Few rows ever wait for this reason.
_DISPUTED: Final = f"""
    SELECT DISTINCT ON (key) '{AlertKind.DISPUTED_TRANSACTION.value}/' || waiting.provider_code || '/'
            || waiting.transaction_id AS key,
        posted.account_id, posted.id AS transaction_id,
        coalesce(posted.booked_on, (waiting.created_at AT TIME ZONE 'Europe/London')::date) AS concerns_on,
        jsonb_build_object('posted_pence', abs(posted.amount_pence), 'waiting_pence', abs(waiting.delivered_pence),
            'quarantined_row_id', waiting.id) AS facts
    FROM quarantined_row AS waiting LEFT JOIN card_transaction AS posted
        ON posted.provider_code = waiting.provider_code AND posted.provider_transaction_id = waiting.transaction_id
    WHERE waiting.status = 'waiting' AND waiting.code = 'same_id_other_content' AND waiting.transaction_id IS NOT NULL
        AND (posted.id IS NULL OR posted.care_group IS NOT NULL)
        AND (waiting.created_at AT TIME ZONE 'Europe/London')::date >= $1::date
        AND (waiting.created_at AT TIME ZONE 'Europe/London')::date < $2::date
        AND NOT EXISTS (
            SELECT FROM alert WHERE alert.key = '{AlertKind.DISPUTED_TRANSACTION.value}/' || waiting.provider_code
                || '/' || waiting.transaction_id)
    ORDER BY key, waiting.created_at, waiting.id
"""  # noqa: S608 (joined from constants)


def _nothing(_terms: Any) -> list[object]:
    return []


DISPUTED_TRANSACTION: Final = Finder(AlertKind.DISPUTED_TRANSACTION, _DISPUTED, _nothing)
"""Two versions of one transaction id disagree; the first stands until people choose."""
