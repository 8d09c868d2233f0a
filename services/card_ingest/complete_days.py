"""Rows without ids of their own: equal ones told apart, and what a file says about days and rows that came before.

A file's first reading finds which rows may repeat and what each account and day holds, in memory that its size does not
move. Whoever stores a delivery claims its days (or, of increments, its rows) in the same transaction: the first
delivery has them. What another has claimed and this one says otherwise about is disputed, and waits for a person.
"""

import tempfile
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import msgspec

from services.card_ingest import events, outcomes
from services.card_ingest.events import ReadRow
from services.card_ingest.reasons import Note, Reason
from services.shared import database
from services.shared.database import WriteSession
from services.shared.vocabulary.feeds import RowOutcome

Covers: TypeAlias = Literal["complete_days", "increments"]

_FEWEST_BITS: Final = 16
_MOST_BITS: Final = 28
_BITS_A_ROW: Final = 6
_IN_MEMORY_BYTES: Final = 8 * 2**20
_MOST_OPEN: Final = 50_000
_DIGEST_HEX: Final = 32
_WAITS: Final = ":waits"
"""Behind the id of a row that waits for people: whatever they make of it, it is no part of what its day holds."""

# Only one delivery of a feed at a time claims anything, so that of two at once the second sees what the first has.
_ALONE: Final = (
    "SELECT pg_advisory_xact_lock(hashtextextended('claims of ' || current_schema() || ' ' || $1 || ' ' || $2, 0))"
)
_STAGE: Final = """
    CREATE TEMPORARY TABLE staged_claim
        (account_ref text, booked_on date, row_digest bytea, rows bigint, digest numeric) ON COMMIT DROP
"""
_STAGED: Final = ("account_ref", "booked_on", "row_digest", "rows", "digest")
_DAYS: Final = """
    (SELECT account_ref, booked_on, sum(rows)::bigint AS rows, sha256(convert_to(sum(digest)::text, 'UTF8')) AS digest
     FROM staged_claim GROUP BY account_ref, booked_on) AS staged
"""
_SAME_DAY: Final = """
    claimed.provider_code = $1 AND claimed.profile = $2
        AND claimed.account_ref = staged.account_ref AND claimed.booked_on = staged.booked_on
"""
_CLAIM: Final = {
    "complete_days": f"""
        INSERT INTO feed_complete_day (provider_code, profile, account_ref, booked_on, delivery_number, rows, digest)
        SELECT $1, $2, account_ref, booked_on, $3, rows, digest FROM {_DAYS} ORDER BY account_ref, booked_on
        ON CONFLICT DO NOTHING
    """,  # noqa: S608 (joined from constants)
    "increments": """
        INSERT INTO feed_increment_row (provider_code, profile, digest, delivery_number)
        SELECT DISTINCT $1, $2, row_digest, $3::bigint FROM staged_claim ORDER BY row_digest
        ON CONFLICT DO NOTHING
    """,
}
_DISPUTED: Final = {
    "complete_days": f"""
        SELECT staged.account_ref, staged.booked_on FROM {_DAYS} JOIN LATERAL (
            SELECT max(revision) AS newest, bool_or(delivery_number = $3) AS is_own FROM feed_complete_day AS claimed
            WHERE {_SAME_DAY}
        ) AS known ON NOT known.is_own
        JOIN feed_complete_day AS claimed ON {_SAME_DAY} AND claimed.revision = known.newest
        WHERE (claimed.rows, claimed.digest) <> (staged.rows, staged.digest)
    """,  # noqa: S608 (joined from constants)
    "increments": """
        SELECT DISTINCT encode(claimed.digest, 'hex') AS row FROM staged_claim AS staged
        JOIN feed_increment_row AS claimed
            ON claimed.provider_code = $1 AND claimed.profile = $2 AND claimed.digest = staged.row_digest
        WHERE claimed.delivery_number <> $3 AND NOT EXISTS (
            SELECT FROM feed_delivery AS first JOIN feed_delivery AS again
                ON again.provider_code = first.provider_code AND again.profile = first.profile
                AND again.sha256 = first.sha256 AND again.account_ref IS NOT DISTINCT FROM first.account_ref
            WHERE first.number = claimed.delivery_number AND again.number = $3)
    """,
}

