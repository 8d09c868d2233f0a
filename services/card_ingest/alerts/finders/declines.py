"""What declined attempts tell. They move no money and are kept for safeguarding; a decline that comes later never takes
an alert back.
"""

from typing import Final

from services.card_ingest.alerts.finder import Finder
from services.card_ingest.alerts.terms import QueriedMerchantTerms, RepeatedDeclinesTerms
from services.shared.vocabulary.alerts import AlertKind

_LONDON_DAY: Final = "({row}.declined_at AT TIME ZONE 'Europe/London')::date"

_QUERIED: Final = f"""
    SELECT '{AlertKind.QUERIED_MERCHANT.value}/' || tried.account_id || '/declined/' || tried.provider_transaction_id
            AS key, tried.account_id, NULL::bigint AS transaction_id, tried.declined_on AS concerns_on,
        jsonb_build_object('pence', tried.amount_pence, 'mcc', tried.mcc, 'declined', true) AS facts
    FROM (SELECT seen.*, {_LONDON_DAY.format(row="seen")} AS declined_on FROM examined_decline AS seen) AS tried
    WHERE $5::boolean AND tried.declined_on >= $1::date AND tried.declined_on < $2::date
        AND tried.mcc = ANY($3::text[]) AND tried.amount_pence >= $4::bigint
"""  # noqa: S608 (joined from constants)

# Each decline is asked how many came in the days up to it. One that has come now may belong to the days of a later one,
# so those are asked too; what is told is told once for an account and a month.
_REPEATED: Final = f"""
    SELECT DISTINCT ON (key) '{AlertKind.REPEATED_DECLINES.value}/' || many.account_id || '/'
            || to_char(many.declined_on, 'YYYYMM') AS key,
        many.account_id, NULL::bigint AS transaction_id, many.declined_on AS concerns_on,
        jsonb_build_object('declines', many.declines, 'days', $4::integer, 'pence', many.pence) AS facts
    FROM (
        SELECT decline.account_id, {_LONDON_DAY.format(row="decline")} AS declined_on, decline.declined_at,
            decline.provider_transaction_id, touched.first_at,
            count(*) OVER up_to_it AS declines, sum(decline.amount_pence) OVER up_to_it AS pence
        FROM (
            SELECT account_id, min(declined_at) AS first_at, max(declined_at) AS last_at
            FROM examined_decline GROUP BY account_id
        ) AS touched JOIN card_decline AS decline ON decline.account_id = touched.account_id
            AND decline.declined_at BETWEEN touched.first_at - make_interval(days => $4::integer)
                AND touched.last_at + make_interval(days => $4::integer)
        WINDOW up_to_it AS (
            PARTITION BY decline.account_id ORDER BY decline.declined_at
            RANGE BETWEEN make_interval(days => $4::integer) PRECEDING AND CURRENT ROW
        )
    ) AS many
    WHERE many.declines >= $3::bigint AND many.declined_at >= many.first_at
        AND many.declined_on >= $1::date AND many.declined_on < $2::date
    ORDER BY key, many.declined_at, many.provider_transaction_id
"""  # noqa: S608


def _queried(terms: QueriedMerchantTerms) -> list[object]:
    return [list(terms.mccs), terms.least_pence, terms.with_declined]


def _repeated(terms: RepeatedDeclinesTerms) -> list[object]:
    return [terms.declines, terms.days]


QUERIED_ATTEMPT: Final = Finder(AlertKind.QUERIED_MERCHANT, _QUERIED, _queried)
"""A declined attempt at a kind of seller that is queried. Source: Care and Support Statutory Guidance, 12.35."""

REPEATED_DECLINES: Final = Finder(AlertKind.REPEATED_DECLINES, _REPEATED, _repeated)
"""Many declined attempts in few days: the money may not come, or somebody else may have the card."""
