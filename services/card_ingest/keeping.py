"""What came, as it is kept: without card numbers, compressed, then encrypted; a large file in chunks of whole lines."""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from isal import isal_zlib

from services.card_ingest import scanning, values
from services.card_ingest.scanning import Identifiers
from services.card_ingest.values import Form
from services.shared.ciphers import Ciphers
from services.shared.errors import Conflict

Body: TypeAlias = bytes | Path
ChunkAt: TypeAlias = Callable[[int], bytes | None]

CHUNK_BYTES: Final = 4 * 2**20
_QUICK: Final = 1
_MOST_LINES_ON: Final = 8
"""Lines that a piece takes more, where a number may go on in the next: a value may hold a line break."""


class ChangedWhileRead(Conflict):
    """The file is not what it was when it was first read."""

    code = "file_changed"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The SHA-256 of the bytes as they came, and their number."""

    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of what came, without card numbers; `is_redacted` tells that there were some."""

    content: bytes
    is_redacted: bool


class Kept(io.RawIOBase):
    """Kept content as a file with one chunk at a time in memory; `chunk` gives each by its number, then None."""

    def __init__(self, chunk: ChunkAt) -> None:
        self._chunk = chunk
        self._number = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes, and return how many there were."""
        if not self._rest:
            self._rest = memoryview(self._chunk(self._number) or b"")
            self._number += 1
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def opened(body: Body) -> BinaryIO:
    """Return the body as a file to read from its start."""
    return body.open("rb") if isinstance(body, Path) else io.BytesIO(body)


def fingerprint(body: Body) -> Fingerprint:
    """Take the fingerprint of what came."""
    digest, size = hashlib.sha256(), 0
    with opened(body) as content:
        while piece := content.read(CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
    return Fingerprint(digest.digest(), size)


def chunks(
    body: Body, *, came: Fingerprint, form: Form = values.TEXT, identifiers: Identifiers | None = None
) -> Iterator[Chunk]:
    """Yield what came without card numbers, a file in pieces of whole lines. Raises ChangedWhileRead.

    `form` is how its values are told apart.
    """
    if isinstance(body, bytes):  # Nothing can change it meanwhile; where it came compressed, `came` is of those bytes.
        scanned = scanning.redact(body, form=form, identifiers=identifiers)
        yield Chunk(scanned.content, scanned.is_redacted)
        return
    digest = hashlib.sha256()
    for piece in _pieces(body):
        digest.update(piece)
        scanned = scanning.redact(piece, form=form, identifiers=identifiers)
        yield Chunk(scanned.content, scanned.is_redacted)
    if digest.digest() != came.sha256:
        raise ChangedWhileRead("the file changed while it was read; nothing was stored")


def sealed(chunk: Chunk, *, ciphers: Ciphers) -> bytes:
    """Return a chunk as it is kept."""
    return ciphers.encrypt(isal_zlib.compress(chunk.content, _QUICK))


def unsealed(kept: bytes, *, ciphers: Ciphers) -> bytes:
    """Return the content of a kept chunk."""
    return isal_zlib.decompress(ciphers.decrypt(kept))


def _pieces(body: Path) -> Iterator[bytes]:
    with body.open("rb") as content:
        while piece := content.read(CHUNK_BYTES):
            piece += _rest_of_line(content)
            for _ in range(_MOST_LINES_ON):
                if not _may_go_on(piece, content):
                    break
                piece += content.readline(CHUNK_BYTES)
            yield piece


def _may_go_on(piece: bytes, content: BinaryIO) -> bool:
    """Tell whether digits at the end of a piece may go on in the next line, which is looked at and left."""
    if not piece.rstrip(b"\r\n")[-1:].isdigit():
        return False
    place = content.tell()
    follows = content.read(1)
    content.seek(place)
    return follows.isdigit()


def _rest_of_line(content: BinaryIO) -> bytes:
    """Return what follows to the end of the line; of one longer than any row, to where an element or object ends.

    No card number stands across such a place: the scan takes none of these characters for a separator.
    """
    rest = content.readline(CHUNK_BYTES)
    if len(rest) < CHUNK_BYTES or rest.endswith(b"\n"):
        return rest
    end = max(rest.rfind(mark) for mark in (b">", b"}")) + 1
    if not end:
        return rest + content.readline()
    content.seek(end - len(rest), io.SEEK_CUR)
    return rest[:end]
