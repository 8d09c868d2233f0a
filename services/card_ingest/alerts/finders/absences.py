"""What only the records as a whole can tell, since it rests on something that is not there: no care paid, no payment to
this payee before, not enough money. A row that comes later may answer it, so these are asked once a day and of a whole
day's records, not with each batch. The last argument is the day of asking.
"""

from typing import Final

from services.card_ingest.alerts.finder import CATEGORY, PAYEE, TRANSFERS, Finder, in_words
from services.card_ingest.alerts.terms import (
    CarePaymentsStoppedTerms,
    NegativeBalanceTerms,
    NewPayeeTerms,
    SamePayeeTerms,
)
from services.shared.vocabulary.alerts import AlertKind

_ASKED_IN_FORCE: Final = "{day}::date >= $1::date AND {day}::date < $2::date"

# What is not known yet is not silence: the days are counted to the last delivery of the account's own provider.
_STOPPED: Final = f"""
    SELECT '{AlertKind.CARE_PAYMENTS_STOPPED.value}/' || care.account_id || '/' || care.last_on AS key,
        care.account_id, NULL::bigint AS transaction_id, care.last_on AS concerns_on,
        jsonb_build_object('last_paid_on', care.last_on, 'silent_days', care.known_on - care.last_on,
            'known_on', care.known_on, 'paid_days', care.paid_days, 'balance_pence', money.pence) AS facts
    FROM (
        SELECT account.agreement_id, max(posted.booked_on) AS last_on, count(DISTINCT posted.booked_on) AS paid_days,
            (array_agg(account.id ORDER BY posted.booked_on DESC, account.id))[1] AS account_id,
            (array_agg(fed.known_on ORDER BY posted.booked_on DESC, account.id))[1] AS known_on
        FROM (
            SELECT provider_code, least($8::date, (max(received_at) AT TIME ZONE 'Europe/London')::date) AS known_on
            FROM feed_delivery GROUP BY provider_code
        ) AS fed
        JOIN account ON account.provider_code = fed.provider_code AND account.status = 'open'
        JOIN card_transaction AS posted ON posted.account_id = account.id AND posted.amount_pence < 0
            AND posted.booked_on > fed.known_on - $5::integer AND posted.booked_on <= fed.known_on
        WHERE account.agreement_id IS NOT NULL AND {CATEGORY.format(row="posted")} = ANY($3::text[])
        GROUP BY account.agreement_id
    ) AS care
    JOIN agreement ON agreement.id = care.agreement_id AND agreement.status = 'active'
    JOIN recipient ON recipient.id = agreement.recipient_id AND recipient.died_on IS NULL
    JOIN LATERAL (
        SELECT sum(balance.posted_pence - balance.held_pence)::bigint AS pence
        FROM account AS ours JOIN account_balance AS balance ON balance.account_id = ours.id
        WHERE ours.agreement_id = care.agreement_id
    ) AS money ON money.pence >= $7::bigint
    WHERE {_ASKED_IN_FORCE.format(day="$8")} AND care.paid_days >= $4::bigint
        AND care.known_on - care.last_on > $6::integer
"""  # noqa: S608 (joined from constants)

# Told once a year, since a payee that is right for many people stays right. The payee stands in the key as a digest.
_SAME_PAYEE: Final = f"""
    SELECT '{AlertKind.SAME_PAYEE_ACROSS_PEOPLE.value}/'
            || left(encode(sha256(convert_to(paid.payee, 'UTF8')), 'hex'), 32) || '/'
            || to_char(max(paid.booked_on), 'YYYY') AS key,
        NULL::uuid AS account_id, NULL::bigint AS transaction_id, max(paid.booked_on) AS concerns_on,
        jsonb_build_object('people', count(DISTINCT paid.recipient_id), 'payments', count(*), 'days', $4::integer,
            'pence', sum(paid.pence), 'transaction_ids', to_jsonb((array_agg(paid.id ORDER BY paid.id DESC))[:20]),
            'account_ids', to_jsonb((array_agg(DISTINCT paid.account_id))[:50])) AS facts
    FROM (
        SELECT posted.id, posted.account_id, posted.booked_on, -posted.amount_pence AS pence,
            {PAYEE.format(row="posted")} AS payee, agreement.recipient_id
        FROM card_transaction AS posted JOIN account ON account.id = posted.account_id
        JOIN agreement ON agreement.id = account.agreement_id
        WHERE posted.type IN ({in_words(TRANSFERS)}) AND posted.booked_on > $6::date - $4::integer
            AND posted.booked_on <= $6::date AND {CATEGORY.format(row="posted")} <> ALL($5::text[])
    ) AS paid
    WHERE {_ASKED_IN_FORCE.format(day="$6")} AND paid.payee IS NOT NULL
    GROUP BY paid.payee HAVING count(DISTINCT paid.recipient_id) >= $3::bigint
"""  # noqa: S608

