"""Batches prepared ahead: only when it is asked for, in order, from the row where somebody stopped."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from services.card_ingest import batches
from services.card_ingest.ahead import Ahead
from services.card_ingest.batches import Policy
from services.card_ingest.categories.rules import Rules
from services.card_ingest.events import BadRow, Row
from services.card_ingest.reasons import Reason

POLICY = Policy(Rules({}, {}, {}, {}), None)


def rows(count: int, read: list[int]) -> Iterator[Row]:
    for number in range(1, count + 1):
        read.append(number)
        yield BadRow(number, Reason.UNREADABLE_ROW, "the row cannot be read", None, None)


@pytest.fixture(autouse=True)
def batches_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "ROWS", 3)


async def numbers(ahead: Ahead) -> list[list[int]]:
    taken: list[list[int]] = []
    while (batch := await ahead.take()) is not None:
        taken.append([row.number for row in batch.rows])
    return taken


async def test_every_row_comes_once_whether_it_was_begun_ahead_or_not() -> None:
    ahead = Ahead(rows(8, []), POLICY)
    first = await ahead.take()
    ahead.begin()
    ahead.begin()
    assert first is not None
    assert [row.number for row in first.rows] == [1, 2, 3]
    assert await numbers(ahead) == [[4, 5, 6], [7, 8]]


async def test_the_next_batch_waits_until_it_is_asked_for() -> None:
    read: list[int] = []
    ahead = Ahead(rows(8, read), POLICY)
    await ahead.take()
    await asyncio.sleep(0.01)
    assert read == [1, 2, 3]
    ahead.begin()
    await ahead.settled()
    assert read == [1, 2, 3, 4, 5, 6]


async def test_it_goes_on_after_the_rows_that_are_done() -> None:
    assert await numbers(Ahead(rows(8, []), POLICY, done=4)) == [[5, 6, 7], [8]]


async def test_who_is_cancelled_leaves_nothing_reading() -> None:
    read: list[int] = []

    def slow() -> Iterator[Row]:
        for row in rows(3, read):
            time.sleep(0.05)
            yield row

    ahead = Ahead(slow(), POLICY)
    taking = asyncio.create_task(ahead.take())
    await asyncio.sleep(0.02)
    taking.cancel()
    await asyncio.wait([taking])
    assert taking.cancelled()
    await ahead.settled()
    assert read == [1, 2, 3]


async def test_what_stands_in_the_way_is_told_when_asked_and_nothing_is_left_reading() -> None:
    def broken() -> Iterator[Row]:
        yield from rows(4, [])
        raise OSError("the file is gone")

    ahead = Ahead(broken(), POLICY)
    await ahead.ready()
    assert await ahead.take() is not None
    ahead.begin()
    with pytest.raises(OSError, match="gone"):
        await ahead.ready()
    await ahead.settled()
    with pytest.raises(OSError, match="gone"):
        await ahead.take()
