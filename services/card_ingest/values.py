"""Where one value of a content ends and the next begins, by the content's format: a number stands within one value.

Each form marks, without moving anything, what lies between values: there no digits are joined.
"""

import re
from dataclasses import dataclass
from typing import Final, Protocol

BETWEEN: Final = b"\0"
"""What is no digit and joins none."""


class Form(Protocol):
    """How a format writes its values."""

    @property
    def delimiter(self) -> bytes | None:
        """What stands between the cells of a line, None where there are no cells."""

    @property
    def goes_over_lines(self) -> bool:
        """Tell whether a line break may stand within a value without any quotation."""

    def marked(self, content: bytes) -> bytes:
        """Return content of the same length in which nothing between two values is a digit or a separator."""


@dataclass(frozen=True, slots=True)
class Text:
    """A value by itself, or a format in which no digit or separator stands between values (JSON)."""

    delimiter: bytes | None = None
    goes_over_lines: bool = False

    def marked(self, content: bytes) -> bytes:
        """Return the content as it is."""
        return content


@dataclass(frozen=True, slots=True)
class Markup:
    """XML: a value is a text or an attribute, in which blanks and line breaks are alike."""

    delimiter: bytes | None = None
    goes_over_lines: bool = True

    def marked(self, content: bytes) -> bytes:
        """Return the content as it is: what stands between two values is mark-up."""
        return content


@dataclass(frozen=True, slots=True)
class Cells:
    """A table of text: a value is a cell, and within quotation marks the delimiter is a part of it."""

    delimiter: bytes
    goes_over_lines: bool = False

    def marked(self, content: bytes) -> bytes:
        """Return the content with delimiters marked that are none of a quoted cell's own."""
        if b'"' not in content:
            return content.replace(self.delimiter, BETWEEN)
        sign = re.escape(self.delimiter)
        quoted = rb'(?:^|(?<=%b))"(?:[^"\n]|"")*"(?=%b|\r?$)' % (sign, sign)
        return re.sub(rb"%b|%b" % (quoted, sign), self._between, content, flags=re.MULTILINE)

    def _between(self, part: re.Match[bytes]) -> bytes:
        return BETWEEN if part[0] == self.delimiter else part[0]


@dataclass(frozen=True, slots=True)
class SwiftFields:
    """MT940: a value is a field, a sub-field of `:86:`, or a part of `:61:`; the lines of `:86:` go on."""

    delimiter: bytes | None = None
    goes_over_lines: bool = True

    def marked(self, content: bytes) -> bytes:
        """Return the content with the signs of sub-fields marked, the money of `:61:`, and the end of that line."""
        return _SWIFT_SIGNS.sub(_marked_sign, content)


_SWIFT_SIGNS: Final = re.compile(
    rb"\?[0-9]{2}"
    rb"|^(?P<money>:61:[0-9]{6}(?:[0-9]{4})?R?[DC][A-Z]?\s?[0-9]{1,15},[0-9]{0,2}[A-Z][0-9A-Z]{3})(?P<text>[^\n]*)\n?",
    re.MULTILINE,
)


def _marked_sign(sign: re.Match[bytes]) -> bytes:
    if (money := sign["money"]) is None:
        return BETWEEN * len(sign[0])
    text: bytes = sign["text"]
    return BETWEEN * len(money) + text + BETWEEN * (len(sign[0]) - len(money) - len(text))


TEXT: Final = Text()
MARKUP: Final = Markup()
SWIFT_FIELDS: Final = SwiftFields()
