"""The stage of the line that takes out of a batch what tells again of a payment, or may: it comes before posting."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.card_ingest import events
from services.card_ingest.events import ReadRow
from services.card_ingest.matching import likeness, queries, rules
from services.card_ingest.matching.likeness import Place, Told
from services.card_ingest.matching.queries import Match, Posted
from services.card_ingest.matching.rules import Again, Ground
from services.card_ingest.outcomes import Result
from services.card_ingest.reasons import Note, Reason
from services.shared import database, driver
from services.shared.ciphers import Ciphers
from services.shared.database import WriteSession
from services.shared.vocabulary.feeds import RowOutcome


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose rows they are, and when they are posted."""

    provider_code: str
    delivery_number: int
    now: datetime


def is_needed(rows: Iterable[ReadRow]) -> bool:
    """Tell whether any row may be one that was told before."""
    return any(row.telling is not None or row.known_as is not None for row in rows)


async def take_out(session: WriteSession, rows: Mapping[int, ReadRow], origin: Origin) -> dict[int, Result]:
    """Take the rows that tell again of a payment, or may, out of what is staged; record what they tell of.

    `rows` are the staged rows of status `posted`, by row number; the provider must be locked for this batch alone.
    """
    connection = await database.raw(session)
    asked = {number: row for number, row in rows.items() if is_needed([row])}
    if not asked:
        return {}
    accounts = await queries.accounts(connection, list(asked), provider_code=origin.provider_code)
    asked = {number: row for number, row in asked.items() if number in accounts}
    if not asked:
        return {}
    batch = _Batch(connection, origin, asked, accounts)
    ids = {name for row in asked.values() for name in (_id(row), row.known_as) if name is not None}
    posted = await queries.posted(connection, ids, provider_code=origin.provider_code)
    await batch.end_as_before(session.ciphers)
    await batch.know_by_earlier_layout(posted)
    await batch.judge(posted)
    await batch.record(by=_actor(session))
    return batch.results


async def keep(session: WriteSession, rows: Iterable[ReadRow], origin: Origin) -> None:
    """Enter what the rows told that have posted, so that another message which tells of it is known."""
    told = {row.number: row for row in rows if row.telling is not None}
    if told:
        connection = await database.raw(session)
        accounts = await queries.accounts(connection, list(told), provider_code=origin.provider_code)
        tellings = [_telling(row, accounts[number], origin) for number, row in told.items() if number in accounts]
        await queries.keep_tellings(connection, tellings)


async def keep_decided(session: WriteSession, row: ReadRow, origin: Origin, *, stands_id: str | None) -> None:
    """Enter that two people have found a row to tell again of what posted under an id."""
    connection = await database.raw(session)
    posted = await queries.posted(connection, [stands_id or ""], provider_code=origin.provider_code)
    for stands in posted.values():
        if row.telling is not None:
            await queries.keep_tellings(connection, [_telling(row, stands.account_id, origin)])
        match = Match((origin.delivery_number, row.number), stands.place, Ground.DECISION)
        await queries.keep_matches(
            connection, [match], provider_code=origin.provider_code, now=origin.now, by=_actor(session)
        )


