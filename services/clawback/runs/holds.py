"""Card payments that were set aside, on each day on which they stood: SQL in named parts.

A hold stands from the day on which it was authorised to the day before it ended. One that was cleared ends on the day
on which the payment is booked, so that on every day either the hold counts or the payment does, never both and never
neither; one that was released, has expired or was declined ends on the day of that. A part that was released is off
from its day on. Days are Europe/London days.
"""

from string import Template
from typing import Final

_HOLD: Final = """
    among.agreement_id, hold.account_id, hold.provider_code, hold.provider_transaction_id AS hold_id, hold.amount_pence,
    hold.status, (hold.authorised_at AT TIME ZONE 'Europe/London')::date AS placed_on,
    (hold.settled_at AT TIME ZONE 'Europe/London')::date AS settled_on
"""

_KNOWN: Final = Template(f"""
${{name}}_hold_known AS (
    SELECT {_HOLD} FROM $among among JOIN card_hold hold ON hold.account_id = among.account_id
    WHERE hold.status = 'authorised'
    UNION
    SELECT {_HOLD} FROM $among among JOIN card_hold hold ON hold.account_id = among.account_id
    WHERE hold.settled_at >= (($since)::timestamp AT TIME ZONE 'Europe/London')
    UNION
    SELECT {_HOLD} FROM $among among
    JOIN card_transaction cleared ON cleared.account_id = among.account_id AND cleared.booked_on >= $since
    JOIN card_hold hold ON hold.provider_code = cleared.provider_code AND hold.account_id = cleared.account_id
        AND hold.provider_transaction_id = coalesce(cleared.authorisation_id, cleared.provider_transaction_id)
)
""")  # noqa: S608 (joined from constants)
"""The holds that may have stood on `since` or later: open ones, those that ended since, and those booked since."""

_STOOD: Final = Template("""
${name}_hold AS MATERIALIZED (
    SELECT hold.*, ended.on_day AS ended_on
    FROM ${name}_hold_known hold
    CROSS JOIN LATERAL (
        SELECT CASE WHEN hold.status = 'posted' THEN coalesce(min(cleared.booked_on), hold.settled_on)
                    ELSE least(hold.settled_on, min(cleared.booked_on)) END AS on_day
        FROM card_transaction cleared
        WHERE cleared.account_id = hold.account_id AND cleared.booked_on >= hold.placed_on
          AND cleared.provider_code = hold.provider_code
          AND coalesce(cleared.authorisation_id, cleared.provider_transaction_id) = hold.hold_id
    ) ended
    WHERE hold.placed_on <= $$1::date AND (ended.on_day IS NULL OR ended.on_day > hold.placed_on)
)
""")
"""Each of them with the day on which it ended, NULL while it stands. One that ended on its first day set nothing
aside at the end of any.
"""

_LESSENED: Final = Template("""
${name}_hold_part AS MATERIALIZED (
    SELECT part.agreement_id, part.account_id, part.provider_code, part.hold_id, part.on_day,
           least(part.amount_pence, part.until_now) - least(part.amount_pence, part.until_now - part.pence) AS pence
    FROM (
        SELECT hold.*,
               greatest(hold.placed_on, (released.released_at AT TIME ZONE 'Europe/London')::date) AS on_day,
               released.amount_pence AS pence,
               sum(released.amount_pence) OVER (
                   PARTITION BY hold.provider_code, hold.hold_id
                   ORDER BY released.released_at, released.provider_transaction_id, released.amount_pence
               )::bigint AS until_now
        FROM ${name}_hold hold JOIN card_release released
          ON released.provider_code = hold.provider_code AND released.hold_id = hold.hold_id
            AND released.account_id = hold.account_id AND released.status = 'reversed'
    ) part
    WHERE part.ended_on IS NULL OR part.on_day < part.ended_on
)
""")
"""What was released of a hold while it stood, never more than the whole of it."""

_MOVES: Final = Template("""
${name}_hold_move AS MATERIALIZED (
    SELECT agreement_id, account_id, placed_on AS on_day, amount_pence AS pence FROM ${name}_hold
    UNION ALL
    SELECT agreement_id, account_id, on_day, -pence FROM ${name}_hold_part
    UNION ALL
    SELECT hold.agreement_id, hold.account_id, hold.ended_on,
           coalesce(released.pence, 0)::bigint - hold.amount_pence
    FROM ${name}_hold hold LEFT JOIN (
        SELECT provider_code, hold_id, sum(pence) AS pence FROM ${name}_hold_part GROUP BY provider_code, hold_id
    ) released ON released.provider_code = hold.provider_code AND released.hold_id = hold.hold_id
    WHERE hold.ended_on IS NOT NULL
)
""")
"""By how many pence what is set aside on an account changes on a day; summed up to a day it is what stood then."""


def moves(*, name: str, among: str, since: str) -> str:
    """Return the parts that end with `{name}_hold_move`, over the accounts of the query `among` (agreement_id,
    account_id) and right for every day from `since`, an SQL date, to $1.
    """
    parts = (_KNOWN, _STOOD, _LESSENED, _MOVES)
    return ",".join(part.substitute(name=name, among=among, since=since) for part in parts)
