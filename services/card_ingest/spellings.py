"""How digits and what stands between them may be written: as themselves, as escapes or references, as other characters.

Before content is looked at for card numbers, each of them becomes the one byte that it means, and what stood there is
remembered. A line break that is written as an escape becomes a vertical tab, so that lines stay what they were.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, TypeAlias

GAP: Final = b"\x1f"
"""What a separator becomes that was not written as itself: no delimiter of a table, as a blank could be."""

LINE_BREAK: Final = b"\v"
"""What a line break within a value becomes that was written as an escape or reference."""

Hidden: TypeAlias = tuple[int, bytes]
"""A place in the clear content, and the bytes that stood there."""

_GAPS: Final = frozenset(
    "\t -./_\u00a0\u00ad\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u2010"
    "\u2011\u2012\u2013\u2014\u2015\u202f\u205f\u2060\u2212\u3000\ufeff\uff0d\uff0e\uff0f\uff3f"
)
_BREAKS: Final = frozenset("\n\r\u2028\u2029")
_ESCAPED: Final = {b"t": "\t", b"n": "\n", b"r": "\r", b"/": "/"}

# What begins none of the characters that are looked for fails at its first byte, and most content has no such byte.
_CHARACTERS: Final = (
    rb"\xc2[\xa0\xad]|\xe2(?:\x80[\x80-\x95\xa8\xa9\xaf]|\x81[\x9f\xa0]|\x88\x92)|\xe3\x80\x80"
    rb"|\xef(?:\xbb\xbf|\xbc[\x8d-\x99\xbf])"
)
_HIDDEN: Final = re.compile(
    rb"(?P<wide>" + _CHARACTERS + rb")"
    rb"|\\(?:u(?P<escape>[0-9A-Fa-f]{4})|(?P<letter>r\\n|[^u]))"
    rb"|&#(?:[xX]0*(?P<hexadecimal>[0-9A-Fa-f]{1,5})|0*(?P<decimal>[0-9]{1,6}));",
    re.DOTALL,
)


def clear(content: bytes) -> tuple[bytes, list[Hidden]]:
    """Return the content with digits and separators in clear, and what they were hidden as.

    A pair of backslashes is one backslash that was written, not the beginning of an escape.
    """
    pieces: list[bytes] = []
    hidden: list[Hidden] = []
    done = place = 0
    for written in _HIDDEN.finditer(content):
        plain = _plain(_character(written))
        if plain is None:
            continue
        pieces += (content[done : written.start()], plain)
        place += written.start() - done
        hidden.append((place, written[0]))
        place += 1
        done = written.end()
    return b"".join((*pieces, content[done:])), hidden


def hidden_again(clear_content: bytearray, hidden: list[Hidden], spans: list[tuple[int, int]]) -> bytes:
    """Return the content with everything hidden as it was but the digits that stand in one of the spans."""
    is_in_span = bytearray(len(clear_content))
    for start, end in spans:
        is_in_span[start:end] = b"1" * (end - start)
    pieces: list[bytes] = []
    done = 0
    for place, written in hidden:
        if not is_in_span[place] or bytes(clear_content[place : place + 1]) in (GAP, LINE_BREAK):
            pieces += (bytes(clear_content[done:place]), written)
            done = place + 1
    return b"".join((*pieces, bytes(clear_content[done:])))


def _character(written: re.Match[bytes]) -> str:
    """Return the character that was written in another way, a line break for a pair of them."""
    if (wide := written["wide"]) is not None:
        return wide.decode()
    if (letter := written["letter"]) is not None:
        return _ESCAPED.get(letter, "\n" if len(letter) > 1 else "\\")
    if (hexadecimal := written["escape"] or written["hexadecimal"]) is not None:
        return chr(int(hexadecimal, 16))
    return chr(min(int(written["decimal"]), 0x10FFFF))


@lru_cache(maxsize=1024)
def _plain(character: str) -> bytes | None:
    """Return the byte that a character means for a number, None where it means none."""
    if (digit := unicodedata.decimal(character, None)) is not None:
        return b"%d" % digit
    if character in _BREAKS:
        return LINE_BREAK
    return GAP if character in _GAPS else None
