"""SWIFT MT940 statements, read as a stream of fields; each field by the patterns of the `mt940` library.

We split the file ourselves: the library drops a row that has no transaction type, merges statements, takes text for
the name of a file, and writes what it cannot read to its log, which is silenced here. A field that it cannot read is
that row's trouble alone.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO, Final, TypeAlias

from mt940 import models, tags
from mt940.options import Options

from services.card_ingest import statements
from services.card_ingest.formats import joining
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.statements import Balance, Item, Moved, StatementEnd, StatementRow

logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)

LONGEST_FIELD: Final = 100_000
_LONGEST_LINE: Final = 200
_KNOWN: Final = frozenset({"13", "20", "21", "25", "28", "34", "60", "61", "62", "64", "65", "86", "90", "NS"})
_FIELD: Final = re.compile(r":(?P<tag>[0-9]{2}|NS)(?P<kind>[A-Z]?):(?P<text>.*)", re.ASCII | re.DOTALL)
_BALANCES: Final[Mapping[str, tags.Tag]] = {
    "60": tags.FinalOpeningBalance(),
    "62": tags.FinalClosingBalance(),
    "64": tags.AvailableBalance(),
    "65": tags.ForwardAvailableBalance(),
}
_LINE: Final = tags.Statement()
# The library reads `1.234,50` as one pound and takes the rest for text: whatever is no amount of the standard is none.
_WHOLE_AMOUNT: Final = r"[0-9]{1,14},[0-9]{0,2}(?![0-9.,])"
_LINE_OF_MONEY: Final = re.compile(rf"[0-9]{{6}}(?:[0-9]{{4}}|\s{{4}})?R?[DC][A-Z]?\s?{_WHOLE_AMOUNT}", re.ASCII | re.I)
_BALANCE_OF_MONEY: Final = re.compile(rf"[DC][0-9]{{6}}[A-Z]{{3}}{_WHOLE_AMOUNT}\s*", re.ASCII | re.I)
_NUMBER: Final = tags.StatementNumber()
_CUT_OFF: Final = "\0"
"""Behind the last line of a file that does not end its line: digits of an amount may be missing."""
_NO_REFERENCES: Final = frozenset({"", "NONREF"})
_SUB_FIELD: Final = re.compile(r"\?([0-9]{2})", re.ASCII)
_UNREADABLE: Final = (RuntimeError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)

Field: TypeAlias = tuple[str, str]
"""A field's tag with its letter (`60F`), and its text with the lines that go on."""


@dataclass(slots=True)
class _Statement:
    """One statement as far as it has been read."""

    account: str = ""
    number: str = ""
    sequence: str = ""
    currency: str = ""
    balances: list[Balance] = field(default_factory=list)
    moved: Moved = field(default_factory=Moved)


def items(content: BinaryIO) -> Iterator[Item]:
    """Yield the rows of each statement in the order of the file, and after them the statement's end.

    Raises UnreadableDelivery where the file is no MT940 statement at all.
    """
    statement: _Statement | None = None
    row: list[Field] = []
    for tag, text in _fields(content):
        if row and tag != "86":
            yield _row(statement or _Statement(), row)
            row = []
        if tag == "20":
            if statement is not None:
                yield _end(statement)
            statement = _Statement()
        elif statement is None:
            raise UnreadableDelivery("wrong_layout", "the file is not an MT940 statement: it does not begin with :20:")
        elif tag == "61" or row:
            row.append((tag, text))
        else:
            _take(statement, tag, text)
    if statement is None:
        raise UnreadableDelivery("wrong_layout", "the file is not an MT940 statement: it has no :20:")
    if row:
        yield _row(statement, row)
    yield _end(statement)


def _fields(content: BinaryIO) -> Iterator[Field]:
    tag, lines, length, raw = "", list[str](), 0, b""
    for raw in content:
        if b"\0" in raw:
            raise UnreadableDelivery("wrong_encoding", "the file is not in an encoding of single bytes, or is binary")
        line = _text(raw).rstrip("\r\n")
        found = _FIELD.fullmatch(line.rpartition("{4:")[2] if line.startswith("{") else line)
        if found and found["tag"] in _KNOWN:
            if tag:
                yield tag, "\n".join(lines)
            tag, lines, length = found["tag"] + found["kind"], [found["text"]], 0
        elif line.strip() == "-" or line.startswith(("-}", "{")):
            if tag:
                yield tag, "\n".join(lines)
            tag, lines, length = "", [], 0
        elif tag:
            lines.append(line)
            length += len(raw)
            if length > LONGEST_FIELD:
                raise UnreadableDelivery("too_large", "one field of the file is longer than any bank's")
    if tag:
        yield tag, "\n".join(lines) + ("" if raw.endswith(b"\n") else _CUT_OFF)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("iso-8859-1")


