"""ISO 20022 statements (camt.053) and notifications (camt.054), read as a stream: one entry in memory at a time.

Versions .02 to .08 and later differ in elements that are not read here, or are read both ways; elements are found by
their local names in the document's own namespace. Document type declarations, entities and external references are
refused, and so are depth and size beyond reason, and markup that would hide digits from the scan for card numbers.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesNSImpl

from defusedxml import DefusedXmlException, expatreader

from services.card_ingest import currencies
from services.card_ingest.formats.camt_entries import Header, Node
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.statements import Item

Message = Literal["053", "054"]

DEEPEST: Final = 60
MOST_ELEMENTS: Final = 200_000
"""Elements of one entry: some five thousand details. A file may have any number of entries."""
MOST_TEXT: Final = 8 * 2**20

MOST_UNHEARD: Final = 2**20
"""Bytes of one mark-up, comment or name: the parser would read it from its start again with every piece."""

_PIECE_BYTES: Final = 64 * 2**10
_CARRY_BYTES: Final = 256
_NAMESPACE: Final = r"urn:iso:std:iso:20022:tech:xsd:camt\.{message}\.001\.[0-9]{{2}}"
_ELSEWHERE: Final = "SplmtryData"
"""The element in which a message may hold what is none of it."""
_ISO: Final = "urn:iso:std:iso:20022:"
_BODIES: Final = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}
# Digits written as references, or with markup between them, would pass the scan of the bytes for card numbers.
_HIDDEN_DIGITS: Final = re.compile(
    rb"&#(?:0*(?:4[89]|5[0-7])|[xX]0*3[0-9])\s*;|&#[xX]?0{9}"
    rb"|[0-9][\s\-./_]*(?:<!|<\?|\]\]>)|(?:-->|\?>|\]\]>|<!\[CDATA\[)[\s\-./_]*[0-9]"
)


def items(content: BinaryIO, *, message: Message) -> Iterator[Item]:
    """Yield the rows of each statement in the order of the file, and after them the statement's end.

    Raises UnreadableDelivery where the file is not well-formed, not of this message, or refused for its markup.
    """
    handler = _Statements(message)
    parser = expatreader.create_parser(namespaceHandling=1, forbid_dtd=True)
    parser.setContentHandler(handler)
    before, unheard = b"", 0
    while piece := content.read(_PIECE_BYTES):
        _refuse_hiding(before + piece)
        before = piece[-_CARRY_BYTES:]
        handler.is_heard = False
        _advance(parser, piece)
        unheard = 0 if handler.is_heard else unheard + len(piece)
        if unheard > MOST_UNHEARD:
            raise UnreadableDelivery("too_large", "one mark of the file is larger than any bank's")
        yield from handler.taken()
    _advance(parser, None)
    yield from handler.taken()


def _advance(parser: expatreader.DefusedExpatParser, piece: bytes | None) -> None:
    """Parse on, to the end where there is no more. The parser's own words are not kept: they would repeat the file."""
    try:
        parser.close() if piece is None else parser.feed(piece)
    except UnreadableDelivery:
        raise
    except DefusedXmlException:
        raise UnreadableDelivery(
            "forbidden_markup", "the file declares a document type, entities or external references"
        ) from None
    except (SAXException, ValueError, LookupError):
        raise UnreadableDelivery("broken_xml", "the file is not well-formed XML, or is cut off") from None


def _refuse_hiding(piece: bytes) -> None:
    if b"\0" in piece:
        raise UnreadableDelivery("wrong_encoding", "the file is not in UTF-8 or another encoding of single bytes")
    if _HIDDEN_DIGITS.search(piece):
        raise UnreadableDelivery(
            "forbidden_markup", "the file writes digits as references, or has comments or sections among digits"
        )


class _Statements(ContentHandler):
    """Collects what the parser meets, and turns each complete part of a statement into items."""

    def __init__(self, message: Message) -> None:
        super().__init__()
        self._namespace = re.compile(_NAMESPACE.format(message=message))
        self._body, self._statement = _BODIES[message]
        self._found_in = ""
        self._path: list[str] = []
        self._open: list[Node] = []
        self._elements = self._text = 0
        self._header = Header()
        self._items: list[Item] = []
        self.is_heard = False

    def taken(self) -> list[Item]:
        """Return what has become complete since the last time."""
        taken, self._items = self._items, []
        return taken

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl) -> None:  # noqa: N802 (SAX's name)
        """Open an element; below a statement it is kept until the part it belongs to is complete."""
        self.is_heard = True
        namespace, local = name
        if not self._path:
            self._begin(namespace or "", local)
        if namespace != self._found_in and (namespace or _ISO).startswith(_ISO) and _ELSEWHERE not in self._path:
            raise UnreadableDelivery("wrong_layout", "the file mixes its message with another, or with another version")
        known = local if namespace == self._found_in else ""
        self._path.append(known)
        if len(self._path) > DEEPEST:
            raise UnreadableDelivery("too_deep", f"the file nests its elements more than {DEEPEST} deep")
        if len(self._path) == 3 and self._is_within_statement():
            self._header = Header()
        if len(self._path) > 3 and self._is_within_statement():
            self._keep(known, attrs)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802 (SAX's name)
        """Close an element; a part of a statement is then read, and the statement ended with its own."""
        self.is_heard = True
        if self._open:
            node = self._open.pop()
            if not self._open:
                self._items += self._header.take(node)
                self._elements = self._text = 0
        elif len(self._path) == 3 and self._is_within_statement():
            self._items.append(self._header.end())
        self._path.pop()

    def characters(self, content: str) -> None:
        """Keep text of the part that is open."""
        self.is_heard = True
        if self._open:
            self._text += len(content)
            self._refuse_size()
            self._open[-1].parts.append(content)

    def _begin(self, namespace: str, local: str) -> None:
        if local != "Document" or not self._namespace.fullmatch(namespace):
            raise UnreadableDelivery("wrong_layout", "the file is not the ISO 20022 message that its profile is for")
        self._found_in = namespace

    def _is_within_statement(self) -> bool:
        return self._path[1:3] == [self._body, self._statement]

    def _keep(self, name: str, attrs: AttributesNSImpl) -> None:
        currency = next((str(value) for key, value in attrs.items() if key == (None, "Ccy")), "")
        node = Node(name, currencies.code(currency))
        if self._open and self._open[-1].name and self._open[-1].text:
            raise UnreadableDelivery("forbidden_markup", "the file has elements within a text")
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)
        self._elements += 1
        self._refuse_size()

    def _refuse_size(self) -> None:
        if self._elements > MOST_ELEMENTS or self._text > MOST_TEXT:
            raise UnreadableDelivery("too_large", "one entry of the file is larger than any bank's")
