"""JSON of any shape: the events that stand at a path, each handed on as its own bytes."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from services.card_ingest.formats.trouble import UnreadableDelivery

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_OPENS_ARRAY: Final = b"["
_OPENS_OBJECT: Final = b"{"


def rows(content: BinaryIO, *, path: str) -> Iterator[bytes]:
    """Yield the JSON of each event: those of the array at a path, or the one object there.

    Raises UnreadableDelivery where the whole is no JSON, or has no event there.
    """
    try:
        found = _at(_ANY.decode(content.read().removeprefix(BOM_UTF8)), path.split(".") if path else [])
        if found[:1] == _OPENS_ARRAY:
            return (bytes(row) for row in _ARRAY.decode(found))
    except msgspec.ValidationError:
        raise UnreadableDelivery("wrong_shape", "the body has no events where the layout has them") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableDelivery("broken_json", "the body is not JSON in UTF-8") from None
    if found[:1] != _OPENS_OBJECT:
        raise UnreadableDelivery("wrong_shape", "the body has no events where the layout has them")
    return iter((found,))


def count(content: BinaryIO, *, path: str) -> int:
    """Count the events. Raises UnreadableDelivery where the whole is not such JSON."""
    return sum(1 for _ in rows(content, path=path))


def _at(found: msgspec.Raw, steps: list[str]) -> bytes:
    raw = bytes(found).strip()
    for step in steps:
        members = _OBJECT.decode(raw)
        if step not in members:
            raise msgspec.ValidationError
        raw = bytes(members[step]).strip()
    return raw
