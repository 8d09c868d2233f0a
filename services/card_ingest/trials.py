"""A delivery on trial: read and looked up as if it were real, and nothing of it stored, posted, held or locked.

What it says is what the records hold at that moment. Of rows that name each other (a release and its authorisation, a
reversal and its original) it says what they come to by themselves.
"""

import asyncio
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

from services.card_ingest import (
    batches,
    keeping,
    layouts,
    outcomes,
    pipeline,
    reading,
    reasons,
    resolving,
    surveying,
)
from services.card_ingest.complete_days import Feed
from services.card_ingest.events import TRIAL, ReadRow, Row
from services.card_ingest.keeping import Fingerprint
from services.card_ingest.outcomes import Result
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.reasons import Note, Reason
from services.card_ingest.schemas import Counted, TrialReceipt, TrialRow, Waiting
from services.shared import database as databases
from services.shared import dates
from services.shared.database import Database, ReadSession
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus

SAMPLE: Final = 200
"""Rows that are told one by one; the rest is counted."""

_KINDS: Final = ("integer", "text", "text", "text", "date", "bytea", "bigint")
_STAGED: Final = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_KINDS, 2))
_FACTS: Final = f"""
SELECT staged.row_number, known.id IS NOT NULL AS has_come,
    (known.content_digest = staged.content_digest) IS TRUE AS is_same,
    (known.account_id, known.amount_pence, known.booked_on) IS NOT DISTINCT FROM
        (account.id, staged.effect_pence, staged.booked_on) AS is_same_money, account.id IS NOT NULL AS has_account,
    (card.account_id <> account.id) IS TRUE AS is_other_card,
    (staged.booked_on > account.closed_on) IS TRUE AS is_closed
FROM unnest({_STAGED}) AS staged(row_number, provider_transaction_id, account_ref, card_ref, booked_on,
    content_digest, effect_pence) {resolving.ACCOUNT}
LEFT JOIN card_transaction AS known
    ON known.provider_code = $1 AND known.provider_transaction_id = staged.provider_transaction_id
"""  # noqa: S608 (joined from constants)


