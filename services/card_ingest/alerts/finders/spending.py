"""What a transaction tells by itself, or beside its account's others. A row that comes later never takes one back, so
that the same records raise the same alerts in whatever order and batches they came.
"""

from math import ceil
from typing import Final

from services.card_ingest.alerts.finder import PAYEE, SPENDING, SPENT_ON, Finder, in_words
from services.card_ingest.alerts.terms import DuplicateChargeTerms, LeastTerms, QueriedMerchantTerms, SpendAfterTerms
from services.shared.vocabulary.alerts import AlertKind

_IN_FORCE: Final = "seen.booked_on >= $1::date AND seen.booked_on < $2::date"
_KEY: Final = "'{kind}/' || seen.account_id || '/' || seen.provider_transaction_id"

_CASH: Final = f"""
    SELECT {_KEY.format(kind=AlertKind.CASH_WITHOUT_PERMISSION.value)} AS key, seen.account_id,
        seen.id AS transaction_id, seen.booked_on AS concerns_on,
        jsonb_build_object('pence', -seen.amount_pence, 'type', seen.type) AS facts
    FROM examined AS seen JOIN account ON account.id = seen.account_id
    JOIN agreement ON agreement.id = account.agreement_id AND NOT agreement.cash_permitted
    WHERE {_IN_FORCE} AND seen.type IN ('atm_withdrawal', 'cashback', 'quasi_cash') AND -seen.amount_pence >= $3::bigint
"""  # noqa: S608 (joined from constants)

_QUERIED: Final = f"""
    SELECT {_KEY.format(kind=AlertKind.QUERIED_MERCHANT.value)} AS key, seen.account_id,
        seen.id AS transaction_id, seen.booked_on AS concerns_on,
        jsonb_build_object('pence', -seen.amount_pence, 'mcc', seen.mcc, 'type', seen.type) AS facts
    FROM examined AS seen
    WHERE {_IN_FORCE} AND seen.mcc = ANY($3::text[]) AND -seen.amount_pence >= $4::bigint
"""  # noqa: S608

_BOUNCED: Final = f"""
    SELECT {_KEY.format(kind=AlertKind.BOUNCED_DIRECT_DEBIT.value)} AS key, seen.account_id,
        seen.id AS transaction_id, seen.booked_on AS concerns_on,
        jsonb_build_object('pence', seen.amount_pence, 'mcc', seen.mcc) AS facts
    FROM examined AS seen
    WHERE {_IN_FORCE} AND seen.type = 'direct_debit_bounce' AND seen.amount_pence >= $3::bigint
"""  # noqa: S608

# By the day of paying and not of booking: what was bought in a person's last days clears after them. Told once for an
# account and a month; the facts count what was booked in it by the time of telling.
_AFTER: Final = """
    SELECT '{kind}/' || first.account_id || '/' || first.accounting_month AS key, first.account_id,
        first.id AS transaction_id, first.booked_on AS concerns_on,
        jsonb_build_object('over_on', first.over_on, 'pence', month.pence, 'transactions', month.transactions,
            'transaction_ids', to_jsonb(month.ids)) AS facts
    FROM (
        SELECT DISTINCT ON (seen.account_id, seen.accounting_month) seen.*, over.{over_on} AS over_on
        FROM examined_over AS over JOIN examined AS seen ON seen.account_id = over.account_id
            AND {seen_on} > over.{over_on} + $4::integer
        WHERE {in_force} AND seen.type IN ({spending}) AND -seen.amount_pence >= $3::bigint
        ORDER BY seen.account_id, seen.accounting_month, seen.booked_on, seen.provider_transaction_id
    ) AS first CROSS JOIN LATERAL (
        SELECT sum(-posted.amount_pence)::bigint AS pence, count(*) AS transactions,
            (array_agg(posted.id ORDER BY posted.booked_on, posted.provider_transaction_id))[:20] AS ids
        FROM card_transaction AS posted
        WHERE posted.account_id = first.account_id AND posted.accounting_month = first.accounting_month
            AND posted.booked_on > first.over_on + $4::integer AND {posted_on} > first.over_on + $4::integer
            AND posted.type IN ({spending}) AND -posted.amount_pence >= $3::bigint
    ) AS month
"""
_AFTER_END, _AFTER_DEATH = (
    _AFTER.format(
        kind=kind.value,
        over_on=over_on,
        in_force=_IN_FORCE,
        spending=in_words(SPENDING),
        seen_on=SPENT_ON.format(row="seen"),
        posted_on=SPENT_ON.format(row="posted"),
    )
    for kind, over_on in ((AlertKind.SPEND_AFTER_END, "ended_on"), (AlertKind.SPEND_AFTER_DEATH, "died_on"))
)