# Days of which two people have made what they hold now, by the delivery that they decided about.
_DECIDED: Final = f"""
    SELECT decided.account_ref, decided.booked_on, decided.delivery_number
    FROM {_DAYS} JOIN LATERAL (
        SELECT account_ref, booked_on, delivery_number, revision FROM feed_complete_day AS claimed
        WHERE {_SAME_DAY} ORDER BY revision DESC LIMIT 1
    ) AS decided ON decided.revision > 1
"""  # noqa: S608 (joined from constants)
# What they have ended of those deliveries without posting it.
_ENDED: Final = """
    SELECT ended.delivery_number, ended.transaction_id, ended.released_as FROM quarantined_row AS ended
    WHERE ended.delivery_number = ANY($2::bigint[]) AND ended.code = 'complete_day_changed'
        AND ended.released_as IN ('no_money', 'already_posted')
        AND NOT EXISTS (SELECT FROM card_transaction AS posted
            WHERE posted.provider_code = $1 AND posted.provider_transaction_id = ended.transaction_id)
"""

_REVISE: Final = """
    INSERT INTO feed_complete_day
        (provider_code, profile, account_ref, booked_on, delivery_number, rows, digest, revision)
    SELECT $1, $2, $3, $4, $5::bigint, $6::bigint, sha256(convert_to($7, 'UTF8')), max(revision) + 1
    FROM feed_complete_day WHERE provider_code = $1 AND profile = $2 AND account_ref = $3 AND booked_on = $4
    HAVING max(revision) IS NOT NULL
"""


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    """What was read of an account and day (`digest` is the sum of its rows' digests), or of a row of increments."""

    account_ref: str
    booked_on: date
    row_digest: bytes
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose delivery it is: the claims of one feed are of one provider and profile."""

    provider_code: str
    profile: str


class Repeats:
    """Which rows may have an equal in their file: never wrong about one that has, seldom about one that has none."""

    def __init__(self, *, rows: int) -> None:
        bits = min(max(rows.bit_length() + _BITS_A_ROW, _FEWEST_BITS), _MOST_BITS)
        self._mask = (1 << bits) - 1
        self._once = bytearray(1 << (bits - 3))
        self._again = bytearray(1 << (bits - 3))

    def note(self, digest: bytes) -> None:
        """See a row."""
        place = int.from_bytes(digest[:8]) & self._mask
        byte, bit = place >> 3, 1 << (place & 7)
        if self._once[byte] & bit:
            self._again[byte] |= bit
        else:
            self._once[byte] |= bit

    def seal(self) -> None:
        """Forget what is not asked for any more, once every row has been seen."""
        self._once = bytearray()

    def may_have(self, digest: bytes) -> bool:
        """Tell whether a row may have an equal in the file."""
        place = int.from_bytes(digest[:8]) & self._mask
        return bool(self._again[place >> 3] & 1 << (place & 7))


class Survey:
    """What a file's first reading finds: which rows may repeat, and what the file claims, put aside beyond a size."""

    def __init__(self, covers: Covers, *, rows: int) -> None:
        self.covers = covers
        self.repeats = Repeats(rows=rows)
        self._open: defaultdict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
        self._aside = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 (it lives as long as we)
        weakref.finalize(self, self._aside.close)

    def note(self, row: ReadRow, *, digest: bytes) -> None:
        """See a row before it has an id; `digest` is of the content by which it is known."""
        self.repeats.note(digest)
        if self.covers == "increments":
            self._put_aside(_Claim("", row.booked_on, digest, 1, "0"))
            return
        seen = self._open[day(row)]
        seen[0] += 1
        seen[1] += int.from_bytes(digest)
        if len(self._open) >= _MOST_OPEN:
            self._close_days()

    def end(self) -> None:
        """Take note that every row has been seen."""
        self._close_days()
        self.repeats.seal()

    def claims(self) -> Iterator[tuple[Any, ...]]:
        """Yield what is staged of the claims; the parts of a day are summed in the database."""
        self._aside.seek(0)
        for line in self._aside:
            claim = _DECODER.decode(line)
            yield claim.account_ref, claim.booked_on, claim.row_digest, claim.rows, int(claim.digest)

    def _close_days(self) -> None:
        for (account_ref, booked_on), (rows, digest) in self._open.items():
            self._put_aside(_Claim(account_ref, booked_on, b"", rows, str(digest)))
        self._open.clear()

    def _put_aside(self, claim: _Claim) -> None:
        self._aside.write(_ENCODER.encode(claim) + b"\n")


