"""What the tables hold of payments and of what messages told of them, and what is entered there; statements alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.card_ingest.matching import likeness
from services.card_ingest.matching.likeness import Place, Told
from services.card_ingest.matching.rules import Ground, Payment
from services.card_ingest.resolving import ACCOUNT, TAKES
from services.shared import driver

_ACCOUNTS: Final = f"""
SELECT staged.row_number, account.id AS account_id FROM unnest($2::integer[]) AS asked(row_number)
JOIN staged_event AS staged USING (row_number) {ACCOUNT} WHERE {TAKES}
"""  # noqa: S608 (joined from constants)
_POSTED: Final = """
SELECT posted.provider_transaction_id AS id, posted.delivery_number, posted.row_number, posted.account_id,
    posted.amount_pence, posted.booked_on, came.profile
FROM card_transaction AS posted JOIN feed_delivery AS came ON came.number = posted.delivery_number
WHERE posted.provider_code = $1 AND posted.provider_transaction_id = ANY($2::text[])
"""
_TOLD_BEFORE: Final = """
SELECT told.transaction_id, told.code, told.released_as, told.content_encrypted, came.profile
FROM quarantined_row AS told JOIN feed_delivery AS came ON came.number = told.delivery_number
WHERE told.provider_code = $1 AND told.transaction_id = ANY($2::text[]) AND told.released_as IS NOT NULL
    AND told.code IN ('told_by_another_message', 'may_be_told_twice', 'told_in_part')
    AND told.content_encrypted IS NOT NULL
"""
# The match that counts of a row, unless two people have posted the row all the same.
_STANDING: Final = """
LEFT JOIN quarantined_row AS ended ON ended.delivery_number = telling.delivery_number
    AND ended.row_number = telling.row_number AND ended.released_as = 'already_posted'
LEFT JOIN LATERAL (
    SELECT array_agg(stands_delivery_number) AS deliveries, array_agg(stands_row_number) AS rows
    FROM payment_match AS match WHERE match.delivery_number = telling.delivery_number
        AND match.row_number = telling.row_number GROUP BY revision ORDER BY revision DESC LIMIT 1
) AS again ON ended.id IS NOT NULL
"""
_TELLINGS: Final = f"""
SELECT telling.*, again.deliveries, again.rows FROM payment_telling AS telling {_STANDING}
WHERE telling.account_id = ANY($1::uuid[]) AND telling.booked_on BETWEEN $2 AND $3
ORDER BY telling.delivery_number, telling.row_number
"""  # noqa: S608 (joined from constants)
_IS_MATCHED: Final = """
SELECT stands_delivery_number AS delivery_number, stands_row_number AS row_number FROM payment_match AS match
JOIN unnest($1::bigint[], $2::integer[]) AS asked(delivery_number, row_number)
    ON match.stands_delivery_number = asked.delivery_number AND match.stands_row_number = asked.row_number
WHERE match.ground = 'earlier_layout'
"""
_ID_AT: Final = """
SELECT provider_transaction_id FROM card_transaction WHERE delivery_number = $1 AND row_number = $2
"""
_TAKE_OUT: Final = """
DELETE FROM staged_event AS staged USING unnest($1::integer[]) AS asked(row_number)
WHERE staged.row_number = asked.row_number
"""
_KEEP_TELLINGS: Final = """
INSERT INTO payment_telling SELECT delivery_number, row_number, source, account_id, effect_pence, booked_on,
    entry_number, entry_pence, coalesce(string_to_array(nullif(reference_texts, ''), E'\\x1f'), '{}'), payee
FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::uuid[], $5::bigint[], $6::date[], $7::integer[], $8::bigint[],
    $9::text[], $10::text[]) AS told(delivery_number, row_number, source, account_id, effect_pence, booked_on,
    entry_number, entry_pence, reference_texts, payee)
ON CONFLICT DO NOTHING
"""
_KEEP_MATCHES: Final = """
INSERT INTO payment_match (delivery_number, row_number, revision, stands_delivery_number, stands_row_number,
    provider_code, ground, matched_at, matched_by)
SELECT told.delivery_number, told.row_number, 1 + coalesce((SELECT max(revision) FROM payment_match AS match
        WHERE match.delivery_number = told.delivery_number AND match.row_number = told.row_number), 0),
    told.stands_delivery_number, told.stands_row_number, $6, told.ground, $7, $8
FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[], $5::text[])
    AS told(delivery_number, row_number, stands_delivery_number, stands_row_number, ground)
