"""What the payment cycle tells of a flagged agreement: its lowest balance, and its last load. SQL in named parts.

They read `pending` of `survey`. Of the whole statement's arguments, $1 is the day and $6 the days of a payment cycle.
"""

from typing import Final

from services.clawback.runs import holds

HELD_IN_CYCLE: Final = f"""
pending_account AS (
    SELECT account.id AS account_id, account.agreement_id FROM account
    WHERE account.agreement_id IN (SELECT pending.agreement_id FROM pending)
),
{holds.moves(name="cycle", among="pending_account", since="$1::date - $6::integer + 1")},
cycle_held AS MATERIALIZED (
    SELECT agreement_id, sum(pence)::bigint AS standing_pence,
           array_agg(on_day) FILTER (WHERE on_day BETWEEN $1 - $6 + 2 AND $1) AS days,
           array_agg(pence) FILTER (WHERE on_day BETWEEN $1 - $6 + 2 AND $1) AS pences
    FROM cycle_hold_move WHERE on_day <= $1 GROUP BY agreement_id
)
"""  # noqa: S608 (joined from constants)
"""`cycle_held`: what is set aside on an agreement's accounts at the day's end, and how that changed in the cycle."""

_LOW_POINT: Final = """
    SELECT pending.counted_pence AS pence, $1 AS on_day
    UNION ALL
    SELECT (pending.posted_pence - coalesce(held.standing_pence, 0)
            - sum(daily.pence) OVER (ORDER BY daily.on_day DESC))::bigint, daily.on_day - 1
    FROM (
        SELECT moved.on_day, sum(moved.pence) AS pence
        FROM (
            SELECT booked.booked_on AS on_day, booked.amount_pence AS pence
            FROM account JOIN card_transaction booked ON booked.account_id = account.id
            WHERE account.agreement_id = pending.agreement_id AND booked.booked_on BETWEEN $1 - $6 + 2 AND $1
            UNION ALL
            SELECT set_aside.on_day, -set_aside.pence
            FROM unnest(held.days, held.pences) AS set_aside (on_day, pence)
        ) moved
        GROUP BY moved.on_day
    ) daily
    ORDER BY pence, on_day DESC
    LIMIT 1
"""
"""The lowest counted balance at the end of a day of the cycle, and the latest day on which it was that low.

Going back from the day, each day's end is the day's own less what was booked and plus what was set aside since.
"""

_LAST_LOAD: Final = """
    SELECT latest.booked_on AS on_day, (
               SELECT sum(loaded.amount_pence)::bigint
               FROM account JOIN card_transaction loaded ON loaded.account_id = account.id
               WHERE account.agreement_id = pending.agreement_id AND loaded.booked_on = latest.booked_on
                 AND loaded.type = 'load') AS pence
    FROM account CROSS JOIN LATERAL (
        SELECT loaded.booked_on FROM card_transaction loaded
        WHERE loaded.account_id = account.id AND loaded.booked_on <= $1 AND loaded.type = 'load'
        ORDER BY loaded.booked_on DESC
        LIMIT 1
    ) latest
    WHERE account.agreement_id = pending.agreement_id
    ORDER BY latest.booked_on DESC
    LIMIT 1
"""
"""The latest day of a load, and what was loaded on it over all accounts."""

SEEN: Final = f"""
seen AS MATERIALIZED (
    SELECT pending.*, low_point.pence AS low_point_pence, low_point.on_day AS low_point_on,
           last_load.on_day AS last_load_on, last_load.pence AS last_load_pence,
           CASE WHEN pending.has_moved OR low_point.pence <> pending.standing_low_point_pence
                THEN gen_random_uuid() END AS calculation_id
    FROM pending
    LEFT JOIN cycle_held held ON held.agreement_id = pending.agreement_id
    CROSS JOIN LATERAL ({_LOW_POINT}) low_point
    LEFT JOIN LATERAL ({_LAST_LOAD}) last_load ON true
)
"""  # noqa: S608
"""`seen`: what is pending with its cycle; it has a `calculation_id` where a new snapshot has to be written."""

PARTS: Final = (HELD_IN_CYCLE, SEEN)
"""The parts in the order in which each reads those before it."""