def _take(statement: _Statement, tag: str, text: str) -> None:
    """Take a field that says something about the statement."""
    text = text.removesuffix(_CUT_OFF).strip()
    if tag == "25":
        statement.account = text
    elif tag[:2] == "28":
        statement.number = text
        statement.sequence = str((_read(_NUMBER, text) or {}).get("statement_number") or "")
    elif tag[:2] in _BALANCES:
        balance = _balance(tag, text)
        statement.balances.append(balance)
        statement.currency = statement.currency or balance.currency


def _balance(tag: str, text: str) -> Balance:
    found = _read(_BALANCES[tag[:2]], text) if _BALANCE_OF_MONEY.fullmatch(text) else None
    stated: Any = next(iter(found.values()), None) if found else None
    if not isinstance(stated, models.Balance) or not isinstance(stated.amount, models.Amount):
        return Balance(tag, None, "", "")
    amount: Decimal = stated.amount.amount
    return Balance(tag, amount, str(stated.amount.currency), str(stated.date))


def _row(statement: _Statement, fields: list[Field]) -> StatementRow:
    """Return the row of a `:61:` and the `:86:` that go with it; what of it cannot be read is left empty."""
    line, *supplement = fields[0][1].split("\n")
    is_cut_off = fields[-1][1].endswith(_CUT_OFF) and len(fields) == 1
    is_readable = not is_cut_off and _LINE_OF_MONEY.match(line.strip())
    found = (_read(_LINE, line.strip()) if is_readable else None) or {}
    money, day = found.get("amount"), found.get("date")
    amount: Decimal | None = money.amount if isinstance(money, models.Amount) else None
    valued = "" if day is None else str(day)
    statement.moved.add(amount, currency=statement.currency, valued=valued)
    references = _references(found)
    is_credit = None if amount is None else found["status"].upper() in {"C", "RD"}
    name, remittance = _told("\n".join(text for _, text in fields[1:]).removesuffix(_CUT_OFF))
    return StatementRow(
        raw="\n".join(f":{tag}:{text}" for tag, text in fields).removesuffix(_CUT_OFF).encode(),
        account=_account(statement),
        amount="" if amount is None else str(abs(amount)),
        currency=statement.currency,
        is_credit=is_credit,
        is_reversal=str(found.get("status", "")).upper().startswith("R"),
        status="BOOK",
        booked=str(found.get("entry_date") or valued),
        valued=valued,
        occurred="",
        references=references,
        counterparty=name or " ".join(part.strip() for part in supplement if part.strip()),
        remittance=remittance,
        code=str(found.get("id") or "").strip(),
        entry=statement.moved.entries,
        entry_amount=statements.signed(None if amount is None else abs(amount), is_credit=is_credit),
        entry_references=references,
        is_cut_off=is_cut_off,
    )


def _end(statement: _Statement) -> StatementEnd:
    return StatementEnd(
        account=_account(statement),
        reference=statement.number,
        sequence=statement.sequence,
        balances=statement.balances,
        moved=statement.moved.sums,
        entries=statement.moved.entries,
        unread=statement.moved.unread,
    )


def _account(statement: _Statement) -> dict[str, str]:
    name = "iban" if statement.account[:2].isalpha() else "other"
    return {name: statement.account} if statement.account else {}


def _read(tag: tags.Tag, text: str) -> dict[str, Any] | None:
    """Return what the library reads in a field, None where it cannot; its errors would repeat the text."""
    if len(text) > _LONGEST_LINE or not text[:60].isascii():
        return None
    statement = models.Transactions(options=Options.all())
    try:
        return tag(statement, tag.parse(statement, text))
    except _UNREADABLE:
        return None


def _references(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the customer's and the bank's reference; a customer's longer than the standard goes on in the rest."""
    customer = f"{found.get('customer_reference') or ''}{found.get('extra_details') or ''}".strip()
    bank = str(found.get("bank_reference") or "").strip()
    if not bank and "//" in customer:
        customer, _, bank = customer.partition("//")
    named = {"bank_reference": bank, "customer_reference": customer}
    return {name: text for name, text in named.items() if text not in _NO_REFERENCES}


def _told(text: str) -> tuple[str, str]:
    """Return the counterparty's name and the remittance that `:86:` tells: in sub-fields (`?32`), or as plain text."""
    parts = _SUB_FIELD.split(text)
    if len(parts) < 3:
        return "", " ".join(text.split())
    told = dict[str, str]()
    for number, content in zip(parts[1::2], parts[2::2], strict=True):
        told[number] = told.get(number, "") + content.replace("\n", "")
    remittance = (told[number].strip() for number in sorted(told) if number[0] == "2" or "60" <= number <= "63")
    name = joining.joined((told.get("32", ""), told.get("33", "")), between="")
    return name.strip(), " ".join(joining.joined(remittance).split())