"""


@dataclass(frozen=True, slots=True)
class Posted:
    """A transaction that has posted: where it stands, whose it is, what moved when, and by which layout."""

    place: Place
    account_id: UUID
    effect_pence: int
    booked_on: date
    source: str


@dataclass(frozen=True, slots=True)
class Match:
    """A row that tells again of what posted at another place, and on what grounds."""

    place: Place
    stands: Place
    ground: Ground


async def accounts(connection: driver.Connection, numbers: Sequence[int], *, provider_code: str) -> Mapping[int, UUID]:
    """Return the account of each staged row that its account takes, by row number."""
    found = await connection.fetch(_ACCOUNTS, provider_code, numbers)
    return {each["row_number"]: each["account_id"] for each in found}


async def posted(connection: driver.Connection, ids: Iterable[str], *, provider_code: str) -> Mapping[str, Posted]:
    """Return what has posted under these ids."""
    found = await connection.fetch(_POSTED, provider_code, sorted(ids))
    return {
        each["id"]: Posted(
            (each["delivery_number"], each["row_number"]),
            each["account_id"],
            each["amount_pence"],
            each["booked_on"],
            each["profile"],
        )
        for each in found
    }


async def told_before(
    connection: driver.Connection, ids: Iterable[str], *, provider_code: str
) -> Sequence[Mapping[str, Any]]:
    """Return the rows of these ids that have ended since another message told of them, or may have."""
    return [dict(each) for each in await connection.fetch(_TOLD_BEFORE, provider_code, sorted(ids))]


async def payments(
    connection: driver.Connection, account_ids: Iterable[UUID], *, first: date, last: date
) -> list[Payment]:
    """Return the payments of accounts that were booked near these days, with all that was told of each."""
    margin = timedelta(days=2 * likeness.WINDOW_DAYS)
    rows = await connection.fetch(_TELLINGS, sorted(set(account_ids)), first - margin, last + margin)
    found = [dict(each) for each in rows]
    tellings = [(_told(each), _places(each)) for each in found]
    standing = {told.place: Payment(told) for told, places in tellings if not places}
    for told, places in tellings:
        for place in places:
            if place in standing:
                standing[place].again.append(told)
    return list(standing.values())


async def taken_by_earlier_layout(connection: driver.Connection, places: Sequence[Place]) -> frozenset[Place]:
    """Return the places of transactions that a row has been found to be, which an earlier version named otherwise."""
    found = await connection.fetch(_IS_MATCHED, *map(list, zip(*places, strict=True))) if places else ()
    return frozenset((each["delivery_number"], each["row_number"]) for each in found)


async def id_at(connection: driver.Connection, place: Place) -> str | None:
    """Return the provider's id of what posted at a place."""
    found: str | None = await connection.fetchval(_ID_AT, *place)
    return found


async def take_out(connection: driver.Connection, numbers: Sequence[int]) -> None:
    """Take rows out of what is staged."""
    await connection.execute(_TAKE_OUT, numbers)


async def keep_tellings(connection: driver.Connection, tellings: Sequence[Told]) -> None:
    """Enter what rows told, unless it is."""
    rows = [
        (
            *told.place,
            told.source,
            told.account_id,
            told.effect_pence,
            told.booked_on,
            told.entry[1],
            told.entry_pence,
            "\x1f".join(f"{name}:{text}" for name, text in sorted(told.references)),
            told.payee,
        )
        for told in tellings
    ]
    if rows:
        await connection.execute(_KEEP_TELLINGS, *map(list, zip(*rows, strict=True)))


async def keep_matches(
    connection: driver.Connection, matches: Sequence[Match], *, provider_code: str, now: datetime, by: str
) -> None:
    """Enter which rows tell again of which; a row's newest matches are those that count."""
    rows = [(*match.place, *match.stands, match.ground.value) for match in matches]
    if rows:
        await connection.execute(_KEEP_MATCHES, *map(list, zip(*rows, strict=True)), provider_code, now, by)


def _told(row: Mapping[str, Any]) -> Told:
    pairs = (text.partition(":") for text in row["reference_texts"])
    return Told(
        place=(row["delivery_number"], row["row_number"]),
        source=row["source"],
        account_id=row["account_id"],
        effect_pence=row["effect_pence"],
        booked_on=row["booked_on"],
        entry=(row["delivery_number"], row["entry_number"]),
        entry_pence=row["entry_pence"],
        references=frozenset((name, text) for name, _, text in pairs),
        payee=row["payee"],
    )


def _places(row: Mapping[str, Any]) -> list[Place]:
    return list(zip(row["deliveries"] or (), row["rows"] or (), strict=True))
