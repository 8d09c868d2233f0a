"""Full card numbers in what came: found in the raw bytes and destroyed before anything is kept.

A number that could be a card's (13 to 19 digits, plain or in groups with spaces or dashes, of a known issuer and with a
right check digit) is taken for one. Its digits become nines, so that the layout around it still reads.

Source: PCI DSS v4.0, requirement 3.3 (sensitive account data is not stored where it is not needed).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stdnum import luhn

_SHORTEST: Final = 13
_LONGEST: Final = 19
_LONG_IDENTIFIER: Final = 24
_BLOCK_BYTES: Final = 4096
_ENOUGH_DIGITS: Final = b"0" * _SHORTEST

_FLATTEN: Final = bytes.maketrans(b"123456789-", b"000000000 ")
_RUN: Final = re.compile(rb"0[0 ]{12,}")
_GROUPS: Final = re.compile(rb"[0-9]+")
_HEXADECIMAL: Final = re.compile(rb"[0-9A-Fa-f-]*")
_NINES: Final = re.compile(rb"9(?:[ -]?9){12,18}")
_ESCAPED_DIGIT: Final = re.compile(rb"\\u003([0-9])")
_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"
    r"|(?:50|5[6-9]|6[0-9])\d{11,17}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """Bytes without card numbers; `is_redacted` tells that there were some."""

    content: bytes
    is_redacted: bool


def redact(content: bytes) -> Scanned:
    """Return the content with the digits of every card number in it destroyed, at the same length."""
    plain = _ESCAPED_DIGIT.sub(rb"\1", content) if b"\\u003" in content else content
    spans = [span for block in _suspect_blocks(plain) for span in _numbers_within(plain, *block)]
    if not spans:
        return Scanned(content, is_redacted=False)
    redacted = bytearray(plain)
    for start, end in spans:
        redacted[start:end] = _GROUPS.sub(lambda digits: b"9" * len(digits[0]), bytes(redacted[start:end]))
    return Scanned(bytes(redacted), is_redacted=True)


def was_redacted(row: bytes) -> bool:
    """Tell whether a row of redacted content is one that held a card number."""
    return _NINES.search(row) is not None


def _suspect_blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the blocks of lines that hold enough digits in a row, separators left out: a quick look spares most."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start + _BLOCK_BYTES) + 1 or len(content)
        if _ENOUGH_DIGITS in content[start:end].translate(_FLATTEN, b" -"):
            yield start, end
        start = end


def _numbers_within(content: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(content[start:end].translate(_FLATTEN)):
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
            if len(number) >= _SHORTEST and _is_card_number(number) and not _within_identifier(content, *span):
                found.append(span)
    return found


def _is_card_number(number: str) -> bool:
    return _ISSUERS.fullmatch(number) is not None and luhn.is_valid(number)


def _within_identifier(content: bytes, start: int, end: int) -> bool:
    """Tell digits that are part of a long hexadecimal identifier (a UUID, a digest), where chance makes such runs."""
    before = _HEXADECIMAL.match(content[max(0, start - 64) : start][::-1])
    after = _HEXADECIMAL.match(content, end, end + 64)
    token = (before[0][::-1] if before else b"") + content[start:end] + (after[0] if after else b"")
    return len(token) >= _LONG_IDENTIFIER and any(letter in b"abcdefABCDEF" for letter in token)
