"""Whether a file is of its layout, row by row, as the feed would read it; no database is asked and nothing is stored.

What only the council's records know (whether a card is registered, whether a row has come before) is not judged.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final, cast

from services.card_ingest import keeping, outcomes, reading, reasons, surveying
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.keeping import Body
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.reasons import Reason
from services.shared.errors import Invalid
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus

FIRST_ROWS: Final = 10
REPORTED_EVERY: Final = 10_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with some rows: the code, what it means and what mends it, how many there are, the first few."""

    code: str
    message: str
    remedy: str
    rows: int
    pence: int
    first_rows: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found: rows and pence by what would become of them, and each thing that is wrong.

    `refused` is why the file as a whole could not be taken in; then no row was read.
    """

    rows: int
    delivered_pence: int
    unread_amounts: int
    outcomes: Mapping[RowOutcome, int]
    verdicts: Sequence[Verdict]
    refused: tuple[str, str] | None = None

    @property
    def is_right(self) -> bool:
        """Tell whether every row would be taken in."""
        return self.refused is None and not self.verdicts


@dataclass(slots=True)
class _Count:
    """What has been counted so far; `seen` are the digests of rows by their transaction id, both shortened."""

    rows: int = 0
    pence: int = 0
    unread: int = 0
    outcomes: Counter[RowOutcome] = field(default_factory=Counter)
    wrong: Counter[Reason] = field(default_factory=Counter)
    wrong_pence: Counter[Reason] = field(default_factory=Counter)
    messages: dict[Reason, str] = field(default_factory=dict)
    first: dict[Reason, list[int]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count one row."""
        outcome, reason, message = self._judged(row)
        self.rows += 1
        self.pence += row.delivered_pence or 0
        self.unread += row.delivered_pence is None
        self.outcomes[outcome] += 1
        if reason is None:
            return
        self.wrong[reason] += 1
        self.wrong_pence[reason] += row.delivered_pence or 0
        self.messages.setdefault(reason, message or reasons.detail(reason))
        if len(first := self.first.setdefault(reason, [])) < FIRST_ROWS:
            first.append(row.number)

    def _judged(self, row: Row) -> tuple[RowOutcome, Reason | None, str | None]:
        """Return where a row would end, why it would wait, and a sentence of its own about that."""
        if (end := outcomes.by_itself(row, first_day=outcomes.FIRST_DAY)) is not None:
            return end.outcome, end.code if isinstance(end.code, Reason) else None, end.detail
        assert isinstance(row, ReadRow)  # noqa: S101 (what cannot be read has ended by itself)
        if row.event.status is not EventStatus.POSTED:
            return RowOutcome.HELD if row.event.status is EventStatus.AUTHORISED else RowOutcome.NO_MONEY, None, None
        return *self._posted(row), None

    def _posted(self, row: ReadRow) -> tuple[RowOutcome, Reason | None]:
        name, digest = hash(row.event.provider_transaction_id), hash(row.digest)
        before = self.seen.get(name)
        if before is None:
            self.seen[name] = digest
            return RowOutcome.POSTED, None
        if before == digest:
            return RowOutcome.ALREADY_POSTED, None
        return RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT

    def checked(self) -> Checked:
        """Return what was found, the most frequent trouble first."""
        verdicts = [
            Verdict(
                code=reason.value,
                message=self.messages[reason],
                remedy=reasons.remedy(reason.value),
                rows=rows,
                pence=self.wrong_pence[reason],
                first_rows=self.first[reason],
            )
            for reason, rows in self.wrong.most_common()
        ]
        return Checked(
            rows=self.rows,
            delivered_pence=self.pence,
            unread_amounts=self.unread,
            outcomes=dict(self.outcomes),
            verdicts=verdicts,
        )


def check(file: Path, profile: Profile, *, account_ref: str | None, received_on: date, progress: Progress) -> Checked:
    """Read a file as the feed would on this day, and say what it found.

    `progress` is told again and again how many rows have been read, and of how many.
    """
    found = _Count()
    try:
        body: Body = surveying.as_text(profile, file)[0] if surveying.is_translated(profile) else file
        with keeping.opened(body) as content:
            total = reading.count(profile, content, account_ref=account_ref, received_on=received_on)
        for row in _rows(profile, body, account_ref=account_ref, received_on=received_on):
            found.add(row)
            if found.rows % REPORTED_EVERY == 0 or found.rows == total:
                progress(found.rows, total)
    except Invalid as trouble:
        return replace(_Count().checked(), refused=(trouble.code, trouble.detail))
    return found.checked()


def _rows(profile: Profile, body: Body, *, account_ref: str | None, received_on: date) -> Iterator[Row]:
    """Yield every row as it is read once card numbers are destroyed."""
    with keeping.opened(body) as content:
        known = reading.identifiers(profile, content, account_ref=account_ref, received_on=received_on)
    came, form = keeping.fingerprint(body), reading.form(profile)
    is_redacted = any(chunk.is_redacted for chunk in keeping.chunks(body, came=came, form=form, identifiers=known))
    scanned = (chunk.content for chunk in keeping.chunks(body, came=came, form=form, identifiers=known))
    whole = io.BufferedReader(keeping.Kept(lambda _: next(scanned, None)), buffer_size=keeping.CHUNK_BYTES)
    yield from reading.rows(
        profile, cast(BinaryIO, whole), account_ref=account_ref, received_on=received_on, is_redacted=is_redacted
    )
