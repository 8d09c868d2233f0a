"""Full card numbers in what came: found in the raw bytes and destroyed before anything is kept.

A number that could be a card's (13 to 19 digits, plain or in groups with one separator between, of a known issuer and
with a right check digit) is taken for one, also where JSON escapes hide it. Its digits become nines, so that the layout
around it still reads. Separators are space, no-break space, dash, full stop, slash, underscore, tab and, within a
quotation, a line break.

Source: PCI DSS v4.0, requirement 3.3 (sensitive account data is not stored where it is not needed).
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from stdnum import luhn

_SHORTEST: Final = 13
_LONGEST: Final = 19
_LONGEST_IDENTIFIER: Final = 128
_BLOCK_BYTES: Final = 2048
_ENOUGH_BEFORE: Final = 102
_JSON_BEGINS: Final = (b"{", b"[")
_ENOUGH_DIGITS: Final = b"0" * _SHORTEST

_SEPARATORS: Final = b" -./_\t\xa0"
_FLATTEN: Final = bytes.maketrans(b"123456789" + _SEPARATORS, b"000000000" + b" " * len(_SEPARATORS))
_RUN: Final = re.compile(rb"0[0 ]{12,}")
_SEPARATOR: Final = re.compile(rb"[^0-9]")
_GROUPS: Final = re.compile(rb"[0-9]+")
_ONE_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]{13,19}(?![0-9])")
_NINES: Final = re.compile(rb"9(?:[ \-./_\t\xa0]?9){12,18}")
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}".encode()
_ITS_FIRST_BYTE: Final = _NO_BREAK_SPACE[:1]  # One byte is looked for ten times as fast as two.
_HIDDEN: Final = re.compile(rb"\\(?:u00(?:3([0-9])|20|09|2[DdEeFf]|5[Ff]|[Aa]0)|([^u]))|\xc2\xa0", re.DOTALL)
_CLEAR: Final = (None, b"t", b"n", b"r", b"/")
_BROKEN: Final = re.compile(rb'\n[^",;\t|\n]{1,99}"')
_BEGUN: Final = re.compile(rb'"[^",;\t|\n]{1,99}$')
_IDENTIFIER: Final = re.compile(
    rb"(?<![0-9A-Za-z])(?:H{8}-H{4}-H{4}-H{4}-H{12}|H{32}|H{40}|H{56}|H{64}|H{96}|H{128})(?![0-9A-Za-z])".replace(
        b"H", b"[0-9A-Fa-f]"
    )
)
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"
    r"|(?:50|5[6-9]|6[0-9])\d{11,17}",
    re.ASCII,
)
# 14 digits are a sort code and an account number where a statement names accounts: no card has so few and begins so.
_ACCOUNT_NUMBER: Final = re.compile(
    rb"(?<![0-9A-Za-z])GB[0-9]{2}[A-Z]{4}[0-9]{14}(?![0-9A-Za-z])"
    rb"|(?:^:25:|<Id>)[0-9]{6}[ /-]?[0-9]{8}(?=\r?$|</Id>)",
    re.MULTILINE,
)


_Hidden: TypeAlias = tuple[int, bytes]
"""A place in the clear content, and the bytes that stood there."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """Bytes without card numbers; `is_redacted` tells that there were some."""

    content: bytes
    is_redacted: bool


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Columns that a profile declares to hold identifiers, by their places in a line of text with this delimiter.

    Of identifiers in digits one in ten passes for a card number. They are taken for what the profile says where the
    content bears it out: of the numbers in the column that an issuer could have given, more fail the check digit than
    pass. A column of card numbers fails in none, so nothing of it is spared.
    """

    delimiter: str
    places: frozenset[int]

    def place(self, content: bytes, start: int, end: int) -> int | None:
        """Return the declared column that these digits fill alone, if there is one."""
        before = content[content.rfind(b"\n", 0, start) + 1 : start].removesuffix(b'"')
        after = content[end : end + 2].removeprefix(b'"')[:1]
        mark = self.delimiter.encode()
        is_alone = content[start:end].isdigit() and (not before or before.endswith(mark))
        if not is_alone or after not in (mark, b"\r", b"\n", b""):
            return None
        try:
            left = next(csv.reader((before.decode("latin-1"),), delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return None
        place = max(len(left), 1) - 1
        return place if place in self.places else None


def redact(content: bytes, *, identifiers: Identifiers | None = None) -> Scanned:
    """Return the content with the digits of every card number in it destroyed, and everything else as it came.

    A number keeps its length, less what its escapes took. `identifiers` are columns that may hold such numbers and mean
    something else by them.
    """
    is_hiding = b"\\" in content or (_ITS_FIRST_BYTE in content and _NO_BREAK_SPACE in content)
    plain, hidden = _unhidden(content) if is_hiding else (content, [])
    spans = [span for block in _suspect_blocks(plain) for span in _numbers_within(plain, *block)]
    if b'"' in plain and plain[:64].lstrip()[:1] not in _JSON_BEGINS:
        spans += _over_two_lines(plain)
    if spans and identifiers is not None:
        spans = list(_without_identifiers(plain, spans, identifiers))
    if not spans:
        return Scanned(content, is_redacted=False)
    redacted = bytearray(plain)
    for start, end in spans:
        redacted[start:end] = _GROUPS.sub(lambda digits: b"9" * len(digits[0]), bytes(redacted[start:end]))
    return Scanned(_hidden_again(redacted, hidden, spans), is_redacted=True)


def was_redacted(row: bytes) -> bool:
    """Tell whether a row of redacted content is one that held a card number."""
    return _NINES.search(row) is not None


def _without_identifiers(
    content: bytes, spans: list[tuple[int, int]], identifiers: Identifiers
) -> Iterator[tuple[int, int]]:
    """Yield the numbers that are not identifiers by what their whole column holds."""
    columns = {span: identifiers.place(content, *span) for span in spans}
    passed = Counter(place for place in columns.values() if place is not None)
    failed = _failed(content, identifiers, passed) if passed else Counter()
    return (span for span, place in columns.items() if place is None or failed[place] <= passed[place])


def _failed(content: bytes, identifiers: Identifiers, passed: Counter[int]) -> Counter[int]:
    """Count, by column, numbers that an issuer could have given but for their check digit: as many as decide it."""
    failed: Counter[int] = Counter()
    undecided = set(passed)
    for found in _ONE_NUMBER.finditer(content):
        number = found[0].decode()
        if _ISSUERS.fullmatch(number) is None or luhn.is_valid(number):
            continue
        if (place := identifiers.place(content, *found.span())) in undecided:
            failed[place] += 1
            if failed[place] > passed[place]:
                undecided.discard(place)
        if not undecided:
            break
    return failed


def _unhidden(content: bytes) -> tuple[bytes, list[_Hidden]]:
    """Return the content with digits and separators in clear, and what they were hidden as.

    A pair of backslashes is one backslash that was written, not the beginning of an escape.
    """
    pieces: list[bytes] = []
    hidden: list[_Hidden] = []
    done = place = 0
    for found in _HIDDEN.finditer(content):
        if found[2] not in _CLEAR:
            continue
        pieces += (content[done : found.start()], found[1] or b" ")
        place += found.start() - done
        hidden.append((place, found[0]))
        place += 1
        done = found.end()
    return b"".join((*pieces, content[done:])), hidden


def _hidden_again(plain: bytearray, hidden: list[_Hidden], spans: list[tuple[int, int]]) -> bytes:
    """Return the content with everything hidden as it was that is no part of a number."""
    number = bytearray(len(plain))
    for start, end in spans:
        number[start:end] = b"1" * (end - start)
    pieces: list[bytes] = []
    done = 0
    for place, written in hidden:
        if not number[place]:
            pieces += (bytes(plain[done:place]), written)
            done = place + 1
    return b"".join((*pieces, bytes(plain[done:])))


def _suspect_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the blocks of lines that hold enough digits in a row, separators left out: a quick look spares most."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
        if _ENOUGH_DIGITS in content[start:end].translate(_FLATTEN, _SEPARATORS):
            yield start, end
        start = end


def _numbers_within(content: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(content[start:end].translate(_FLATTEN)):
        if run[0].count(b"0") >= _SHORTEST:
            yield from _numbers(content, start + run.start(), start + run.end())


def _numbers(content: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the card numbers of a run of digits and separators stand: whole groups, one separator between."""
    groups = [group.span() for group in _GROUPS.finditer(content, start, end)]
    found: list[tuple[int, int]] = []
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            if last > first and groups[last][0] - groups[last - 1][1] > 1:
                break
            number = b"".join(content[slice(*group)] for group in groups[first : last + 1]).decode()
            if len(number) > _LONGEST:
                break
            span = (groups[first][0], groups[last][1])
            if len(number) < _SHORTEST or not _is_card_number(number) or _crosses_columns(content, *span):
                continue
            if not _within_identifier(content, *span):
                found.append(span)
    return found


def _over_two_lines(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the numbers that stand in one quoted field with a line break in them."""
    for found in _BROKEN.finditer(content):
        place = found.start()
        begun = _BEGUN.search(content, max(0, place - _ENOUGH_BEFORE), place)
        if begun is None:
            continue
        first, rest = content[begun.start() : place].rstrip(b"\r"), content[place + 1 : found.end()]
        shift = place - begun.start() - len(first)
        for start, end in _numbers(first + b" " + rest, 0, len(first) + 1 + len(rest)):
            if start < len(first) < end:
                yield begun.start() + start, begun.start() + end + shift


def _crosses_columns(content: bytes, start: int, end: int) -> bool:
    """Tell digits of several columns of a tab-separated file: a number has tabs throughout or nowhere."""
    return b"\t" in content[start:end] and {b"\t"} != set(_SEPARATOR.findall(content, start, end))


def _is_card_number(number: str) -> bool:
    return _ISSUERS.fullmatch(number) is not None and luhn.is_valid(number)


def _within_identifier(content: bytes, start: int, end: int) -> bool:
    """Tell digits of a UUID or digest in hexadecimal, where chance makes such runs, and of a bank account's number."""
    first, last = max(0, start - _LONGEST_IDENTIFIER), end + _LONGEST_IDENTIFIER + 1
    accounts = _ACCOUNT_NUMBER.finditer(content, first, last)
    return any(found.start() <= start and end <= found.end() for found in accounts) or any(
        found.start() <= start and end <= found.end() and not found[0].replace(b"-", b"").isdigit()
        for found in _IDENTIFIER.finditer(content, first, last)
    )
