"""What became of a delivery's rows: each ends in exactly one place, and its pence with it, as delivered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from services.card_ingest.events import ReadRow, Row
from services.card_ingest.reasons import Note, Reason
from services.shared.vocabulary.feeds import RowOutcome


class RowsLostError(RuntimeError):
    """The rows or pence that came are not those that were accounted for: the batch is rolled back. A defect of ours."""


@dataclass(frozen=True, slots=True)
class Result:
    """A row that did not post as new: its outcome, why, and the reference whose registration it waits for."""

    row: Row
    outcome: RowOutcome
    code: Reason | Note | None = None
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Rows, and their pence as delivered; rows without a readable amount add none."""

    rows: int = 0
    pence: int = 0


Tally = Mapping[RowOutcome, Count]

NOTHING: Final = Count()


def unregistered(row: ReadRow) -> Result:
    """Return the result of a row whose account or card nobody has registered yet: it waits for the reference."""
    account_ref, card_ref = row.event.account_ref, row.event.card_ref
    if account_ref is not None:
        return Result(row, RowOutcome.QUARANTINED, Reason.UNKNOWN_ACCOUNT, waits_for=account_ref)
    return Result(row, RowOutcome.QUARANTINED, Reason.UNKNOWN_CARD, waits_for=card_ref)


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
