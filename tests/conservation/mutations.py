"""Files mangled at random and put through every layout's parser: nothing may crash, hang or read half a file."""

import io
import json
import os
import random
import signal
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import FrameType
from typing import NoReturn

import xlsxwriter
import xlwt

from services.card_ingest import reading, table_rows
from services.card_ingest.events import BadRow, ReadRow
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.table import TableProfile
from services.shared.errors import ExpectedError
from tests.builders import deliveries as build
from tests.builders import statements

SECONDS_OF_A_FILE = 5.0
"""A small file that takes longer has hung a parser."""

DAY = date(2026, 11, 20)

_LENGTH_BYTES = 4
_OF_WORKBOOKS = 0.05
"""How often a workbook is chosen beside any other file: each takes as long as a hundred others."""

_BOOK = """
format = "{format}"
name = "book_{format}"
version = 1
title = "A bank that writes workbooks"
identity.columns = ["Id"]
amount = {{column = "Amount", written_in = "pounds", positive_is = "money_in"}}
dates = {{booked = "Date", formats = ["%d/%m/%Y"]}}
type = {{money_out = "faster_payment_out", money_in = "faster_payment_in"}}
account.column = "Account"
merchant.name = "Text"
"""
_TABLE = [("Id", "Date", "Account", "Amount", "Text")] + [
    (f"t{number}", "03/11/2026", "ACC-1", f"-{number}.25", "CORNER SHOP") for number in range(1, 6)
]
_CALDERDALE = (
    "Transaction Date,Transaction number,Supplier Name,Net Amount,Merchant Category\n"
    '2026-05-01,1,"A, B",1.00,\n2026-05-02,2,B,-0.25,\n2026-05-03,3,C,"1,200.00",Grocery Stores\n'
)
_BIRMINGHAM = (
    "TRANS DATE,TRANS VAT DESC,ORIGINAL GROSS AMT,MERCHANT NAME,CARD NUMBER,TRANS CAC CODE 1,TRANS CAC DESC 1,"
    "TRANS CAC CODE 2,TRANS CAC DESC 2,TRANS CAC CODE 3,Directorate\n"
    "02/12/2019,VR,12.50,SHOP,************1234,K,Food,RA,Home,A0,Adult Social Care\n" * 2
)
_BANK = "Transaction ID,Date,Account,Amount,Type,Reference,Description\nx1,01/11/2026,A,-12.50,SO,wages,ANN\n" * 2
_STRIPE = {
    "id": "evt_1",
    "type": "issuing_transaction.created",
    "data": {"object": {"id": "ipi_1", "amount": -1234, "currency": "gbp", "created": 1_763_000_000, "card": "ic_1"}},
}
_PIECES = (
    *(b'"', b"'", b",", b";", b"\t", b"\0", b"\n", b"\r", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]" * 40),
    *(b"<", b">", b"&", b"<Ntry>", b"</Stmt>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b":61:", b":20:", b"-}"),
    *(b"9" * 40, b"-", b"1e999", b"NaN", b"0.005", b"2026-02-30", b"0", b"null", b"true", b"\\u0000", b"\xd9\xa3"),
    *(b"amount_pence", b'"amount":1.5,', b"4111111111111111", b"GBP", b"EUR", b"posted", b"authorised", b"T25:61Z"),
)


class Hung(BaseException):
    """A parser is still at a file after the time that one may take."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A good file of one layout."""

    profile: Profile
    content: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many mangled files were read or refused, how long it took, and what went wrong, with the file in hex."""

    files: int
    refused: int
    rows: int
    seconds: float
    failures: list[str]

    @property
    def sentence(self) -> str:
        """The figures in words."""
        rate = self.files / self.seconds if self.seconds else 0
        return (
            f"{self.files} mangled files in {self.seconds:.1f} s ({rate:.0f} a second): {self.refused} refused whole,"
            f" {self.rows} rows told; {len(self.failures)} failures"
        )


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what came of shares that were done at the same time as one."""
    return Outcome(
        files=sum(outcome.files for outcome in outcomes),
        refused=sum(outcome.refused for outcome in outcomes),
        rows=sum(outcome.rows for outcome in outcomes),
        seconds=max(outcome.seconds for outcome in outcomes),
        failures=[failure for outcome in outcomes for failure in outcome.failures],
    )