_NEW_PAYEE: Final = f"""
    SELECT '{AlertKind.NEW_PAYEE_OVER_LIMIT.value}/' || posted.account_id || '/' || posted.provider_transaction_id
            AS key, posted.account_id, posted.id AS transaction_id, posted.booked_on AS concerns_on,
        jsonb_build_object('pence', -posted.amount_pence, 'type', posted.type,
            'category', {CATEGORY.format(row="posted")}) AS facts
    FROM card_transaction AS posted JOIN account ON account.id = posted.account_id AND account.agreement_id IS NOT NULL
    WHERE {_ASKED_IN_FORCE.format(day="$7")} AND posted.type IN ({in_words(TRANSFERS)})
        AND -posted.amount_pence > $3::bigint AND posted.booked_on > account.opened_on + $4::integer
        AND posted.booked_on > $7::date - $5::integer AND posted.booked_on <= $7::date
        AND {CATEGORY.format(row="posted")} <> ALL($6::text[]) AND {PAYEE.format(row="posted")} IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM card_transaction AS earlier WHERE earlier.account_id = posted.account_id
                AND earlier.booked_on <= posted.booked_on AND earlier.amount_pence < 0
                AND {PAYEE.format(row="earlier")} = {PAYEE.format(row="posted")}
                AND (earlier.booked_on, earlier.occurred_at, earlier.provider_transaction_id)
                    < (posted.booked_on, posted.occurred_at, posted.provider_transaction_id))
"""  # noqa: S608

# The balance at the end of a day is today's without what was booked since.
_NEGATIVE: Final = f"""
    SELECT DISTINCT ON (key) '{AlertKind.NEGATIVE_BALANCE.value}/' || evening.account_id || '/'
            || to_char(evening.booked_on, 'YYYYMM') AS key,
        evening.account_id, NULL::bigint AS transaction_id, evening.booked_on AS concerns_on,
        jsonb_build_object('balance_pence', evening.pence) AS facts
    FROM (
        SELECT day.account_id, day.booked_on, balance.posted_pence - coalesce(sum(day.pence) OVER (
            PARTITION BY day.account_id ORDER BY day.booked_on DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0)::bigint AS pence
        FROM (
            SELECT posted.account_id, posted.booked_on, sum(posted.amount_pence) AS pence
            FROM card_transaction AS posted
            WHERE posted.care_group IS NOT NULL AND posted.booked_on > $5::date - $4::integer
            GROUP BY posted.account_id, posted.booked_on
        ) AS day JOIN account_balance AS balance ON balance.account_id = day.account_id
        UNION ALL
        SELECT balance.account_id, balance.last_booked_on, balance.posted_pence
        FROM account_balance AS balance JOIN account ON account.id = balance.account_id AND account.kind <> 'trial'
        WHERE balance.posted_pence < -$3::bigint AND balance.last_booked_on <= $5::date - $4::integer
    ) AS evening
    WHERE {_ASKED_IN_FORCE.format(day="$5")} AND evening.pence < -$3::bigint
    ORDER BY key, evening.pence, evening.booked_on
"""  # noqa: S608


def _stopped(terms: CarePaymentsStoppedTerms) -> list[object]:
    figures = [terms.paid_days, terms.look_back_days, terms.silent_days, terms.least_balance_pence]
    return [[category.value for category in terms.categories], *figures]


def _same_payee(terms: SamePayeeTerms) -> list[object]:
    return [terms.people, terms.days, [category.value for category in terms.expected_categories]]


def _new_payee(terms: NewPayeeTerms) -> list[object]:
    expected = [category.value for category in terms.expected_categories]
    return [terms.over_pence, terms.settling_days, terms.look_back_days, expected]


def _negative(terms: NegativeBalanceTerms) -> list[object]:
    return [terms.over_pence, terms.look_back_days]


CARE_PAYMENTS_STOPPED: Final = Finder(AlertKind.CARE_PAYMENTS_STOPPED, _STOPPED, _stopped)
"""Care was paid regularly and no longer is, while money is there: the person may be without support. Source: Plan
2018-2023, s.8: help is offered where support is not in place.
"""

SAME_PAYEE_ACROSS_PEOPLE: Final = Finder(AlertKind.SAME_PAYEE_ACROSS_PEOPLE, _SAME_PAYEE, _same_payee)
"""Several people pay one payee from whom that is not expected: most often a new agency, which a rule makes known."""

NEW_PAYEE_OVER_LIMIT: Final = Finder(AlertKind.NEW_PAYEE_OVER_LIMIT, _NEW_PAYEE, _new_payee)
"""The first transfer to a payee is a large one."""

NEGATIVE_BALANCE: Final = Finder(AlertKind.NEGATIVE_BALANCE, _NEGATIVE, _negative)
"""The account was overdrawn at the end of a day: more was cleared than was there, and care may go unpaid."""
