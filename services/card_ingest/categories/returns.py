"""Money that comes back and names what it takes back: it goes where that stands, so that the two sum to what was kept.

The original's category is the one that counts now. Where a person gave it that, no rule is named for the money either.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from services.card_ingest.categories import rules
from services.card_ingest.events import ReadRow
from services.shared import driver

LOCK: Final = "hashtextextended('categorisations of ' || current_schema(), 0)"
"""What whoever changes categories holds alone, so that each sees the category that the other has left. Who follows one
shares it, so that nothing is moved meanwhile that would not be followed.
"""

_SHARE: Final = f"SELECT pg_advisory_xact_lock_shared({LOCK})"
_POSTED: Final = """
SELECT posted.provider_transaction_id AS id, coalesce(changed.category, posted.category) AS category,
    CASE WHEN changed.category IS NULL THEN posted.category_rule_id END AS rule_id
FROM card_transaction AS posted LEFT JOIN LATERAL (
    SELECT category FROM categorisation WHERE transaction_id = posted.id ORDER BY id DESC LIMIT 1
) AS changed ON true
WHERE posted.provider_code = $1 AND posted.provider_transaction_id = ANY($2::text[])
"""
_STAGED: Final = """
SELECT provider_transaction_id AS id, category, category_rule_id AS rule_id FROM staged_event
WHERE status = 'posted' AND provider_transaction_id = ANY($1::text[])
"""
_CHANGE: Final = """
UPDATE staged_event SET category = change.category, category_rule_id = change.rule_id
FROM unnest($1::integer[], $2::text[], $3::integer[]) AS change (row_number, category, rule_id)
WHERE staged_event.row_number = change.row_number
"""


class _Standing(NamedTuple):
    category: str
    rule_id: int | None


async def resolve(connection: driver.Connection, rows: Iterable[ReadRow], *, provider_code: str) -> int:
    """Give each staged row that takes back a known transaction the category of that; return how many there are.

    `rows` are of status `posted`, at least all that name another transaction. Call it last before posting, in the same
    transaction, since the original may be among them.
    """
    linked = [row for row in rows if row.event.reverses_transaction_id and row.event.type in rules.COMES_BACK]
    if not linked:
        return 0
    originals = {row.event.provider_transaction_id: row.event.reverses_transaction_id or "" for row in linked}
    ids = sorted(set(originals.values()))
    await connection.execute(_SHARE)
    staged = {each["id"]: _standing(each) for each in await connection.fetch(_STAGED, ids)}
    posted = {each["id"]: _standing(each) for each in await connection.fetch(_POSTED, provider_code, ids)}
    changes = [(row.number, _followed(row.event.provider_transaction_id, originals, staged, posted)) for row in linked]
    known = [(number, *standing) for number, standing in changes if standing is not None]
    if known:
        await connection.execute(_CHANGE, *map(list, zip(*known, strict=True)))
    return len(known)


def _followed(
    name: str, originals: Mapping[str, str], staged: Mapping[str, _Standing], posted: Mapping[str, _Standing]
) -> _Standing | None:
    """Return where the first of a chain stands in which rows take rows back; None where it is unknown or a circle."""
    seen = {name}
    original = originals[name]
    while original not in posted and original in originals and original not in seen:
        seen.add(original)
        original = originals[original]
    return None if original in seen else posted.get(original) or staged.get(original)


def _standing(found: Any) -> _Standing:
    return _Standing(found["category"], found["rule_id"])