@contextmanager
def noting(path: Path) -> Iterator[Callable[[Profile, bytes], tuple[int, int]]]:
    """Give a reader that first notes the file at hand, which what ends the process cannot tell any more."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)

    def noted(profile: Profile, content: bytes) -> tuple[int, int]:
        os.pwrite(descriptor, len(content).to_bytes(_LENGTH_BYTES) + content, 0)
        return told(profile, content)

    try:
        yield noted
    finally:
        os.close(descriptor)


def at_hand(path: Path) -> bytes:
    """Return the file that was noted last."""
    noted = path.read_bytes()
    return noted[_LENGTH_BYTES : _LENGTH_BYTES + int.from_bytes(noted[:_LENGTH_BYTES])]


def seeds(folder: Path) -> list[Seed]:
    """Return a good file of every layout; `folder` takes the profiles that are not shipped."""
    for kind in ("xlsx", "xls"):
        (folder / f"book_{kind}.toml").write_text(_BOOK.format(format=kind))
    told = [build.an_event(f"t{number}", amount_pence=number + 1) for number in range(5)]
    contents: Mapping[str, bytes] = {
        "canonical": build.ndjson(told),
        "canonical_json": json.dumps({"events": told}).encode(),
        "calderdale": _CALDERDALE.encode(),
        "birmingham": _BIRMINGHAM.encode(),
        "demo_bank_statement": _BANK.encode(),
        "stripe_issuing": json.dumps(_STRIPE).encode(),
        "camt053": statements.camt(statements.statement(statements.entry("12.50", "DBIT"))),
        "camt054": statements.camt(
            statements.statement(statements.entry("12.50", "DBIT")).replace("Stmt>", "Ntfctn>"), message="054"
        ),
        "mt940": statements.mt940(":61:2611121112D12,50NTRFREF//B1", ":86:?20WAGES?32ANN", ":61:261112C1,00"),
        "book_xlsx": _xlsx(),
        "book_xls": _xls(),
    }
    return [Seed(profiles.load(name, own_folder=folder), content) for name, content in contents.items()]


def mangle(
    folder: Path,
    *,
    seed: int,
    files: int,
    seconds: float = float("inf"),
    plant: Callable[[Profile, bytes], tuple[int, int]] | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Outcome:
    """Put so many mangled files through, or as many as the seconds allow; `plant` reads them in the parsers' stead."""
    chance, good, read = random.Random(seed), seeds(folder), plant or told
    weights = [_OF_WORKBOOKS if each.profile.name.startswith("book") else 1.0 for each in good]
    began, done, refused, rows = time.monotonic(), 0, 0, 0
    failures: list[str] = []
    with _no_fault_swallowed():
        while done < files and time.monotonic() - began < seconds:
            chosen = chance.choices(good, weights)[0]
            content = mangled(chance, chosen.content, chance.choice(good).content)
            try:
                with _watched():
                    said, found = read(chosen.profile, content)
                rows += found
                if said != found:
                    failures.append(f"{chosen.profile.name}: {said} rows counted, {found} told: {content.hex()}")
            except ExpectedError:
                refused += 1
            except BaseException as fault:
                if isinstance(fault, KeyboardInterrupt):
                    raise
                failures.append(f"{chosen.profile.name}: {type(fault).__name__}: {fault}: {content.hex()}")
            done += 1
            if done % 1000 == 0:
                progress(done)
    return Outcome(done, refused, rows, time.monotonic() - began, failures)


