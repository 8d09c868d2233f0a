"""What a delivery states about accounts beside its rows: the balances of statements, and running balances of tables."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import BinaryIO

from services.card_ingest import keeping, reading, scanning
from services.card_ingest.deliveries import NewDelivery, StoredDelivery
from services.card_ingest.events import ReadRow
from services.card_ingest.keeping import Body
from services.card_ingest.profiles import statement_mapping
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.profiles.table import TableProfile
from services.card_ingest.reconciliation import operations, rules
from services.card_ingest.reconciliation.rules import Stated
from services.card_ingest.statements import StatementEnd
from services.shared.database import WriteSession
from services.shared.vocabulary.money import EventStatus


def of_body(profile: Profile, body: Body, new: NewDelivery) -> list[Stated]:
    """Return what a delivery states, as it came; nothing for a layout without balances. Raises UnreadableDelivery."""
    with keeping.opened(body) as content:
        stated: list[Stated] = []
        if isinstance(profile, StatementProfile):
            stated = list(_of_statements(profile, content, account_ref=new.account_ref))
        elif isinstance(profile, TableProfile) and profile.balance is not None:
            stated = _of_table(profile, content, new)
    return [each for each in stated if not _names_a_card(each)]


async def keep(session: WriteSession, delivery: StoredDelivery, stated: list[Stated]) -> None:
    """Keep what a delivery states, in the transaction that stores it."""
    await operations.keep_statements(
        session, stated, provider_code=delivery.provider_code, delivery_number=delivery.number
    )


def _names_a_card(stated: Stated) -> bool:
    """Tell whether an account is named by what looks like a card number, which is kept nowhere."""
    return scanning.redact(stated.account_ref.encode()).is_redacted


@dataclass(slots=True)
class _Day:
    """The running balances of one account's day: at its first and last row of the file, and what its rows moved."""

    first_pence: int
    first_effect_pence: int
    last_pence: int
    last_effect_pence: int
    moved_pence: int
    rows: int


def _of_statements(profile: StatementProfile, content: BinaryIO, *, account_ref: str | None) -> Iterator[Stated]:
    for item in reading.statement_items(profile, content):
        if isinstance(item, StatementEnd) and _says_something(item):
            named = account_ref or statement_mapping.account_reference(item.account, profile.account)
            yield rules.stated(item, account_ref=named or "")


def _says_something(end: StatementEnd) -> bool:
    return bool(end.account or end.reference or end.sequence or end.balances or end.entries)


def _of_table(profile: TableProfile, content: BinaryIO, new: NewDelivery) -> list[Stated]:
    days: dict[tuple[str, date], _Day | None] = {}
    for row, balance in reading.balances(profile, content, account_ref=new.account_ref, received_on=new.received_on):
        if row.event.status is EventStatus.POSTED and row.event.account_ref is not None:
            key = (row.event.account_ref, row.booked_on)
            days[key] = _with(days.get(key), row, balance, is_first=key not in days)
    order: defaultdict[str, list[date]] = defaultdict(list)
    for account_ref, on in days:
        order[account_ref].append(on)
    is_up = {account_ref: _is_in_order_of_time(seen) for account_ref, seen in order.items()}
    found = (_stated(account_ref, on, day, is_up=is_up[account_ref]) for (account_ref, on), day in days.items() if day)
    return [each for each in found if each is not None]


def _is_in_order_of_time(days: Sequence[date]) -> bool | None:
    """Tell whether a file's days go up (True) or down (False), None where they do neither."""
    if all(earlier <= later for earlier, later in pairwise(days)):
        return None if len(set(days)) < 2 else True
    return False if all(earlier >= later for earlier, later in pairwise(days)) else None


def _with(day: _Day | None, row: ReadRow, balance: int | None, *, is_first: bool) -> _Day | None:
    """Return a day with one more row; None once a row of it states no balance, since nothing can then be told of it."""
    effect = row.effect_pence
    if balance is None or (day is None and not is_first):
        return None
    if day is None:
        return _Day(balance, effect, balance, effect, effect, 1)
    day.last_pence, day.last_effect_pence = balance, effect
    day.moved_pence += effect
    day.rows += 1
    return day


def _stated(account_ref: str, on: date, day: _Day, *, is_up: bool | None) -> Stated | None:
    """Return the balances at both ends of a day, its rows going up or down in time as their own balances tell.

    Rows that undo each other fit both ways: then the days around tell. None where nothing does.
    """
    up = (day.first_pence - day.first_effect_pence, day.last_pence)
    down = (day.last_pence - day.last_effect_pence, day.first_pence)
    told = [ends for ends in (up, down) if ends[0] + day.moved_pence == ends[1]]
    if len(set(told)) == 2:
        told = [] if is_up is None else [up if is_up else down]
    if not told:
        return None
    opening, closing = told[0]
    return Stated(
        account_ref=account_ref,
        statement_ref=None,
        sequence=None,
        currency="GBP",
        opening_on=on,
        opening_pence=opening,
        closing_on=on,
        closing_pence=closing,
        entries=day.rows,
        entries_pence=day.moved_pence,
        is_proved=None,
    )