class Ordinals:
    """Gives each row without an id one: the content by which it is known, and how many equal rows came before it in its
    file.
    """

    def __init__(self, repeats: Repeats | None = None) -> None:
        self._repeats = repeats
        self._seen: defaultdict[bytes, int] = defaultdict(int)

    def told_apart(self, row: ReadRow, *, digest: bytes) -> ReadRow:
        """Return the row, which nobody else has yet, under its id."""
        if row.waits is None:
            return events.named(row, self.next_id(digest))
        return events.named(row, f"{self._counted(digest)}{_WAITS}")  # No survey has seen it.

    def next_id(self, digest: bytes) -> str:
        """Return the id of the next row of this content."""
        may_repeat = self._repeats is None or self._repeats.may_have(digest)
        return self._counted(digest) if may_repeat else f"{digest.hex()}-0"

    def _counted(self, digest: bytes) -> str:
        ordinal = self._seen[digest]
        self._seen[digest] += 1
        return f"{digest.hex()}-{ordinal}"


@dataclass(frozen=True, slots=True)
class Disputed:
    """What of a delivery waits for a person: days that an earlier one told otherwise, rows equal to an earlier one's.

    Rows are named by the content that their ids are made of. `decided` names, for its other days, the delivery that
    people decided about, and `ended` what they ended of those without posting it, by delivery and id.
    """

    days: frozenset[tuple[str, date]]
    rows: frozenset[str]
    decided: Mapping[tuple[str, date], int] = field(default_factory=dict)
    ended: Mapping[tuple[int, str], RowOutcome] = field(default_factory=dict)

    def judged(self, row: ReadRow) -> tuple[RowOutcome, Reason | Note] | None:
        """Return where a row ends without being posted, and why, if it does: it waits, or was decided about before."""
        transaction_id = row.event.provider_transaction_id
        if self.days and day(row) in self.days and outcomes.is_known_by_content(row):
            return RowOutcome.QUARANTINED, Reason.COMPLETE_DAY_CHANGED
        if self.rows and transaction_id[:_DIGEST_HEX] in self.rows:
            return RowOutcome.QUARANTINED, Reason.EQUAL_TO_EARLIER_ROW
        if self.ended and (delivery_number := self.decided.get(day(row))) is not None:
            end = self.ended.get((delivery_number, transaction_id))
            return None if end is None else (end, Note.DECIDED_BEFORE)
        return None


_DECODER: Final = msgspec.json.Decoder(_Claim)
_ENCODER: Final = msgspec.json.Encoder()


async def claim(session: WriteSession, feed: Feed, survey: Survey, *, delivery_number: int) -> Disputed:
    """Claim what a delivery covers, in the transaction that stores it; return what an earlier one tells otherwise.

    A delivery that has claimed before gets the same answer: what is claimed stays the first claimant's.
    """
    connection = await database.raw(session)
    await connection.execute(_ALONE, feed.provider_code, feed.profile)
    await connection.execute(_STAGE)
    await connection.copy_records_to_table("staged_claim", records=survey.claims(), columns=list(_STAGED))
    given = (feed.provider_code, feed.profile, delivery_number)
    await connection.execute(_CLAIM[survey.covers], *given)
    found = await connection.fetch(_DISPUTED[survey.covers], *given)
    decided = await connection.fetch(_DECIDED, *given[:2]) if survey.covers == "complete_days" else ()
    await connection.execute("DROP TABLE staged_claim")
    if survey.covers == "increments":
        return Disputed(frozenset(), frozenset(each["row"] for each in found))
    deciding = {(each["account_ref"], each["booked_on"]): each["delivery_number"] for each in decided}
    ended = await connection.fetch(_ENDED, feed.provider_code, set(deciding.values())) if deciding else ()
    ends = {(each["delivery_number"], each["transaction_id"]): RowOutcome(each["released_as"]) for each in ended}
    days = frozenset((each["account_ref"], each["booked_on"]) for each in found)
    return Disputed(days, frozenset(), deciding, ends)


async def alone(session: WriteSession, feed: Feed) -> None:
    """Let nobody else claim or revise anything of the feed until the transaction ends."""
    await (await database.raw(session)).execute(_ALONE, feed.provider_code, feed.profile)


async def revise(session: WriteSession, feed: Feed, rows: Sequence[ReadRow], *, delivery_number: int) -> None:
    """Make what a delivery says of one day what the day holds; `rows` are all of them, under the ids given here."""
    account_ref, booked_on = day(rows[0])
    digest = sum(int(row.event.provider_transaction_id[:_DIGEST_HEX], 16) for row in rows)
    connection = await database.raw(session)
    await alone(session, feed)
    given = (feed.provider_code, feed.profile, account_ref, booked_on)
    await connection.execute(_REVISE, *given, delivery_number, len(rows), str(digest))


def day(row: ReadRow) -> tuple[str, date]:
    """Return the account of a row, or its card where the file names no account, and its booking day."""
    event = row.event
    return event.account_ref or f"card {event.card_ref}", row.booked_on
