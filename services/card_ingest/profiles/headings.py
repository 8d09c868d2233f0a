"""Where a file's columns stand: its headings found by a profile, however they are spelt this month."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.card_ingest.profiles import table
from services.card_ingest.profiles.table import Columns, TableProfile, Way
from services.shared.errors import Invalid

_UNNAMED: Final = re.compile(r"unnamed: [0-9]+", re.ASCII)

_DECIDING: Final = ("amount", "debit", "credit", "booked", "account", "card")
"""Fields of which a part reads as something else; the columns of the identity are such too."""


class WrongHeading(Invalid):
    """The file lacks columns that its profile needs; the text names them."""

    def __init__(self, profile: TableProfile, missing: Sequence[str]) -> None:
        names = ", ".join(missing)
        text = f"the heading lacks {names} (profile {profile.name}); nothing of the file was stored"
        super().__init__(text, code="wrong_heading")


class RepeatedHeading(Invalid):
    """Two columns of the file have the heading of one field, so that nobody can tell which is meant."""

    def __init__(self, profile: TableProfile, heading: str) -> None:
        text = f"two columns are headed {heading} (profile {profile.name}); nothing of the file was stored"
        super().__init__(text, code="repeated_heading")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one file's columns stand: our name for a field, its place in a row and the heading it has there.

    `account_ref` is the account of the whole file, if there is one. `identifiers` are the places of the columns that
    the profile declares to hold identifiers, `unread` the headings, by place, of those that it does not mention.
    """

    profile: TableProfile
    places: Mapping[str, tuple[int, str]]
    account_ref: str | None
    received_on: date
    date_formats: tuple[str, ...]
    ways: Mapping[str, Way]
    identifiers: frozenset[int]
    unread: Mapping[int, str]

    def cell(self, fields: Sequence[str], name: str) -> str:
        """Return the trimmed text of a field, empty where the file has no such column."""
        place = self.places.get(name)
        return "" if place is None else fields[place[0]].strip()

    def heading(self, name: str) -> str:
        """Return the heading under which a field stands."""
        return self.places[name][1]

    def last_deciding(self, *, width: int) -> str | None:
        """Return the field in the last column of a row of so many, if a part of it would read as something else."""
        at_the_end = [name for name, (place, _) in self.places.items() if place == width - 1]
        return next((name for name in at_the_end if name in _DECIDING or name.startswith("identity_")), None)


def normal(heading: str) -> str:
    """Return a heading as headings are compared; a column that a spreadsheet reader had to name itself has none."""
    plain = " ".join(heading.split()).casefold()
    return "" if _UNNAMED.fullmatch(plain) else plain


def find(profile: TableProfile, heading: Sequence[str], *, account_ref: str | None, received_on: date) -> Layout:
    """Find the profile's columns in a file's heading. Raises WrongHeading, RepeatedHeading.

    `account_ref` is what the sender said about the whole file; it goes before what the file itself says.
    """
    there = [normal(each) for each in heading]
    places: dict[str, tuple[int, str]] = {}
    missing: list[str] = []
    for name, columns, is_needed in _columns(profile, there, knows_account=account_ref is not None):
        place = _place(profile, columns, there)
        if place is not None:
            places[name] = place
        elif is_needed:
            missing.append(" or ".join(_names(columns)))
    if missing:
        raise WrongHeading(profile, missing)
    identifiers = frozenset(
        place[0] for columns in profile.identifiers if (place := _place(profile, columns, there)) is not None
    )
    read = identifiers | {place for place, _ in places.values()}
    return Layout(
        profile,
        places,
        account_ref or profile.account.whole_file,
        received_on,
        table.date_formats(profile),
        {word.casefold(): way for word, way in profile.amount.direction_words.items()},
        identifiers,
        {place: name.strip() or f"column {place + 1}" for place, name in enumerate(heading) if place not in read},
    )


def _names(columns: Columns) -> Sequence[str]:
    return [columns] if isinstance(columns, str) else columns


def _place(profile: TableProfile, columns: Columns, there: Sequence[str]) -> tuple[int, str] | None:
    """Return where the first of the headings stands that is there, and the heading."""
    found = next((name for name in _names(columns) if normal(name) in there), None)
    if found is None:
        return None
    if there.count(normal(found)) > 1 and profile.headings.repeated == "refused":
        raise RepeatedHeading(profile, found)
    return there.index(normal(found)), found


def _columns(
    profile: TableProfile, there: Sequence[str], *, knows_account: bool
) -> Iterator[tuple[str, Columns, bool]]:
    """Yield each field that the profile maps: our name, its headings, whether a row cannot be read without it."""
    for number, columns in enumerate(profile.identity.columns):
        yield f"identity_{number}", columns, True
    needed: Mapping[str, Columns | None] = {
        "amount": profile.amount.column,
        "debit": profile.amount.debit,
        "credit": profile.amount.credit,
        "direction": profile.amount.direction,
        "booked": profile.dates.booked,
        "currency": _currency(profile, there),
        "type": profile.type.column,
        "status": profile.status.column,
        "account": None if knows_account else profile.account.column,
        "card": None if knows_account else profile.account.card_column,
    }
    welcome: Mapping[str, Columns | None] = {
        "occurred": profile.dates.occurred,
        "mcc": profile.merchant.mcc,
        "merchant_name": profile.merchant.name,
        "merchant_category": profile.merchant.category,
        "merchant_amount": profile.merchant.amount,
        "merchant_currency": profile.merchant.currency,
        "reference": profile.reference,
        "reverses": profile.reverses,
        "authorisation": profile.authorisation,
        "balance": profile.balance,
    }
    may_lack = frozenset[str](profile.headings.may_lack)
    yield from ((name, columns, name not in may_lack) for name, columns in needed.items() if columns is not None)
    yield from ((name, columns, False) for name, columns in welcome.items() if columns is not None)


def _currency(profile: TableProfile, there: Sequence[str]) -> Columns | None:
    """Return the column that names the currency of the amount, under the heading that the amount has in this file."""
    if profile.currency.by_amount and profile.amount.column is not None:
        amount = next((name for name in _names(profile.amount.column) if normal(name) in there), None)
        if amount is not None and amount in profile.currency.by_amount:
            return profile.currency.by_amount[amount]
    return profile.currency.column
