"""Authorisations and declines: a hold counts in the available balance only, and a declined attempt in none.

What ends or lessens an authorisation is kept as it comes (`card_release`, `card_decline`, the posted row itself), and
what is held is worked out from all of it whenever anything of it comes: so events may come in any order and in any
batches, and the same is held. Only what names the hold's own account touches it. A reversal of a part releases that
part, those that come to the whole end it, and so does a decline, an expiry or a settlement, of whatever amount: what
the provider still holds after a settlement comes as an authorisation of its own.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from services.card_ingest import outcomes, resolving
from services.card_ingest.events import ReadRow
from services.card_ingest.reasons import Note, Reason
from services.shared import driver
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus

Place: TypeAlias = tuple[int, int]  # A row's delivery and own number.

_DELIVERY: Final = resolving.DELIVERY
_HOLD_ID: Final = """
    CASE staged.status WHEN 'authorised' THEN staged.provider_transaction_id
        ELSE coalesce(staged.authorisation_id, staged.provider_transaction_id) END
"""

_OPEN: Final = f"""
WITH opened AS (
    INSERT INTO card_hold (provider_code, provider_transaction_id, account_id, amount_pence, status, mcc, merchant_name,
        authorised_at, delivery_number, row_number)
    SELECT $1, staged.provider_transaction_id, account.id, abs(staged.effect_pence), 'authorised', staged.mcc,
        staged.merchant_name, staged.occurred_at, {_DELIVERY}, staged.row_number
    FROM staged_event AS staged {resolving.ACCOUNT}
    WHERE staged.status = 'authorised' AND {resolving.TAKES}
    ORDER BY staged.provider_transaction_id, staged.row_number
    ON CONFLICT DO NOTHING
    RETURNING account_id, amount_pence
)
INSERT INTO staged_move SELECT account_id, amount_pence FROM opened
"""  # noqa: S608 (joined from constants)

_DECLINE: Final = f"""
INSERT INTO card_decline (provider_code, provider_transaction_id, account_id, amount_pence, reason, mcc, merchant_name,
    declined_at, delivery_number, row_number)
SELECT $1, staged.provider_transaction_id, account.id, abs(staged.effect_pence), staged.decline_reason, staged.mcc,
    staged.merchant_name, staged.occurred_at, {_DELIVERY}, staged.row_number
FROM staged_event AS staged {resolving.ACCOUNT}
WHERE staged.status = 'declined' AND {resolving.TAKES}
ORDER BY staged.provider_transaction_id, staged.row_number
ON CONFLICT DO NOTHING
"""  # noqa: S608

# The hold that an event names, and the transaction that posted under the hold's own id.
_NAMED: Final = f"""
LEFT JOIN card_hold AS hold ON hold.provider_code = $1 AND hold.provider_transaction_id = {_HOLD_ID}
LEFT JOIN card_transaction AS known ON known.provider_code = $1
    AND known.provider_transaction_id = {_HOLD_ID} AND known.account_id = account.id
"""

# A reversal after the posting of its own id takes posted money back, unless it is what the settlement left of the hold.
_TAKES_BACK: Final = """
    (staged.status = 'reversed' AND staged.occurred_at >= known.occurred_at AND NOT coalesce(staged.effect_pence <> 0
        AND abs(staged.effect_pence) + abs(known.amount_pence) <= hold.amount_pence, false)) IS TRUE
"""

# A decline ends what it names beside its own id; by its own id it is found in its own table.
_KEEP_RELEASES: Final = f"""
INSERT INTO card_release (provider_code, provider_transaction_id, status, released_at, amount_pence, hold_id,
    account_id, delivery_number, row_number)
SELECT $1, staged.provider_transaction_id, staged.status, staged.occurred_at, abs(staged.effect_pence), {_HOLD_ID},
    account.id, {_DELIVERY}, staged.row_number
FROM staged_event AS staged {resolving.ACCOUNT} {_NAMED}
LEFT JOIN card_decline AS decline ON decline.provider_code = $1 AND staged.status = 'declined'
    AND decline.provider_transaction_id = staged.provider_transaction_id
    AND decline.delivery_number = {_DELIVERY} AND decline.row_number = staged.row_number
