"""The form of a profile for tables (CSV, TSV, XLSX, XLS): which columns hold what, and how it is written there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from services.shared.vocabulary.money import EventStatus, TransactionType

Columns: TypeAlias = str | list[str]
"""A column's heading, or the headings it has had over the years, the first that is there counts.

Headings are compared without regard to case and to blanks around and between words.
"""

Encoding: TypeAlias = Literal["utf-8", "utf-16", "cp1252", "iso-8859-1", "iso-8859-15"]
Way: TypeAlias = Literal["in", "out"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a profile; a key that the form does not know is refused."""


class Identity(Part, frozen=True):
    """What makes a row the same row: `columns` that hold the provider's id, or none, and then what a file `covers`.

    Without an id, equal rows of a file are told apart by how many equal ones came before. `complete_days`: each file
    holds every row of the days it has, so a row sent again is known. `increments`: each file holds what no other does,
    so a row equal to one of an earlier file waits for a person.
    """

    columns: list[Columns] = []
    covers: Literal["complete_days", "increments"] | None = None

    def __post_init__(self) -> None:
        if bool(self.columns) == bool(self.covers):
            raise ValueError("an identity is either columns or what a file covers")


class Amount(Part, frozen=True, kw_only=True):
    """How money is stated, in pounds or whole pence, in exactly one of three ways.

    One signed `column`, and what a positive amount means; or magnitudes in a `debit` and a `credit` column; or
    magnitudes in one `column` and a word in a `direction` column. In pounds, `(12.50)` and `12.50-` are negative.
    """

    written_in: Literal["pounds", "pence"]
    column: Columns | None = None
    positive_is: Literal["spend", "money_in"] | None = None
    debit: Columns | None = None
    credit: Columns | None = None
    direction: Columns | None = None
    direction_words: Mapping[str, Way] = {}

    def __post_init__(self) -> None:
        named = ("column", "positive_is", "debit", "credit", "direction")
        given = {name for name in named if getattr(self, name) is not None}
        if given not in ({"column", "positive_is"}, {"debit", "credit"}, {"column", "direction"}):
            raise ValueError("an amount is stated in exactly one way")
        if bool(self.direction_words) != (self.direction is not None):
            raise ValueError("a direction column needs its words, and words their column")


class Types(Part, frozen=True):
    """The transaction type: by the column's words, else by the way the money goes."""

    money_out: TransactionType
    money_in: TransactionType
    column: Columns | None = None
    words: Mapping[str, TransactionType] = {}


class Statuses(Part, frozen=True):
    """Where the event stands: by the column's words; without a column every row is posted."""

    column: Columns | None = None
    words: Mapping[str, EventStatus] = {}


class Currency(Part, frozen=True):
    """The column that names the currency of the amount, or what it is throughout.

    `by_amount` names another column for files in which the amount stands under another of its headings.
    """

    column: Columns | None = None
    always: str = "GBP"
    by_amount: Mapping[str, Columns] = {}


class Dates(Part, frozen=True, kw_only=True):
    """The booking day and, where it differs, the day or time of the event (Europe/London).

    `formats` are as in strptime, or `excel_serial` for a spreadsheet's number of days; a spreadsheet's own date cells
    are understood without one.
    """

    booked: Columns
    occurred: Columns | None = None
    formats: Annotated[list[str], Meta(min_length=1)]

    def __post_init__(self) -> None:
        wrong = next((form for form in self.formats if form != EXCEL_SERIAL and not _tells_a_day(form)), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} does not say where day, month and year of a date stand")


class Account(Part, frozen=True):
    """Whose row it is: by a column of account references, of card references, or one account for the whole file."""

    column: Columns | None = None
    card_column: Columns | None = None
    whole_file: str | None = None

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.column, self.card_column, self.whole_file)) != 1:
            raise ValueError("an account is found in exactly one way")


class Merchant(Part, frozen=True):
    """The merchant's columns. `mcc_words` gives the code of a merchant category that is written out in words."""

    name: Columns | None = None
    category: Columns | None = None
    mcc: Columns | None = None
    mcc_words: Mapping[str, str] = {}
    amount: Columns | None = None
    currency: Columns | None = None