def told(profile: Profile, raw: bytes) -> tuple[int, int]:
    """Return how many rows a file says to have, and how many are then told, which must be numbered without a gap."""
    content = (
        reading.translated(profile, raw)
        if isinstance(profile, TableProfile) and reading.is_translated(profile)
        else raw
    )
    said = reading.count(profile, io.BytesIO(content), account_ref="ACC-1", received_on=DAY)
    found = list(reading.rows(profile, io.BytesIO(content), account_ref="ACC-1", received_on=DAY, is_redacted=False))
    if [row.number for row in found] != list(range(1, len(found) + 1)):
        raise AssertionError("rows are not numbered without a gap")
    if not all(isinstance(row, ReadRow | BadRow) for row in found):
        raise AssertionError("a row is neither read nor told to be bad")
    return said, len(found)


def told_in_part(profile: Profile, raw: bytes) -> tuple[int, int]:
    """A planted bug: a row that cannot be read is passed over."""
    said, found = told(profile, raw)
    rows = reading.rows(profile, io.BytesIO(raw), account_ref="ACC-1", received_on=DAY, is_redacted=False)
    return said, found - sum(isinstance(row, BadRow) for row in rows)


def mangled(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """Return a file that has been damaged in one to four ways; of a workbook sometimes a part, packed again."""
    if content.startswith(b"PK") and chance.random() < 0.7:
        return _repacked(chance, content)
    for _ in range(chance.randint(1, 4)):
        content = chance.choice(_WAYS)(chance, content, other)
    return content


def _repacked(chance: random.Random, content: bytes) -> bytes:
    book = zipfile.ZipFile(io.BytesIO(content))
    parts = {name: book.read(name) for name in book.namelist()}
    broken = chance.choice(sorted(parts))
    parts[broken] = chance.choice(_WAYS)(chance, parts[broken], content)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return made.getvalue()


def _span(chance: random.Random, content: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(content))
    return start, min(len(content), start + chance.choice((0, 1, 1, 2, 8, 60)))


def _flip(chance: random.Random, content: bytes, _other: bytes) -> bytes:
    start, end = _span(chance, content)
    return content[:start] + chance.randbytes(end - start) + content[end:]


def _drop(chance: random.Random, content: bytes, _other: bytes) -> bytes:
    start, end = _span(chance, content)
    return content[:start] + content[end:]


def _insert(chance: random.Random, content: bytes, _other: bytes) -> bytes:
    start, end = _span(chance, content)
    return content[:start] + chance.choice(_PIECES) + content[end:]


def _cut(chance: random.Random, content: bytes, _other: bytes) -> bytes:
    return content[: chance.randint(0, len(content))]


def _repeat(chance: random.Random, content: bytes, _other: bytes) -> bytes:
    start, end = sorted((chance.randint(0, len(content)), chance.randint(0, len(content))))
    return content[:end] + content[start:end] * chance.randint(1, 3) + content[end:]


def _splice(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: chance.randint(0, len(content))] + other[chance.randint(0, len(other)) :]


_WAYS = (_flip, _flip, _drop, _insert, _insert, _cut, _repeat, _splice)


@contextmanager
def _watched() -> Iterator[None]:
    """Raise Hung in the midst of whatever takes too long."""

    def hang(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise Hung(f"still at it after {SECONDS_OF_A_FILE} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_OF_A_FILE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _no_fault_swallowed() -> Iterator[None]:
    """Let a fault of our own reading be seen, which in earnest would leave its row waiting and the rest to post."""
    unforeseen = table_rows.unforeseen

    def raised(fault: Exception, raw: bytes, *, number: int) -> BadRow:
        raise RuntimeError(f"row {number} was not foreseen: {type(fault).__name__}: {fault}") from fault

    table_rows.unforeseen = raised
    try:
        yield
    finally:
        table_rows.unforeseen = unforeseen


def _xlsx() -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content)
    sheet = book.add_worksheet()
    for number, row in enumerate(_TABLE):
        sheet.write_row(number, 0, row)
    book.close()
    return content.getvalue()


def _xls() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("One")
    for number, row in enumerate(_TABLE):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