WHERE (staged.status IN ('reversed', 'expired')
        OR (decline.account_id IS NOT NULL AND staged.authorisation_id <> staged.provider_transaction_id))
    AND (card.id IS NULL OR card.account_id = account.id) AND NOT {_TAKES_BACK}
    AND CASE WHEN hold.account_id IS NULL THEN {resolving.TAKES} ELSE hold.account_id = account.id END
ORDER BY staged.provider_transaction_id, staged.row_number
ON CONFLICT DO NOTHING
"""  # noqa: S608

_WORK_OUT: Final = f"""
WITH named AS (
    SELECT DISTINCT {_HOLD_ID} AS hold_id FROM staged_event AS staged WHERE staged.status <> 'posted'
), told AS MATERIALIZED (
    SELECT named.hold_id, hold.account_id, hold.amount_pence, hold.status AS old_status,
        hold.released_pence AS old_released_pence, least(release.pence, hold.amount_pence) AS released_pence,
        CASE WHEN hold.status <> 'authorised' THEN hold.status
            WHEN known.id IS NOT NULL OR release.is_settled THEN 'posted'
            WHEN decline.account_id IS NOT NULL OR release.is_declined THEN 'declined'
            WHEN release.is_expired THEN 'expired'
            WHEN release.is_whole OR release.pence >= hold.amount_pence THEN 'reversed'
            ELSE 'authorised' END AS status,
        coalesce(hold.settled_at, known.occurred_at, release.last_at, decline.declined_at) AS settled_at
    FROM named
    JOIN card_hold AS hold ON hold.provider_code = $1 AND hold.provider_transaction_id = named.hold_id
    LEFT JOIN card_transaction AS known ON known.provider_code = $1 AND known.provider_transaction_id = named.hold_id
        AND known.account_id = hold.account_id
    LEFT JOIN card_decline AS decline ON decline.provider_code = $1 AND decline.provider_transaction_id = named.hold_id
        AND decline.account_id = hold.account_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_pence) FILTER (WHERE status = 'reversed'), 0)::bigint AS pence,
            max(released_at) AS last_at, bool_or(status = 'posted') AS is_settled,
            bool_or(status = 'declined') AS is_declined, bool_or(status = 'expired') AS is_expired,
            bool_or(status = 'reversed' AND amount_pence = 0) AS is_whole
        FROM card_release AS kept
        WHERE kept.provider_code = $1 AND kept.hold_id = named.hold_id AND kept.account_id = hold.account_id
    ) AS release
), changed AS (
    UPDATE card_hold AS hold SET status = told.status, released_pence = told.released_pence,
        settled_at = CASE WHEN told.status <> 'authorised' THEN told.settled_at END
    FROM told WHERE hold.provider_code = $1 AND hold.provider_transaction_id = told.hold_id
        AND (told.status, told.released_pence) <> (told.old_status, told.old_released_pence)
), moved AS (
    INSERT INTO staged_move
    SELECT account_id, CASE WHEN status = 'authorised' THEN old_released_pence - released_pence
        ELSE old_released_pence - amount_pence END
    FROM told WHERE old_status = 'authorised' AND (status <> 'authorised' OR released_pence <> old_released_pence)
)
SELECT hold_id FROM told WHERE old_status = 'authorised' AND status <> 'authorised'
"""  # noqa: S608

_FACTS: Final = f"""
SELECT {_DELIVERY} AS delivery_number, staged.row_number, {_HOLD_ID} AS hold_id,
    account.id IS NOT NULL AS has_account, card.account_id <> account.id AS is_other_card,
    staged.booked_on > account.closed_on AS is_closed, hold.status AS hold_status,
    (hold.delivery_number = {_DELIVERY} AND hold.row_number = staged.row_number) IS TRUE AS is_own_hold,
    (hold.account_id <> account.id) IS TRUE AS is_hold_of_another,
    (hold.account_id = account.id AND hold.amount_pence = abs(staged.effect_pence)
        AND hold.authorised_at = staged.occurred_at) IS TRUE AS is_same_hold,
    (release.delivery_number = {_DELIVERY} AND release.row_number = staged.row_number) IS TRUE AS is_own_release,
    release.hold_id IS NOT NULL AS has_release,
    (release.account_id = account.id AND release.hold_id = {_HOLD_ID}) IS TRUE AS is_same_release,
    {_TAKES_BACK} AS takes_back,
    (decline.delivery_number = {_DELIVERY} AND decline.row_number = staged.row_number) IS TRUE AS is_own_decline,
    decline.account_id IS NOT NULL AS has_declined,
    (decline.account_id = account.id AND decline.amount_pence = abs(staged.effect_pence)
        AND decline.declined_at = staged.occurred_at) IS TRUE AS is_same_decline
