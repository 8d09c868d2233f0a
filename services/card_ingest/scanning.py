"""Full card numbers in what came: found value by value in the raw bytes and destroyed before anything is kept.

A number that could be a card's (`card_numbers`) is taken for one where it stands in one value of the content's form,
also where escapes, references or other characters hide it (`spellings`): what one value ends with and the next begins
with is no number. Its digits become nines, so that the layout around it still reads. Separators within a number are
blanks, dashes, full stop, slash, underscore, tab and, where a value may have one, a line break.

Source: PCI DSS v4.0, requirement 3.3 (sensitive account data is not stored where it is not needed).
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.card_ingest import card_numbers, spellings, values
from services.card_ingest.values import Form

_BLOCK_BYTES: Final = 2048
_MOST_LINES_ON: Final = 8
_ENOUGH_BEFORE: Final = 102
_JSON_BEGINS: Final = (b"{", b"[")
_ENOUGH_DIGITS: Final = b"0" * card_numbers.SHORTEST

_SEPARATORS: Final = b" -./_\t\xa0\xad\x96\x97" + spellings.GAP + spellings.LINE_BREAK
_LINE_ENDS: Final = b"\r\n"
_SEPARATORS_OVER_LINES: Final = _SEPARATORS + _LINE_ENDS
_RUN: Final = re.compile(rb"0[0 ]{12,}")
_GROUPS: Final = re.compile(rb"[0-9]+")
_ONE_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]{13,19}(?![0-9])")
_GAP: Final = rb"(?:[%b]|\r?\n)?" % re.escape(_SEPARATORS)
_NINES: Final = re.compile(rb"9(?:%b9){12,18}" % _GAP)
_BREAKS: Final = frozenset({spellings.LINE_BREAK, b"\n", b"\r\n"})
_ANY_DELIMITER: Final = b",;\t|"


_REFERENCE: Final = b"&#"
_BYTE_ORDER_MARK: Final = "\ufeff".encode()
# One byte is looked for ten times as fast as two, and most content has none of these.
_BEGINNINGS: Final[Mapping[bytes, Sequence[bytes]]] = {
    b"\xc2": (b"\xc2\xa0", b"\xc2\xad"),
    b"\xe2": (b"\xe2\x80", b"\xe2\x81", b"\xe2\x88\x92"),
    b"\xe3": (b"\xe3\x80\x80",),
    b"\xef": (b"\xef\xbc",),
}


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


def redact(content: bytes, *, form: Form = values.TEXT, identifiers: Identifiers | None = None) -> Scanned:
    """Return the content with the digits of every card number in it destroyed, and everything else as it came.

    A number keeps its length, less what escapes of its digits took. `form` tells values apart; without one the content
    is a value by itself, or of a kind in which nothing but marks stands between two. `identifiers` are columns that may
    hold such numbers and mean something else by them.
    """
    plain, hidden = spellings.clear(content) if _may_hide(content) else (content, [])
    spans = [span for block in _suspect_blocks(plain, form) for span in _numbers_within(plain, form, *block)]
    if b'"' in plain and not form.goes_over_lines and plain[:64].lstrip()[:1] not in _JSON_BEGINS:
        spans += _over_two_lines(plain, form.delimiter)
    if spans and identifiers is not None:
        spans = list(_without_identifiers(plain, spans, identifiers))
    if not spans:
        return Scanned(content, is_redacted=False)
    redacted = bytearray(plain)
    for start, end in spans:
        redacted[start:end] = _GROUPS.sub(lambda digits: b"9" * len(digits[0]), bytes(redacted[start:end]))
    return Scanned(spellings.hidden_again(redacted, hidden, spans), is_redacted=True)


def was_redacted(row: bytes, *, form: Form = values.TEXT) -> bool:
    """Tell whether a row of redacted content, or a text of it, is one that held a card number."""
    plain, _ = spellings.clear(row)
    return _NINES.search(plain) is not None and _NINES.search(form.marked(plain)) is not None


def _may_hide(content: bytes) -> bool:
    """Tell whether content has anything that could be a digit or a separator written in another way."""
    if b"\\" in content or (b"&" in content and _REFERENCE in content):
        return True
    if content.isascii():
        return False
    if any(first in content and any(two in content for two in both) for first, both in _BEGINNINGS.items()):
        return True
    return b"\xef" in content and content.rfind(_BYTE_ORDER_MARK) > 0  # At the start of a file it hides nothing.


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
        if not card_numbers.could_be_one(number) or card_numbers.is_one(number):
            continue
        if (place := identifiers.place(content, *found.span())) in undecided:
            failed[place] += 1
            if failed[place] > passed[place]:
                undecided.discard(place)
        if not undecided:
            break
    return failed


def _separators(form: Form) -> bytes:
    """Return the single bytes that may stand between two digits of a number."""
    return _SEPARATORS_OVER_LINES if form.goes_over_lines else _SEPARATORS


@lru_cache
def _flatten(separators: bytes) -> bytes:
    """Return how digits become noughts, and separators blanks."""
    return bytes.maketrans(b"123456789" + separators, b"000000000" + b" " * len(separators))


def _suspect_blocks(content: bytes, form: Form) -> Iterator[tuple[int, int]]:
    """Yield the blocks of lines that hold enough digits in a row, separators left out: a quick look spares most."""
    separators = _separators(form)
    flatten = _flatten(separators)
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
        for _ in range(_MOST_LINES_ON if form.goes_over_lines else 0):
            if not content[end : end + 1].isdigit():
                break
            end = content.find(b"\n", end) + 1 or len(content)
        if _ENOUGH_DIGITS in content[start:end].translate(flatten, separators):
            yield start, end
        start = end


def _numbers_within(content: bytes, form: Form, start: int, end: int) -> Iterator[tuple[int, int]]:
    marked = form.marked(content[start:end])
    for run in _RUN.finditer(marked.translate(_flatten(_separators(form)))):
        if run[0].count(b"0") >= card_numbers.SHORTEST:
            yield from _numbers(content, start + run.start(), start + run.end())


def _numbers(content: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the card numbers of a run of digits and separators stand: whole groups, one separator between."""
    groups = [group.span() for group in _GROUPS.finditer(content, start, end)]
    spans: list[tuple[int, int]] = []
    for first in range(len(groups)):
        for last in range(first, len(groups)):
            if last > first and not _are_beside(content, groups[last - 1][1], groups[last][0]):
                break
            number = b"".join(content[slice(*group)] for group in groups[first : last + 1]).decode()
            if len(number) > card_numbers.LONGEST:
                break
            span = (groups[first][0], groups[last][1])
            if len(number) < card_numbers.SHORTEST or not card_numbers.is_one(number):
                continue
            if _is_printed_so(content, groups[first : last + 1]) and not card_numbers.is_something_else(content, *span):
                spans.append(span)
    return spans