class _Batch:
    """The rows of a batch that may have been told before, and what has been found of them so far."""

    def __init__(
        self,
        connection: driver.Connection,
        origin: Origin,
        rows: Mapping[int, ReadRow],
        accounts: Mapping[int, UUID],
    ) -> None:
        self._connection, self._origin, self._rows, self._accounts = connection, origin, rows, accounts
        self._matches: list[Match] = []
        self._told = {
            number: _telling(row, accounts[number], origin) for number, row in rows.items() if row.telling is not None
        }
        self.results: dict[int, Result] = {}

    async def end_as_before(self, ciphers: Ciphers) -> None:
        """End rows as they have ended before: told again, or by a decision of two people."""
        ids = {_id(row) for row in self._rows.values()}
        before: dict[str, list[tuple[ReadRow, Mapping[str, Any]]]] = defaultdict(list)
        for each in await queries.told_before(self._connection, ids, provider_code=self._origin.provider_code):
            content = await asyncio.to_thread(ciphers.decrypt, each["content_encrypted"])
            before[each["transaction_id"]].append((events.decode(content, number=0), each))
        for number, row in self._rows.items():
            own = [(told, ended) for told, ended in before.get(_id(row), ()) if _is_same_source(row, ended)]
            same = [ended for told, ended in own if _is_same_money(row, told)]
            if same:
                self._end_as(number, same[-1])
            elif own:
                self._end(number, RowOutcome.QUARANTINED, Reason.SAME_ID_OTHER_CONTENT)

    async def know_by_earlier_layout(self, posted: Mapping[str, Posted]) -> None:
        """End rows that have posted under the id that an earlier version of their layout gave them, each of which is
        one row's alone.
        """
        candidates = {number: posted.get(row.known_as or "") for number, row in self._open() if _id(row) not in posted}
        known = {
            number: each
            for number, each in candidates.items()
            if each is not None and self._moved_the_same(number, each)
        }
        places = sorted({each.place for each in known.values()})
        taken = set(await queries.taken_by_earlier_layout(self._connection, places))
        for number, each in known.items():
            if each.place not in taken:
                taken.add(each.place)
                self._again(number, [each.place], Ground.EARLIER_LAYOUT)

    async def judge(self, posted: Mapping[str, Posted]) -> None:
        """Judge what other messages have told of the same accounts."""
        told = {
            number: self._told[number]
            for number, row in self._open()
            if number in self._told and not self._is_own(row, posted)
        }
        if not told:
            return
        days = [each.booked_on for each in told.values()]
        account_ids = {each.account_id for each in told.values()}
        payments = await queries.payments(self._connection, account_ids, first=min(days), last=max(days))
        for place, verdict in rules.judged(told.values(), payments).items():
            if place[0] != self._origin.delivery_number or place[1] not in told:
                assert isinstance(verdict, Again)  # noqa: S101 (what was told again before stays so)
                self._matches += [Match(place, stands, verdict.ground) for stands in verdict.places]
            elif isinstance(verdict, Again):
                self._again(place[1], verdict.places, verdict.ground)
            else:
                waits_for = await queries.id_at(self._connection, verdict.place)
                self._end(place[1], RowOutcome.QUARANTINED, verdict.reason, waits_for)
        for number in told.keys() - self.results.keys():
            if _id(self._rows[number]) in posted:  # Another message's row has this very content.
                self._end(number, RowOutcome.QUARANTINED, Reason.MAY_BE_TOLD_TWICE)

    async def record(self, *, by: str) -> None:
        """Enter what was told again and of what, and take what has ended out of what is staged."""
        again = {match.place[1] for match in self._matches if match.place[0] == self._origin.delivery_number}
        await queries.keep_tellings(self._connection, [self._told[number] for number in again if number in self._told])
        provider, now = self._origin.provider_code, self._origin.now
        await queries.keep_matches(self._connection, self._matches, provider_code=provider, now=now, by=by)
        if self.results:
            await queries.take_out(self._connection, list(self.results))

    def _open(self) -> list[tuple[int, ReadRow]]:
        return [(number, row) for number, row in self._rows.items() if number not in self.results]

    def _end_as(self, number: int, ended: Mapping[str, Any]) -> None:
        is_told = ended["code"] == Reason.TOLD_BY_ANOTHER
        outcome = RowOutcome.NO_MONEY if ended["released_as"] == RowOutcome.NO_MONEY else RowOutcome.ALREADY_POSTED
        self._end(number, outcome, None if is_told else Note.DECIDED_BEFORE)

    def _again(self, number: int, places: Sequence[Place], ground: Ground) -> None:
        own = (self._origin.delivery_number, number)
        self._matches += [Match(own, place, ground) for place in places]
        self._end(number, RowOutcome.ALREADY_POSTED, Reason.TOLD_BY_ANOTHER)

    def _end(self, number: int, outcome: RowOutcome, code: Reason | Note | None, waits_for: str | None = None) -> None:
        self.results[number] = Result(self._rows[number], outcome, code, waits_for)

    def _moved_the_same(self, number: int, posted: Posted) -> bool:
        row = self._rows[number]
        moved = (self._accounts[number], row.effect_pence, row.booked_on)
        return moved == (posted.account_id, posted.effect_pence, posted.booked_on)

    def _is_own(self, row: ReadRow, posted: Mapping[str, Posted]) -> bool:
        """Tell whether a row has posted from a delivery of its own layout: the posting itself says what it is then."""
        found = posted.get(_id(row))
        return found is not None and row.telling is not None and found.source == row.telling.source


def _actor(session: WriteSession) -> str:
    assert session.actor is not None  # noqa: S101 (a write session has one)
    return session.actor.name


def _id(row: ReadRow) -> str:
    return row.event.provider_transaction_id


def _is_same_source(row: ReadRow, ended: Mapping[str, Any]) -> bool:
    return row.telling is None or ended["profile"] == row.telling.source


def _is_same_money(one: ReadRow, other: ReadRow) -> bool:
    mine, its = one.event, other.event
    same = one.effect_pence == other.effect_pence and one.booked_on == other.booked_on
    return same and (mine.account_ref, mine.card_ref) == (its.account_ref, its.card_ref)


def _telling(row: ReadRow, account_id: UUID, origin: Origin) -> Told:
    telling = row.telling
    assert telling is not None  # noqa: S101 (only rows with one are asked)
    return Told(
        place=(origin.delivery_number, row.number),
        source=telling.source,
        account_id=account_id,
        effect_pence=row.effect_pence,
        booked_on=row.booked_on,
        entry=(origin.delivery_number, telling.entry),
        entry_pence=telling.entry_pence,
        references=frozenset(telling.references),
        payee=likeness.payee_of(row.event.merchant_name),
    )