FROM staged_event AS staged {resolving.ACCOUNT} {_NAMED}
LEFT JOIN card_release AS release ON release.provider_code = $1
    AND release.provider_transaction_id = staged.provider_transaction_id AND release.status = staged.status
    AND release.released_at = staged.occurred_at AND release.amount_pence = abs(staged.effect_pence)
LEFT JOIN card_decline AS decline ON decline.provider_code = $1 AND staged.status = 'declined'
    AND decline.provider_transaction_id = staged.provider_transaction_id
WHERE staged.status <> 'posted'
"""  # noqa: S608

# What has come before is known again by its posting; the first condition spares providers that release nothing.
_REVERSED_BEFORE: Final = f"""
SELECT staged.row_number, staged.delivery_number, hold.amount_pence IS NOT NULL AS has_hold
FROM staged_event AS staged {resolving.ACCOUNT}
LEFT JOIN card_hold AS hold ON hold.provider_code = $1
    AND hold.provider_transaction_id = staged.provider_transaction_id AND hold.account_id = account.id
WHERE EXISTS (SELECT FROM card_release WHERE provider_code = $1) AND staged.status = 'posted' AND EXISTS (
    SELECT FROM card_release AS kept
    WHERE kept.provider_code = $1 AND kept.hold_id = staged.provider_transaction_id AND kept.status = 'reversed'
        AND kept.account_id = account.id AND kept.released_at >= staged.occurred_at
        AND NOT coalesce(kept.amount_pence <> 0
            AND kept.amount_pence + abs(staged.effect_pence) <= hold.amount_pence, false)
) AND NOT EXISTS (
    SELECT FROM card_transaction AS known
    WHERE known.provider_code = $1 AND known.provider_transaction_id = staged.provider_transaction_id)
