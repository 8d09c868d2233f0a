import base64
import json
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared import paging
from services.shared.errors import BadRequest
from services.shared.tables.agreements import Agreement, Budget
from services.shared.tables.clawback import ClawbackRun
from services.shared.tables.staff import StaffMember, Team
from services.shared.tables.transactions import CardTransaction, Category
from services.shared.vocabulary.money import SpendCategory

ORDERS: tuple[paging.Order[Any], ...] = (
    paging.Order(Team.code),
    paging.Order(Category.code),
    paging.Order(Agreement.id),
    paging.Order(CardTransaction.row_number),
    paging.Order(Budget.effective_from, Budget.revision),
    paging.Order(ClawbackRun.started_at, ClawbackRun.id),
    paging.Order(ClawbackRun.started_at, ClawbackRun.id, name="latest"),
)


def made_of(keys: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400]),
    st.sampled_from(["\x00", "a\x00b", "\ud800", "Infinity", "-infinity", "", "home_care"]),
    st.sampled_from(["0001-01-01", "9999-12-31", "-4712-01-01", "10000-01-01", "2026-02-30", "20261122"]),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-22T00:00:00"]),
    st.sampled_from(["2026-11-22T00:00:00+99:00", "2026-11-22T23:59:60Z", "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10"]),
    st.text(),
    st.uuids().map(str),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)),
)
CURSORS = st.one_of(
    st.text(max_size=600),
    st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")),
    st.lists(HOSTILE, max_size=4).map(lambda keys: made_of(["", *keys])),
    st.lists(HOSTILE, max_size=4).map(made_of),
)


def is_held(key: object) -> bool:
    """Tell whether PostgreSQL holds the value in the column of some list."""
    if isinstance(key, str):
        return "\x00" not in key and key.encode("utf-8", "replace").decode() == key
    if isinstance(key, datetime):
        return key.tzinfo is not None and 1 <= key.astimezone(UTC).year <= 9999
    return isinstance(key, date | UUID) or (type(key) is int and -(2**63) <= key < 2**63)


@given(st.sampled_from(ORDERS), CURSORS)
def test_whatever_is_in_a_cursor_it_is_refused_or_its_keys_can_be_looked_for(
    order: paging.Order[Any], cursor: str
) -> None:
    with suppress(BadRequest):
        keys = order.after(paging.Page(cursor=cursor))
        assert keys is not None
        assert all(is_held(key) for key in keys)


@given(st.dates(), st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])), st.uuids())
def test_a_cursor_gives_back_the_keys_that_it_was_made_of(day: date, number: int, code: str, of: UUID) -> None:
    moment = datetime(2026, 11, 22, 10, 30, 0, 123456, tzinfo=UTC)
    for order, keys in (
        (paging.Order(Budget.effective_from, Budget.revision), (day, number)),
        (paging.Order(ClawbackRun.started_at, ClawbackRun.id), (moment, of)),
        (paging.Order(StaffMember.staff_number), (code.replace("\x00", ""),)),
        (paging.Order(Category.code), (SpendCategory.HOME_CARE,)),
    ):
        assert order.after(paging.Page(cursor=order.cursor(*keys))) == keys


def test_a_cursor_of_one_order_is_none_of_another() -> None:
    rising = paging.Order(Team.code, name="rising")
    falling = paging.Order(Team.code, name="falling")
    with pytest.raises(BadRequest):
        falling.after(paging.Page(cursor=rising.cursor("north")))


def test_a_number_is_no_larger_than_its_column_holds() -> None:
    rows = paging.Order(CardTransaction.row_number)
    assert rows.after(paging.Page(cursor=rows.cursor(2**31 - 1))) == (2**31 - 1,)
    with pytest.raises(BadRequest):
        rows.after(paging.Page(cursor=rows.cursor(2**31)))


def test_a_list_cannot_be_sorted_by_what_no_cursor_carries() -> None:
    with pytest.raises(paging.UnsortableColumnError):
        paging.Order(CardTransaction.content_digest)  # type: ignore[type-var]