def _are_beside(content: bytes, end: int, start: int) -> bool:
    """Tell whether one separator, or the end of one line, stands between two groups of digits."""
    return start - end == 1 or content[end:start] == _LINE_ENDS


def _is_printed_so(content: bytes, groups: list[tuple[int, int]]) -> bool:
    """Tell whether groups are as a card has them; a line break may stand between two groups or within one."""
    between_two: list[int] = []
    within_one: list[int] = []
    end = groups[0][0]
    for start, group_end in groups:
        size = group_end - start
        between_two.append(size)
        if within_one and content[end:start] in _BREAKS:
            within_one[-1] += size
        else:
            within_one.append(size)
        end = group_end
    return card_numbers.is_printed_so(between_two) or card_numbers.is_printed_so(within_one)


def _over_two_lines(content: bytes, delimiter: bytes | None) -> Iterator[tuple[int, int]]:
    """Yield the numbers that stand in one quoted field with a line break in them."""
    broken, begun_by = _quotation(_ANY_DELIMITER if delimiter is None else delimiter)
    for closed in broken.finditer(content):
        place = closed.start()
        begun = begun_by.search(content, max(0, place - _ENOUGH_BEFORE), place)
        if begun is None:
            continue
        spans = _numbers(content, begun.start() + 1, closed.end() - 1)
        yield from ((start, end) for start, end in spans if start < place < end)


@lru_cache
def _quotation(delimiters: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what ends a quotation that began on the line before, and what begins one that goes on."""
    sign = re.escape(delimiters)
    return re.compile(rb'\n[^"%b\n]{1,99}"' % sign), re.compile(rb'"[^"%b\n]{1,99}$' % sign)