"""  # noqa: S608
_TAKE_OUT: Final = "DELETE FROM staged_event WHERE status = 'posted' AND row_number = ANY($1::integer[])"


async def take_out(
    connection: driver.Connection, rows: Mapping[int, ReadRow], *, provider_code: str
) -> dict[int, outcomes.Result]:
    """Take the rows whose own id was reversed before they came out of what is staged: as in the other order, where the
    reversal waits, people decide. `rows` are the staged rows of status `posted`; call it once `apply` has been.
    """
    found = await connection.fetch(_REVERSED_BEFORE, provider_code) if rows else ()
    places = {each["row_number"]: each["has_hold"] for each in found if each["row_number"] in rows}
    if places:
        await connection.execute(_TAKE_OUT, list(places))
    return {place: _reversed_before(rows[place], has_hold=has_hold) for place, has_hold in places.items()}


async def reversed_before(connection: driver.Connection, *, provider_code: str) -> frozenset[int]:
    """Return the numbers of the gathered deliveries of which some staged row was reversed before it came."""
    return frozenset(each["delivery_number"] for each in await connection.fetch(_REVERSED_BEFORE, provider_code))


def _reversed_before(row: ReadRow, *, has_hold: bool) -> outcomes.Result:
    """Return that a row waits: while its authorisation has not come, for that too, which may show what was released."""
    waits_for = None if has_hold else row.event.provider_transaction_id
    return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.REVERSED_BEFORE, waits_for=waits_for)


async def apply(
    connection: driver.Connection, rows: Mapping[int, ReadRow], *, provider_code: str, delivery_number: int
) -> list[outcomes.Result]:
    """Open and end holds and keep declines, as staged; the balances' moves are staged for the posting statement.

    `rows` are the staged rows of any status but `posted`, by row number.
    """
    by_place = {(delivery_number, number): row for number, row in rows.items()}
    found = await _applied(connection, by_place, provider_code=provider_code, delivery_number=delivery_number)
    return [result for _, result in found]


async def apply_gathered(
    connection: driver.Connection, rows: Mapping[Place, ReadRow], *, provider_code: str
) -> list[tuple[int, outcomes.Result]]:
    """Do the same to what is staged of several deliveries, no two of which name the same event.

    `rows` are by their delivery's number and their own; each result is given with the former.
    """
    return await _applied(connection, rows, provider_code=provider_code, delivery_number=None)


async def _applied(
    connection: driver.Connection, rows: Mapping[Place, ReadRow], *, provider_code: str, delivery_number: int | None
) -> list[tuple[int, outcomes.Result]]:
    if not rows:
        return []
    statuses = {row.event.status for row in rows.values()}
    if EventStatus.AUTHORISED in statuses:
        await connection.execute(_OPEN, provider_code, delivery_number)
    if EventStatus.DECLINED in statuses:
        await connection.execute(_DECLINE, provider_code, delivery_number)
    if statuses - {EventStatus.AUTHORISED}:
        await connection.execute(_KEEP_RELEASES, provider_code, delivery_number)
    ended = {each["hold_id"] for each in await connection.fetch(_WORK_OUT, provider_code)}
    facts = await connection.fetch(_FACTS, provider_code, delivery_number)
    places = [(each["delivery_number"], each["row_number"]) for each in facts]
    return [
        (place[0], judged(rows[place], dict(each), has_ended=each["hold_id"] in ended))
        for place, each in zip(places, facts, strict=True)
    ]


def judged(row: ReadRow, facts: Mapping[str, Any], *, has_ended: bool) -> outcomes.Result:
    """Say where an event that posts nothing has ended, from what the tables hold after it was applied.

    `has_ended` tells whether the hold that it names has ended with the events of its batch.
    """
    if row.event.status is EventStatus.AUTHORISED:
        found = _authorised(row, facts)
    elif row.event.status is EventStatus.DECLINED:
        found = _declined(row, facts)
    else:
        found = _released(row, facts, has_ended=has_ended)
    if found is not None:
        return found
    if facts["has_account"] and facts["is_other_card"]:
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.CARD_OF_ANOTHER_ACCOUNT)
    if facts["has_account"] and facts["is_closed"]:
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.ACCOUNT_CLOSED)
    return outcomes.unregistered(row)


def _authorised(row: ReadRow, facts: Mapping[str, Any]) -> outcomes.Result | None:
    """Judge an authorisation: it counts as held whenever it comes, also where what ended it came before it."""
    if facts["is_own_hold"]:
        is_open = facts["hold_status"] == EventStatus.AUTHORISED
        return outcomes.Result(row, RowOutcome.HELD, None if is_open else Note.HOLD_ALREADY_CLOSED)
    if facts["is_same_hold"]:
        return outcomes.Result(row, RowOutcome.ALREADY_POSTED)
    if facts["hold_status"] is not None and facts["has_account"]:
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    return None


def _declined(row: ReadRow, facts: Mapping[str, Any]) -> outcomes.Result | None:
    if facts["is_own_decline"]:
        return outcomes.Result(row, RowOutcome.NO_MONEY, Note.DECLINED)
    if facts["is_same_decline"]:
        return outcomes.Result(row, RowOutcome.ALREADY_POSTED)
    if facts["has_declined"]:
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    return None


def _released(row: ReadRow, facts: Mapping[str, Any], *, has_ended: bool) -> outcomes.Result | None:
    if facts["is_own_release"]:
        return outcomes.Result(row, RowOutcome.NO_MONEY, _note(facts["hold_status"], has_ended=has_ended))
    if facts["is_same_release"]:
        return outcomes.Result(row, RowOutcome.ALREADY_POSTED)
    if not facts["has_account"] or facts["is_other_card"]:
        return None
    if facts["is_hold_of_another"] or facts["has_release"]:
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if facts["takes_back"]:
        waits_for = None if facts["hold_status"] is not None else facts["hold_id"]
        return outcomes.Result(row, RowOutcome.QUARANTINED, Reason.REVERSES_POSTED, waits_for=waits_for)
    return None


def _note(hold_status: str | None, *, has_ended: bool) -> Note:
    if hold_status is None:
        return Note.RELEASE_BEFORE_HOLD
    if has_ended:
        return Note.HOLD_RELEASED
    return Note.PARTIAL_RELEASE if hold_status == EventStatus.AUTHORISED else Note.HOLD_ALREADY_CLOSED