@dataclass(slots=True)
class _Count:
    """What has been counted so far, and the first rows of those that would wait and of all others."""

    rows: Counter[RowOutcome] = field(default_factory=Counter)
    pence: Counter[RowOutcome] = field(default_factory=Counter)
    waiting_rows: Counter[str] = field(default_factory=Counter)
    waiting_pence: Counter[str] = field(default_factory=Counter)
    unread_amounts: int = 0
    waiting: list[TrialRow] = field(default_factory=list)
    others: list[TrialRow] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one row."""
        pence = result.row.delivered_pence
        self.rows[result.outcome] += 1
        self.pence[result.outcome] += pence or 0
        self.unread_amounts += pence is None
        told = self.others
        if result.outcome is RowOutcome.QUARANTINED and result.code is not None:
            self.waiting_rows[result.code.value] += 1
            self.waiting_pence[result.code.value] += pence or 0
            told = self.waiting
        if len(told) < SAMPLE:
            told.append(_told(result))

    def counted(self, outcome: RowOutcome) -> Counted:
        """Return the rows and pence of an outcome."""
        return Counted(rows=self.rows[outcome], pence=self.pence[outcome])

    def by_reason(self) -> list[Waiting]:
        """Return the rows that would wait, counted by reason."""
        return [
            Waiting(
                code=code, message=reasons.detail(Reason(code)), remedy=reasons.remedy(code), rows=rows,
                pence=self.waiting_pence[code],
            )
            for code, rows in sorted(self.waiting_rows.items())
        ]  # fmt: skip

    def sample(self) -> list[TrialRow]:
        """Return the rows to tell, in their order."""
        return sorted([*self.waiting, *self.others][:SAMPLE], key=lambda row: row.row_number)


async def tried(database: Database, delivery: Delivery, *, now: datetime) -> TrialReceipt:
    """Return what would become of a delivery. Raises what `pipeline.receive` does for one that cannot be read."""
    surveying.refuse_card_numbers(delivery.external_id, delivery.account_ref)
    profile = profiles.load(delivery.profile, own_folder=pipeline.own_profiles(database))
    came = delivery.came or keeping.fingerprint(delivery.body)
    async with database.read() as session:
        earlier = await layouts.earlier(session, Feed(delivery.provider, profile.name), profile)
    rows = await asyncio.to_thread(_rows, profile, delivery, earlier, came=came, now=now)
    found, seen = _Count(), dict[str, bytes]()
    async with database.read(actor=delivery.actor, request_id=delivery.request_id) as session:
        policy = await batches.policy(session, delivery.provider)
        while some := await asyncio.to_thread(_next, rows):
            facts = await _facts(session, some, provider=delivery.provider, trial_ref=policy.trial_ref)
            for row in some:
                found.add(_judged(row, facts.get(row.number), seen, first_day=policy.first_day))
    return TrialReceipt(
        provider=delivery.provider,
        profile=profile.name,
        profile_version=profile.version,
        sha256=came.sha256.hex(),
        size_bytes=came.size_bytes,
        rows=sum(found.rows.values()),
        delivered_pence=sum(found.pence.values()),
        unread_amounts=found.unread_amounts,
        posted=found.counted(RowOutcome.POSTED),
        already_posted=found.counted(RowOutcome.ALREADY_POSTED),
        held=found.counted(RowOutcome.HELD),
        no_money=found.counted(RowOutcome.NO_MONEY),
        quarantined=found.counted(RowOutcome.QUARANTINED),
        waiting=found.by_reason(),
        sample=found.sample(),
    )


def _rows(
    profile: Profile, delivery: Delivery, earlier: Sequence[Profile], *, came: Fingerprint, now: datetime
) -> Iterator[Row]:
    """Return the rows of a delivery that can be read as a whole, its card numbers destroyed as they would be."""
    received_on, account_ref = dates.london_date(now), delivery.account_ref
    body = surveying.as_text(profile, delivery.body)[0] if surveying.is_translated(profile) else delivery.body
    with keeping.opened(body) as content:
        reading.count(profile, content, account_ref=account_ref, received_on=received_on)
    with keeping.opened(body) as content:
        known = reading.identifiers(profile, content, account_ref=account_ref, received_on=received_on)
    (chunk,) = keeping.chunks(body, came=came, form=reading.form(profile), identifiers=known)
    return reading.rows(
        profile,
        io.BytesIO(chunk.content),
        account_ref=account_ref,
        received_on=received_on,
        is_redacted=chunk.is_redacted,
        earlier=earlier,
    )


def _next(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, batches.ROWS))


async def _facts(
    session: ReadSession, rows: Sequence[Row], *, provider: str, trial_ref: str | None
) -> Mapping[int, Mapping[str, Any]]:
    """Return what the records hold about each row that could be read: its account, and whether it has come."""
    asked = [
        (
            row.number,
            row.event.provider_transaction_id,
            (trial_ref or TRIAL) if row.event.account_ref == TRIAL else row.event.account_ref,
            row.event.card_ref,
            row.booked_on,
            row.digest,
            row.effect_pence,
        )
        for row in rows
        if isinstance(row, ReadRow)
    ]
    if not asked:
        return {}
    connection = await databases.raw(session)
    columns = (list(column) for column in zip(*asked, strict=True))
    return {each["row_number"]: dict(each) for each in await connection.fetch(_FACTS, provider, *columns)}


def _judged(row: Row, facts: Mapping[str, Any] | None, seen: dict[str, bytes], *, first_day: date) -> Result:
    """Say where a row would end; `seen` are the digests of what posts before it in the delivery, by transaction id."""
    if (end := outcomes.by_itself(row, first_day=first_day)) is not None:
        return end
    assert isinstance(row, ReadRow)  # noqa: S101 (what cannot be read has ended by itself)
    assert facts is not None  # noqa: S101 (every row that was read was asked for)
    if row.event.status is EventStatus.POSTED:
        return _posted(row, facts, seen)
    if (refused := _refused(row, facts)) is not None:
        return refused
    if row.event.status is EventStatus.DECLINED:
        return Result(row, RowOutcome.NO_MONEY, Note.DECLINED)
    is_open = row.event.status is EventStatus.AUTHORISED and not facts["has_come"]
    return Result(row, RowOutcome.HELD if is_open else RowOutcome.NO_MONEY)


def _posted(row: ReadRow, facts: Mapping[str, Any], seen: dict[str, bytes]) -> Result:
    before = seen.get(row.event.provider_transaction_id)
    if facts["has_come"] or before is not None:
        is_ours = outcomes.is_known_by_content(row)
        if facts["is_same"] or before == row.digest or (is_ours and facts["is_same_money"]):
            return Result(row, RowOutcome.ALREADY_POSTED)
        return Result(row, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)
    if (refused := _refused(row, facts)) is not None:
        return refused
    seen[row.event.provider_transaction_id] = row.digest
    return Result(row, RowOutcome.POSTED)


def _refused(row: ReadRow, facts: Mapping[str, Any]) -> Result | None:
    """Return the row as one that no account takes, None where one does."""
    if not facts["has_account"]:
        return outcomes.unregistered(row)
    if facts["is_other_card"]:
        return Result(row, RowOutcome.QUARANTINED, Reason.CARD_OF_ANOTHER_ACCOUNT)
    return Result(row, RowOutcome.QUARANTINED, Reason.ACCOUNT_CLOSED) if facts["is_closed"] else None


def _told(result: Result) -> TrialRow:
    code = result.code
    told = result.detail or (None if code is None else reasons.detail(code))
    return TrialRow(
        row_number=result.row.number,
        outcome=result.outcome,
        code=None if code is None else code.value,
        message=told,
        remedy=reasons.remedy(code.value) if isinstance(code, Reason) else None,
        delivered_pence=result.row.delivered_pence,
    )
