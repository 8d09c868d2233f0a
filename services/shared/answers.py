"""A page of a list as it leaves, written from its rows: to make a model of each takes longer than to ask for them.

What a page may hold is still said by `Paged[T]`, from which the documents are made; tests hold both equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import orjson
from asyncpg import Record

T = TypeVar("T")

_OPTIONS: Final = orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """The JSON of a `Paged[T]`."""

    body: bytes


def listed(items: Sequence[Mapping[str, Any] | Record], next_cursor: str | None) -> Listed[Any]:
    """Write a page: each item's fields in the order of the model that describes it."""
    return Listed(orjson.dumps({"items": items, "next_cursor": next_cursor}, default=_plain, option=_OPTIONS))


def _plain(value: object) -> object:
    if isinstance(value, UUID | Decimal):  # The driver's own kind of UUID.
        return str(value)
    if isinstance(value, Record):
        return dict(value.items())
    raise TypeError(f"no answer holds a {type(value).__name__}")
