"""The form of a profile file, and where profiles are found: the shipped ones, and the council's own."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from services.shared.errors import NotFound
from services.shared.vocabulary import EventStatus, TransactionType

Columns: TypeAlias = str | list[str]
"""A column's heading, or the headings it has had over the years, the first that is there counts."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Identity(_Part, frozen=True):
    """What makes a row the same row: `columns` that hold the provider's id, or none (`covers = "complete_days"`).

    Without an id, equal rows of a file are told apart by their order. A row sent again is then known only if each file
    holds every row of the days it covers, which the profile thereby declares.
    """

    columns: list[Columns] = []
    covers: Literal["complete_days"] | None = None

    def __post_init__(self) -> None:
        if bool(self.columns) == bool(self.covers):
            raise ValueError("an identity is either columns or complete days")


class Amount(_Part, frozen=True):
    """One signed column: in pounds or whole pence, and what a positive amount means."""

    column: Columns
    written_in: Literal["pounds", "pence"]
    positive_is: Literal["spend", "money_in"]


class Types(_Part, frozen=True):
    """The transaction type: by the column's words, else by the way the money goes."""

    money_out: TransactionType
    money_in: TransactionType
    column: Columns | None = None
    words: Mapping[str, TransactionType] = {}


class Statuses(_Part, frozen=True):
    """Where the event stands: by the column's words; without a column every row is posted."""

    column: Columns | None = None
    words: Mapping[str, EventStatus] = {}


class Currency(_Part, frozen=True):
    """The column that names the currency of the amount, or what it is throughout."""

    column: Columns | None = None
    always: str = "GBP"


class Dates(_Part, frozen=True, kw_only=True):
    """The booking day and, where it differs, the day or time of the event (Europe/London); `formats` as in strptime."""

    booked: Columns
    occurred: Columns | None = None
    formats: Annotated[list[str], Meta(min_length=1)]


class Account(_Part, frozen=True):
    """Whose row it is: by a column of account references, of card references, or one account for the whole file."""

    column: Columns | None = None
    card_column: Columns | None = None
    whole_file: str | None = None

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.column, self.card_column, self.whole_file)) != 1:
            raise ValueError("an account is found in exactly one way")


class Merchant(_Part, frozen=True):
    """The merchant's columns. `mcc_words` gives the code of a merchant category that is written out in words."""

    name: Columns | None = None
    category: Columns | None = None
    mcc: Columns | None = None
    mcc_words: Mapping[str, str] = {}
    amount: Columns | None = None
    currency: Columns | None = None


class NdjsonProfile(_Part, frozen=True, tag_field="format", tag="ndjson"):
    """A feed that sends our own event, one in each line: there is nothing to map."""

    name: str
    version: int
    title: str


class JsonProfile(_Part, frozen=True, tag_field="format", tag="json"):
    """A feed that sends our own events as one JSON array, or as an object whose `events` is that array."""

    name: str
    version: int
    title: str


class CsvProfile(_Part, frozen=True, tag_field="format", tag="csv", kw_only=True):
    """A file with a heading, of one provider; a change that reads a row differently is a new `version`."""

    name: str
    version: int
    title: str
    encoding: Literal["utf-8", "cp1252", "iso-8859-1"] = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    identity: Identity
    amount: Amount
    currency: Currency = Currency()
    dates: Dates
    type: Types
    status: Statuses = Statuses()
    account: Account
    merchant: Merchant = Merchant()
    reference: Columns | None = None


Profile: TypeAlias = NdjsonProfile | JsonProfile | CsvProfile


def load(name: str, *, own_folder: Path) -> Profile:
    """Return the profile of this name: the council's own in `own_folder`, or a shipped one.

    Raises NotFound where there is none, msgspec.ValidationError where a council's own file is not of the form.
    """
    if not _NAME.fullmatch(name):
        raise NotFound("there is no such profile", code="unknown_profile")
    own = own_folder / f"{name}.toml"
    file = own if own.is_file() else resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        raise NotFound(f"there is no profile {name}", code="unknown_profile")
    found: Profile = msgspec.toml.decode(file.read_bytes(), type=Profile)
    if found.name != name:
        raise ValueError(f"the profile file {name}.toml calls itself otherwise")
    return found
