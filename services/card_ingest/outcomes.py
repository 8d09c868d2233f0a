"""What became of a delivery's rows: each ends in exactly one place, and its pence with it, as delivered."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.reasons import Note, Reason
from services.shared.law import figures
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus


class RowsLostError(RuntimeError):
    """The rows or pence that came are not those that were accounted for: the batch is rolled back. A defect of ours."""


@dataclass(frozen=True, slots=True)
class Result:
    """A row that did not post as new: its outcome, why, and the reference whose registration it waits for.

    `detail` is a sentence of the row's own, where its code's does not say enough.
    """

    row: Row
    outcome: RowOutcome
    code: Reason | Note | None = None
    waits_for: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Rows, and their pence as delivered; rows without a readable amount add none."""

    rows: int = 0
    pence: int = 0


Tally = Mapping[RowOutcome, Count]

NOTHING: Final = Count()
_OWN_ID: Final = re.compile(r"[0-9a-f]{32}-[0-9]+", re.ASCII)

FIRST_DAY: Final = figures.DIRECT_PAYMENTS_IN_FORCE
"""No row of any provider is booked before there were direct payments."""


def unregistered(row: ReadRow) -> Result:
    """Return the result of a row whose account or card nobody has registered yet: it waits for the reference."""
    account_ref, card_ref = row.event.account_ref, row.event.card_ref
    if account_ref is not None:
        return Result(row, RowOutcome.QUARANTINED, Reason.UNKNOWN_ACCOUNT, waits_for=account_ref)
    return Result(row, RowOutcome.QUARANTINED, Reason.UNKNOWN_CARD, waits_for=card_ref)


def by_itself(row: Row, *, first_day: date) -> Result | None:
    """Return where a row ends by its own content, None where that is for the records to say.

    `first_day` is the first on which a row of the provider can be booked.
    """
    if isinstance(row, BadRow):
        outcome = RowOutcome.NO_MONEY if isinstance(row.reason, Note) else RowOutcome.QUARANTINED
        return Result(row, outcome, row.reason, detail=row.detail)
    if row.waits is not None:
        return Result(row, RowOutcome.QUARANTINED, row.waits.reason, detail=row.waits.detail)
    if row.booked_on < first_day:
        return Result(row, RowOutcome.QUARANTINED, Reason.BAD_DATE, detail=f"the row is booked before {first_day}")
    if row.effect_pence == 0 and row.event.status is EventStatus.AUTHORISED:
        return Result(row, RowOutcome.NO_MONEY, Note.CARD_CHECK)
    return None


def tally(*, posted: Iterable[ReadRow], others: Iterable[Result]) -> Tally:
    """Count the rows and pence of every outcome."""
    pence: dict[RowOutcome, list[int]] = {outcome: [] for outcome in RowOutcome}
    pence[RowOutcome.POSTED] = [row.delivered_pence for row in posted]
    for result in others:
        pence[result.outcome].append(result.row.delivered_pence or 0)
    return {outcome: Count(len(amounts), sum(amounts)) for outcome, amounts in pence.items()}


def total(rows: Iterable[Row]) -> Count:
    """Count rows and pence as they came."""
    amounts = [row.delivered_pence or 0 for row in rows]
    return Count(len(amounts), sum(amounts))


def require_all(came: Count, counted: Tally) -> None:
    """Raise RowsLostError unless every row and every penny that came is in exactly one place."""
    found = Count(sum(each.rows for each in counted.values()), sum(each.pence for each in counted.values()))
    if found != came:
        raise RowsLostError(
            f"{came.rows} rows and {came.pence} pence came, {found.rows} and {found.pence} were counted"
        )


def is_known_by_content(row: ReadRow) -> bool:
    """Tell whether a row's id is one of ours: a statement may have rows with references of their own beside others."""
    return _OWN_ID.fullmatch(row.event.provider_transaction_id) is not None
