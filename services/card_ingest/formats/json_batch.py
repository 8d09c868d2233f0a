"""One JSON array of rows, or an object whose `events` is that array; each row is handed on as its own bytes."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from services.card_ingest.formats import trouble
from services.card_ingest.formats.trouble import UnreadableDelivery


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw]


_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ENVELOPE = msgspec.json.Decoder(_Envelope)


def rows(content: BinaryIO) -> Iterator[bytes]:
    """Yield each row's JSON. Raises UnreadableDelivery where the whole is not such JSON."""
    body = content.read().removeprefix(BOM_UTF8)
    trouble.refuse_archive(body[:8])
    try:
        found = _ARRAY.decode(body) if body.lstrip()[:1] == b"[" else _ENVELOPE.decode(body).events
    except msgspec.ValidationError:
        raise UnreadableDelivery("wrong_shape", 'the body is neither a JSON array nor {"events": [...]}') from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableDelivery("broken_json", "the body is not JSON in UTF-8") from None
    return (bytes(row) for row in found)


def count(content: BinaryIO) -> int:
    """Count the rows. Raises UnreadableDelivery where the whole is not such JSON."""
    return sum(1 for _ in rows(content))
