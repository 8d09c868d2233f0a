"""The file outside of the database that repeats every seal: one line of JSON a block, appended and never rewritten.

Ship it to where the database's owner cannot write. It is not made again out of the database: a file that has gone
missing, or has lost lines, is something that the verification must see. A new one may be begun by a signed line that
says from which block on it bears witness.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from services.shared.vocabulary.records import AuditBook

_BLOCK_BYTES: Final = 65_536


class BrokenSealFileError(RuntimeError):
    """A line of the outside file cannot be read, or stands out of order; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the outside file keeps of a block."""

    book: AuditBook
    number: int
    block_hash: bytes
    signature: bytes
    sealed_at: datetime
    entries: int
    begins: bool = False

    def text(self) -> str:
        """Return the line as it is written, its end included."""
        content = {
            "book": self.book.value,
            "number": self.number,
            "block_hash": self.block_hash.hex(),
            "signature": self.signature.hex(),
            "sealed_at": self.sealed_at.isoformat(),
            "entries": self.entries,
        }
        return json.dumps(content | ({"begins": True} if self.begins else {})) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What the verification reads of a line; `begins` marks the first block that this file bears witness of."""

    book: AuditBook
    number: int
    block_hash: bytes
    signature: bytes
    begins: bool


@asynccontextmanager
async def writing(path: Path) -> AsyncGenerator[None]:
    """Keep other writers, and whoever reads in step with the database, away."""
    async with _locked(path, fcntl.LOCK_EX):
        yield


@asynccontextmanager
async def reading(path: Path) -> AsyncGenerator[None]:
    """Keep writers away while a reader takes its picture of the database and of the file."""
    async with _locked(path, fcntl.LOCK_SH):
        yield


async def append(path: Path, line: Line) -> None:
    """Append a line and wait until it is on the disk."""
    await asyncio.to_thread(_append, path, line)


async def catch_up(path: Path, newest: Line) -> bool:
    """Append the newest block where a crash came between its commit and its line; tell whether the file ends with it.

    A wider gap is left to be seen: the file was lost, or another machine writes one of its own.
    """
    last = await asyncio.to_thread(_last_number, path, newest.book)
    if last == newest.number - 1:
        await append(path, newest)
    return last in (newest.number - 1, newest.number)


async def begin(path: Path, lines: Sequence[Line], *, at: datetime) -> None:
    """Begin a new file with these lines; one that is there is kept beside it, by the time of its end."""
    await asyncio.to_thread(_begin, path, lines, at)


def whole_bytes(path: Path) -> int:
    """Return how many bytes of the file are whole lines; they never change. 0 where there is no file."""
    return _end_of_last_line(path) if path.exists() else 0


def seals(path: Path, book: AuditBook, *, until: int) -> Iterator[Seal]:
    """Yield a book's seals in order out of the file's first `until` bytes, line by line.

    Raises BrokenSealFileError for a line that is no seal or is out of order.
    """
    last = 0
    for place, text in enumerate(_lines(path, until=until), start=1):
        seal = _read(text, place=place)
        if seal.book is not book:
            continue
        if not (last == 0 if seal.begins else seal.number == last + 1):
            name = f"{book.value} block {seal.number}"
            raise BrokenSealFileError(f"line {place} of the seal file: {name} is out of order")
        last = seal.number
        yield seal


@asynccontextmanager
async def _locked(path: Path, mode: int) -> AsyncGenerator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with await asyncio.to_thread(path.with_name(f"{path.name}.lock").open, "a") as lock:
        await asyncio.to_thread(fcntl.flock, lock, mode)
        yield


def _append(path: Path, line: Line) -> None:
    is_new = not path.exists()
    with path.open("ab") as file:
        file.truncate(_end_of_last_line(path))
        file.write(line.text().encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        _fsync_folder(path.parent)


def _begin(path: Path, lines: Sequence[Line], at: datetime) -> None:
    if path.exists():
        path.rename(path.with_name(f"{path.name}.until-{at:%Y%m%dT%H%M%S%fZ}"))
    with path.open("xb") as file:
        file.write("".join(line.text() for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())
    _fsync_folder(path.parent)


def _end_of_last_line(path: Path) -> int:
    """Return where the last whole line ends: a crash may have left a torn one behind it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _BLOCK_BYTES))
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1


def _last_number(path: Path, book: AuditBook) -> int:
    """Return the number of the book's last block in the file, 0 where there is none.

    A line that is no seal is passed over: a broken file is the verification's to tell, and sealing goes on.
    """
    if not path.exists():
        return 0
    of_the_book = json.dumps({"book": book.value}).removesuffix("}").encode()
    for line in _lines_backwards(path):
        if line.startswith(of_the_book) and line.endswith(b"\n"):
            with suppress(BrokenSealFileError):
                return _read(line, place=0).number
    return 0


def _lines(path: Path, *, until: int) -> Iterator[bytes]:
    if until == 0:
        return
    with path.open("rb") as file:
        for line in file:
            yield line
            if file.tell() >= until:
                return


def _lines_backwards(path: Path) -> Iterator[bytes]:
    """Yield the file's lines from the last to the first, ends included, and read no more of it than is asked for."""
    rest = b""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position > 0:
            start = max(0, position - _BLOCK_BYTES)
            file.seek(start)
            rest, *lines = (file.read(position - start) + rest).splitlines(keepends=True)
            yield from reversed(lines)
            position = start
    if rest:
        yield rest


def _read(line: bytes, *, place: int) -> Seal:
    try:
        content = json.loads(line)
        return Seal(
            book=AuditBook(content["book"]),
            number=int(content["number"]),
            block_hash=bytes.fromhex(content["block_hash"]),
            signature=bytes.fromhex(content["signature"]),
            begins=content.get("begins") is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenSealFileError(f"line {place} of the seal file is no seal") from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