class Headings(Part, frozen=True):
    """Where the heading row stands, and what may be amiss with it.

    It is the first of `within_lines` lines that has every column needed. Columns of `may_lack` need not be there. Of
    two columns with one heading nobody can tell which is meant, unless `repeated` says that the first is.
    """

    within_lines: Annotated[int, Meta(ge=1, le=100)] = 1
    may_lack: list[Literal["currency", "status", "type", "direction"]] = []
    repeated: Literal["refused", "first"] = "refused"


class TableProfile(Part, frozen=True, kw_only=True):
    """A table with headings, of one provider; a change that reads a row differently is a new `version`.

    `balance` is the account's balance after the row, as the provider states it. `identifiers` are columns whose numbers
    are no card numbers, however much one may look like it.
    """

    name: str
    version: int
    title: str
    headings: Headings = Headings()
    identity: Identity
    amount: Amount
    currency: Currency = Currency()
    dates: Dates
    type: Types
    status: Statuses = Statuses()
    account: Account
    merchant: Merchant = Merchant()
    reference: Columns | None = None
    reverses: Columns | None = None
    authorisation: Columns | None = None
    balance: Columns | None = None
    identifiers: list[Columns] = []


class CsvProfile(TableProfile, frozen=True, tag_field="format", tag="csv", kw_only=True):
    """Text with a delimiter. Each line is in the first of the encodings in which it is text."""

    encoding: Encoding | Annotated[list[Encoding], Meta(min_length=1)] = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","

    def __post_init__(self) -> None:
        if self.delimiter in '"\r\n\0':
            raise ValueError("a quotation mark or the end of a line is no delimiter")


class TsvProfile(TableProfile, frozen=True, tag_field="format", tag="tsv", kw_only=True):
    """Text with tabs between the columns."""

    encoding: Encoding | Annotated[list[Encoding], Meta(min_length=1)] = "utf-8"


class XlsxProfile(TableProfile, frozen=True, tag_field="format", tag="xlsx", kw_only=True):
    """A workbook of today's kind: its first sheet, or the one of that name."""

    sheet: str | None = None


class XlsProfile(TableProfile, frozen=True, tag_field="format", tag="xls", kw_only=True):
    """A workbook of the kind before 2007: its first sheet, or the one of that name."""

    sheet: str | None = None


AnyTable: TypeAlias = CsvProfile | TsvProfile | XlsxProfile | XlsProfile

EXCEL_SERIAL: Final = "excel_serial"
"""The word for a date written as a spreadsheet counts days."""

_SOME_DAY: Final = datetime(2026, 11, 23, tzinfo=UTC)
"""A day whose parts are all different."""

DATE_CELL_FORMATS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")
"""How a workbook's own date cells are written down when it is made text."""


_YEARS: Final = ("%Y", "%y", "%G", "%c", "%x")


def _tells_a_day(form: str) -> bool:
    """Tell whether a format has year, month and day. The year is looked for first: strptime warns where it lacks."""
    if not any(year in form.replace("%%", "") for year in _YEARS):
        return False
    try:
        return datetime.strptime(_SOME_DAY.strftime(form), form).date() == _SOME_DAY.date()  # noqa: DTZ007
    except ValueError:
        return False


def encodings(profile: TableProfile) -> tuple[Encoding, ...]:
    """Return the encodings that a table's lines may have as it came; a workbook becomes UTF-8 text."""
    if not isinstance(profile, CsvProfile | TsvProfile):
        return ("utf-8",)
    given = profile.encoding
    return (given,) if isinstance(given, str) else tuple(given)


def date_formats(profile: TableProfile) -> tuple[str, ...]:
    """Return the formats in which a table's dates are written."""
    own = tuple(profile.dates.formats)
    return own + DATE_CELL_FORMATS if isinstance(profile, XlsxProfile | XlsProfile) else own


def delimiter(profile: TableProfile) -> str:
    """Return what stands between two columns; a workbook is read as text with tabs."""
    return profile.delimiter if isinstance(profile, CsvProfile) else "\t"
