"""Keyset pages: a list is read in one fixed order, and a cursor says after which sort keys it goes on.

A cursor is opaque to clients (base64url of a JSON array). Never sort by a name or another personal value: it would be
in the URL.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from types import GenericAlias
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar, overload
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, ColumnElement, Integer, SmallInteger
from sqlalchemy.orm import InstrumentedAttribute

from services.shared.errors import BadRequest

SMALLEST: Final = 1
USUAL: Final = 50
LARGEST: Final = 200
LONGEST_CURSOR: Final = 512

Key: TypeAlias = str | int | date | datetime | UUID
A = TypeVar("A", bound=Key)
B = TypeVar("B", bound=Key)
Keys = TypeVar("Keys", bound=tuple[Key, ...])
T = TypeVar("T")
Row = TypeVar("Row")
Column: TypeAlias = ColumnElement[A] | InstrumentedAttribute[A]

_BYTES: Final = {SmallInteger: 2, Integer: 4, BigInteger: 8}
_ALPHABET: Final = b"-_"
# Moments that stay within the years 1 to 9999, which both Python and PostgreSQL hold, in whatever zone they are read.
_FIRST_MOMENT: Final = datetime(1, 1, 3, tzinfo=UTC)
_LAST_MOMENT: Final = datetime(9999, 12, 29, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a caller asks for: at most `limit` items (1 to 200) after `cursor`, or from the start."""

    limit: int = USUAL
    cursor: str | None = None

    @property
    def rows_asked_for(self) -> int:
        """How many rows a list reads: one more than it shows tells whether there is a page after it."""
        return self.limit + 1


class Paged(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last."""

    model_config = ConfigDict(frozen=True)

    items: Sequence[T]
    next_cursor: str | None


class UnsortableColumnError(TypeError):
    """A list is sorted by a column whose values no cursor can carry. A defect of ours."""


class Order(Generic[Keys]):
    """The fixed order of one list: its columns, whose types are the kinds of the keys in every cursor of the list.

    A list of several orders names each, so that a cursor of one is none of another. The columns' values are never null.
    Raises UnsortableColumnError for a column of another kind than text, choice, whole number, day, moment or UUID.
    """

    @overload
    def __init__(self: "Order[tuple[A]]", first: Column[A], /, *, name: str = "") -> None: ...
    @overload
    def __init__(self: "Order[tuple[A, B]]", first: Column[A], second: Column[B], /, *, name: str = "") -> None: ...
    def __init__(self, *columns: Column[Any], name: str = "") -> None:
        self._name = name
        kinds = [Literal[name], *(_kind(column) for column in columns)]
        self._cursor = msgspec.json.Decoder(GenericAlias(tuple, tuple(kinds)))

    def after(self, page: Page) -> Keys | None:
        """Return the keys after which the page begins, None where it is the first.

        Raises BadRequest (400) for a cursor that `cut` did not make of keys of this order, whatever is in it.
        """
        if page.cursor is None:
            return None
        try:
            padded = page.cursor + "=" * (-len(page.cursor) % 4)
            _, *keys = self._cursor.decode(base64.b64decode(padded, altchars=_ALPHABET, validate=True))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise _broken() from None
        if not all(_FIRST_MOMENT < key < _LAST_MOMENT for key in keys if isinstance(key, datetime)):
            raise _broken()
        return tuple(keys)  # type: ignore[return-value]  # the decoder has checked each against its column

    def cut(self, rows: Sequence[Row], page: Page, *, key: Callable[[Row], Keys]) -> tuple[Sequence[Row], str | None]:
        """Return the page's rows, and the next one's cursor, from one row more than `page.limit` (if there was one)."""
        shown = rows[: page.limit]
        return shown, self.cursor(*key(shown[-1])) if len(rows) > page.limit else None

    def paged(self, rows: Sequence[Row], page: Page, *, key: Callable[[Row], Keys]) -> Paged[Row]:
        """Return the page of these rows, as `cut` does."""
        shown, next_cursor = self.cut(rows, page, key=key)
        return Paged(items=shown, next_cursor=next_cursor)

    def cursor(self, *keys: Key) -> str:
        """Return the cursor that stands for the sort keys of a page's last row."""
        return base64.b64encode(msgspec.json.encode((self._name, *keys)), altchars=_ALPHABET).decode().rstrip("=")


def _kind(column: Column[Any]) -> Any:
    """Return what a column's key must be in a cursor: a value that PostgreSQL holds in that column."""
    stored = column.expression.type
    for kind, size in _BYTES.items():
        if type(stored) is kind:
            return Annotated[int, msgspec.Meta(ge=-(2 ** (8 * size - 1)), le=2 ** (8 * size - 1) - 1)]
    kind = stored.python_type
    if kind is str:
        return Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
    if kind is datetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    if kind in (date, UUID) or issubclass(kind, StrEnum):
        return kind
    raise UnsortableColumnError(f"a list is sorted by {column}, which is {kind}")


def _broken() -> BadRequest:
    return BadRequest("the cursor is not one that this list gave out", code="broken_cursor")
