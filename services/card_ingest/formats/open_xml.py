"""What an XLSX workbook may hold, looked at part by part before its cells are read; the parts that pass, packed anew.

The archive is unpacked here once, within limits, and handed on uncompressed, so that what is read is what was checked.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesNSImpl

from defusedxml import DefusedXmlException, expatreader

from services.card_ingest.formats import compound_file, trouble

MOST_PARTS: Final = 2_000
MOST_UNPACKED_BYTES: Final = 128 * 2**20
MOST_CELLS: Final = 4_000_000
"""Cells of the rectangle that a sheet's cells span: a reader makes room for all of it."""

MOST_SHARED_TEXT: Final = 2**30
"""Cells of text, times the longest text that they may share: a reader makes each its own copy."""

_PIECE_BYTES: Final = 256 * 2**10
_ENCRYPTED_FLAG: Final = 0x1
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)


def checked(raw: bytes) -> bytes:
    """Return the workbook with the parts that matter, uncompressed. Raises UnreadableDelivery."""
    if compound_file.is_one(raw):
        compound_file.refuse_encrypted(raw)
        raise trouble.broken_workbook()
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive, zipfile.ZipFile(packed, "w") as checked_archive:
            text_cells = longest_text = 0
            for name, content in _parts(archive):
                seen = _checked(content)
                text_cells, longest_text = text_cells + seen.text_cells, max(longest_text, seen.longest_text)
                if text_cells * longest_text > MOST_SHARED_TEXT:
                    raise trouble.workbook_too_large()
                checked_archive.writestr(name, content)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError):
        raise trouble.broken_workbook() from None
    return packed.getvalue()


def _parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    entries = archive.infolist()
    if len(entries) > MOST_PARTS:
        raise trouble.workbook_too_large()
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise trouble.encrypted_workbook()
    names = [entry.filename.lower() for entry in entries]
    if len(set(names)) != len(names):
        raise trouble.broken_workbook()
    if any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in names):
        raise trouble.macros_in_workbook()
    left = MOST_UNPACKED_BYTES
    for entry in entries:
        if entry.filename.lower().endswith((".xml", ".rels")):
            content = _unpacked(archive, entry, at_most=left)
            left -= len(content)
            yield entry.filename, content


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, *, at_most: int) -> bytes:
    content = bytearray()
    with archive.open(entry) as part:
        while piece := part.read(_PIECE_BYTES):
            content += piece
            if len(content) > at_most:
                raise trouble.workbook_too_large()
    return bytes(content)


def _checked(content: bytes) -> "_Cells":
    cells = _Cells()
    if b"macroEnabled" in content:
        raise trouble.macros_in_workbook()
    parser = expatreader.create_parser(namespaceHandling=1, forbid_dtd=True)
    parser.setContentHandler(cells)
    try:
        parser.feed(content)
        parser.close()
    except (SAXException, DefusedXmlException, LookupError):  # The last, of an encoding that nobody knows.
        raise trouble.broken_workbook() from None
    return cells


class _Cells(ContentHandler):
    """Refuses the formulas of a sheet, and cells that span too much; of any other part it sees no cell."""

    def __init__(self) -> None:
        super().__init__()
        self._root = ""
        self._row = self._column = 0
        self._rows = (0, 0)
        self._columns = (0, 0)
        self._text = 0
        self.text_cells = 0
        self.longest_text = 0

    def startElementNS(  # noqa: N802 (the name is the library's)
        self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl
    ) -> None:
        """See an element begin."""
        local = name[1]
        if not self._root:
            self._root = local
            if local == "macrosheet":
                raise trouble.macros_in_workbook()
        if local == "si":
            self._text = 0
        if self._root != "worksheet":
            return
        if local == "f":
            raise trouble.formulas_in_workbook()
        if local == "row":
            given = attrs.get((None, "r"), "")
            self._row = int(given) if given.isdecimal() and len(given) < 8 else self._row + 1
            self._column = 0
        elif local == "c":
            self._place(attrs.get((None, "r"), ""))
            self.text_cells += attrs.get((None, "t")) == "s"

    def characters(self, content: str) -> None:
        """See text: of the strings that cells share, the longest counts."""
        if self._root == "sst":
            self._text += len(content)
            self.longest_text = max(self.longest_text, self._text)

    def _place(self, given: str) -> None:
        if found := _PLACE.fullmatch(given):
            self._column = 0
            for letter in found[1]:
                self._column = self._column * 26 + ord(letter) - 64
            self._row = int(found[2])
        else:
            self._column += 1
        self._rows = _span(self._rows, self._row)
        self._columns = _span(self._columns, self._column)
        if (self._rows[1] - self._rows[0] + 1) * (self._columns[1] - self._columns[0] + 1) > MOST_CELLS:
            raise trouble.workbook_too_large()


def _span(known: tuple[int, int], place: int) -> tuple[int, int]:
    return (min(known[0] or place, place), max(known[1], place))
