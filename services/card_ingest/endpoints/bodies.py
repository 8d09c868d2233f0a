"""What of a request's body is taken: which media types, how much, and gzip undone without ever growing past the cap."""

import asyncio
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile

from services.shared.errors import Invalid
from services.shared.web.errors import BodyTooLarge, UnsupportedMediaType
from services.shared.web.load import Hold

FORM: Final = "multipart/form-data"

_CHARSETS: Final = frozenset({"", "utf-8", "us-ascii"})
_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*"?([^";\s]*)"?""", re.IGNORECASE)
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW: Final = 31
"""The widest window, and a gzip heading: what zlib calls 16 + 15."""
_READ_BYTES: Final = 65_536
"""What a member is given at a time: what is left over at its end is copied, so it may not be all the rest."""
_MOST_MEMBERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What a body is said to be: its media type, and whether it is compressed."""

    media_type: str
    is_gzip: bool


def kind(request: Request, taken: Collection[str]) -> Kind:
    """Return what the body is said to be. Raises UnsupportedMediaType for another type, charset or compression."""
    said = request.headers.get("content-type", "")
    media_type = said.partition(";")[0].strip().lower()
    charset = found[1].lower() if (found := _CHARSET.search(said)) else ""
    if media_type not in taken or charset not in _CHARSETS:
        raise UnsupportedMediaType(f"send {' or '.join(taken)} in UTF-8; nothing was stored")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", *_GZIP} or (encoding in _GZIP and media_type == FORM):
        raise UnsupportedMediaType("send the body as it is or in gzip, a form as it is; nothing was stored")
    return Kind(media_type, encoding in _GZIP)


async def opened(body: bytes, kind: Kind, *, at_most: int, hold: Hold) -> bytes:
    """Return the body without its compression, what it unpacks to held beside it.

    Raises BodyTooLarge before it is more than `at_most` bytes, Unavailable where the process holds too many, Invalid.
    """
    return await asyncio.to_thread(inflated, body, at_most=at_most, hold=hold) if kind.is_gzip else body


def inflated(body: bytes, *, at_most: int, hold: Hold) -> bytes:
    """Return what gzip compressed, in one member or several.

    Raises BodyTooLarge, Unavailable, Invalid for anything but gzip.
    """
    found, place, members = bytearray(), 0, 0
    try:
        while place < len(body) and members < _MOST_MEMBERS:
            place = _after_member(body, place, found, at_most=at_most, hold=hold)
            members += 1
    except zlib.error:
        raise _broken() from None
    if place < len(body) or not members:
        raise _broken()
    return bytes(found)


def _after_member(body: bytes, place: int, found: bytearray, *, at_most: int, hold: Hold) -> int:
    """Add what the member at a place holds to what was found; return the place after it."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    while place < len(body) and not member.eof:
        given = body[place : place + _READ_BYTES]
        piece = member.decompress(given, at_most - len(found) + 1)
        hold.take(len(piece))
        found += piece
        if len(found) > at_most:
            detail = f"the body is larger than {at_most} bytes once inflated; nothing was stored"
            raise BodyTooLarge(detail, code="inflated_too_large")
        place += len(given) - len(member.unused_data)
    if not member.eof:
        raise _broken()
    return place


async def uploaded(request: Request, taken: Collection[str], *, at_most: int) -> tuple[bytes, bytes]:
    """Return an uploaded file as it came and as it is read: the body itself, or the form's part `file`."""
    said = kind(request, (*taken, FORM))
    if said.media_type != FORM:
        sent = await request.body()
        return sent, await opened(sent, said, at_most=at_most, hold=request.state.hold)
    async with request.form(max_files=1, max_fields=0) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Invalid("the form has no part named file; nothing was stored", pointer="/file")
        file = await part.read()
        return file, file


def _broken() -> Invalid:
    return Invalid("the body is not whole gzip; nothing was stored", code="broken_gzip")
