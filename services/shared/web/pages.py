"""Keyset pages: a list is read in one fixed order, and a cursor says after which sort keys it goes on.

A cursor is opaque to clients (base64url of a JSON array). Never sort by a name or another personal value: it would be
in the URL.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.shared.web.errors import BadRequest

SMALLEST: Final = 1
USUAL: Final = 50
LARGEST: Final = 200
LONGEST_CURSOR: Final = 512

Key = str | int | date | datetime | UUID | None
T = TypeVar("T")
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a caller asks for: at most `limit` items (1 to 200) after `cursor`, or from the start."""

    limit: int = USUAL
    cursor: str | None = None


class Paged(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    model_config = ConfigDict(frozen=True)

    items: Sequence[T]
    next_cursor: str | None


def encode(*keys: Key) -> str:
    """Return the cursor that stands for the sort keys of a page's last row."""
    plain = [key if key is None or isinstance(key, int) else _text(key) for key in keys]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type[Any]) -> tuple[Any, ...]:
    """Return the sort keys in a cursor, each read as its kind: str, int, date, datetime or UUID.

    Without kinds they are JSON's own values. Raises BadRequest (400) for anything that `encode` did not make of them.
    """
    try:
        keys = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(keys, list) or (kinds and len(keys) != len(kinds)):
            raise ValueError("another number of keys")
        return tuple(_read(key, kind) for key, kind in zip(keys, kinds, strict=True)) if kinds else tuple(keys)
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise BadRequest("the cursor is not one that this list gave out", code="broken_cursor") from None


def cut(rows: Sequence[Row], page: Page, *, key: Callable[[Row], Sequence[Key]]) -> tuple[Sequence[Row], str | None]:
    """Return the page's rows and the cursor of the next, from one row more than `page.limit` (when there was one)."""
    shown = rows[: page.limit]
    return shown, encode(*key(shown[-1])) if len(rows) > page.limit else None


def _text(key: str | date | datetime | UUID) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)


def _read(key: Any, kind: type[Any]) -> Any:
    if kind is int or kind is str:
        if type(key) is not kind:
            raise TypeError("another kind of key")
        return key
    return kind(key) if kind is UUID else kind.fromisoformat(key)