# The later of two equal charges is told, whichever came first. Two made on one day may clear a day apart.
_CLEARING_DAYS: Final = 1
_DUPLICATE: Final = f"""
    SELECT DISTINCT ON (key) '{AlertKind.DUPLICATE_CHARGE.value}/' || pair.account_id || '/' || pair.later_ref AS key,
        pair.account_id, pair.later_id AS transaction_id, pair.later_on AS concerns_on,
        jsonb_build_object('pence', pair.pence, 'transaction_ids', jsonb_build_array(pair.earlier_id, pair.later_id))
            AS facts
    FROM (
        SELECT seen.account_id, -seen.amount_pence AS pence, late.*,
            CASE WHEN late.is_other THEN seen.occurred_at ELSE other.occurred_at END AS earlier_at,
            CASE WHEN late.is_other THEN seen.id ELSE other.id END AS earlier_id,
            CASE WHEN late.is_other THEN other.id ELSE seen.id END AS later_id,
            CASE WHEN late.is_other THEN other.booked_on ELSE seen.booked_on END AS later_on,
            CASE WHEN late.is_other THEN other.provider_transaction_id
                ELSE seen.provider_transaction_id END AS later_ref
        FROM examined AS seen JOIN card_transaction AS other ON other.account_id = seen.account_id
            AND other.booked_on BETWEEN seen.booked_on - $5::integer AND seen.booked_on + $5::integer
            AND other.amount_pence = seen.amount_pence AND other.id <> seen.id
            AND other.occurred_at BETWEEN seen.occurred_at - make_interval(hours => $4::integer)
                AND seen.occurred_at + make_interval(hours => $4::integer)
        CROSS JOIN LATERAL (
            SELECT (other.occurred_at, other.provider_transaction_id)
                > (seen.occurred_at, seen.provider_transaction_id) AS is_other
        ) AS late
        WHERE -seen.amount_pence >= $3::bigint AND seen.type IN ({in_words(SPENDING)})
            AND other.type IN ({in_words(SPENDING)}) AND seen.payee = {PAYEE.format(row="other")}
    ) AS pair
    WHERE pair.later_on >= $1::date AND pair.later_on < $2::date
    ORDER BY key, pair.earlier_at DESC, pair.earlier_id
"""  # noqa: S608


def _least(terms: LeastTerms) -> list[object]:
    return [terms.least_pence]


def _queried(terms: QueriedMerchantTerms) -> list[object]:
    return [list(terms.mccs), terms.least_pence]


def _after(terms: SpendAfterTerms) -> list[object]:
    return [terms.least_pence, terms.grace_days]


def _duplicate(terms: DuplicateChargeTerms) -> list[object]:
    return [terms.least_pence, terms.hours, ceil(terms.hours / 24) + _CLEARING_DAYS]


CASH_WITHOUT_PERMISSION: Final = Finder(AlertKind.CASH_WITHOUT_PERMISSION, _CASH, _least)
"""Cash or what is as good as cash, where the agreement does not permit it. Source: Plan 2018-2023, s.11."""

QUERIED_MERCHANT: Final = Finder(AlertKind.QUERIED_MERCHANT, _QUERIED, _queried)
"""A purchase at a kind of seller that card schemes usually block. Source: Care and Support Statutory Guidance, 12.35:
a list is not a verdict, so that a person looks.
"""

BOUNCED_DIRECT_DEBIT: Final = Finder(AlertKind.BOUNCED_DIRECT_DEBIT, _BOUNCED, _least)
"""A direct debit came back, so that care, insurance or tax may not have been paid."""

SPEND_AFTER_END: Final = Finder(AlertKind.SPEND_AFTER_END, _AFTER_END, _after)
"""Money is spent after the agreement has ended or the account was closed. Source: Care Act 2014, s.33."""

SPEND_AFTER_DEATH: Final = Finder(AlertKind.SPEND_AFTER_DEATH, _AFTER_DEATH, _after)
"""Money leaves the account for what was paid after the person's death. Source: Care Act 2014, s.31: the payment is the
person's own.
"""

DUPLICATE_CHARGE: Final = Finder(AlertKind.DUPLICATE_CHARGE, _DUPLICATE, _duplicate)
"""The same sum went to the same payee twice within hours, under different transaction ids."""
