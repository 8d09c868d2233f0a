"""Newline-delimited JSON: each line that is not blank is a row, and a broken line is that row's trouble alone."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from services.card_ingest.formats import trouble
from services.card_ingest.formats.trouble import UnreadableDelivery


def count(content: BinaryIO) -> int:
    """Count the rows. Raises UnreadableDelivery where the whole is not UTF-8 text, or is one JSON array."""
    found = 0
    for line in rows(content):
        if not found and line.lstrip().startswith(b"["):
            raise UnreadableDelivery("wrong_layout", "this is a JSON array, not one JSON object in each line")
        if b"\0" in line or not _is_utf_8(line):
            raise UnreadableDelivery("wrong_encoding", "the content is not UTF-8 text")
        found += 1
    return found


def rows(content: BinaryIO) -> Iterator[bytes]:
    """Yield each row's JSON, without the byte order mark that the first may bear. Raises UnreadableDelivery."""
    lines = iter(content)
    first = next(lines, b"").removeprefix(BOM_UTF8)
    trouble.refuse_archive(first)
    return (line for line in chain((first,), lines) if line and not line.isspace())


def _is_utf_8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
