import asyncio
from collections.abc import Sequence

import pytest

from services.card_ingest.convoys import Convoy, Later


class Ferry:
    """Carries numbers over, one load at a time, and remembers the loads; 13 sinks it."""

    def __init__(self) -> None:
        self.loads: list[list[int]] = []
        self.gate = asyncio.Event()
        self.is_under_way = False

    async def carry(self, asked: Sequence[int]) -> list[int]:
        assert not self.is_under_way
        self.is_under_way = True
        self.loads.append(list(asked))
        await self.gate.wait()
        self.is_under_way = False
        if 13 in asked:
            raise RuntimeError("sunk")
        return [number * 10 for number in asked]


async def joined(convoy: Convoy[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(convoy.join(number)) for number in numbers]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_who_comes_while_one_is_under_way_goes_with_the_next_and_gets_his_own_answer() -> None:
    ferry = Ferry()
    convoy = Convoy(ferry.carry, at_most=3)
    tasks = await joined(convoy, 1)
    tasks += await joined(convoy, 2, 3, 4, 5)
    ferry.gate.set()
    assert await asyncio.gather(*tasks) == [10, 20, 30, 40, 50]
    assert ferry.loads == [[1], [2, 3, 4], [5]]


async def test_an_act_that_fails_fails_for_those_who_went_with_it_alone() -> None:
    ferry = Ferry()
    convoy = Convoy(ferry.carry, at_most=2)
    tasks = await joined(convoy, 1)
    tasks += await joined(convoy, 12, 13, 14)
    ferry.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [int, RuntimeError, RuntimeError, int]


async def test_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    ferry = Ferry()
    convoy = Convoy(ferry.carry, at_most=9)
    tasks = await joined(convoy, 1)
    tasks += await joined(convoy, 2, 3)
    tasks[1].cancel()
    ferry.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [found[0], found[2]] == [10, 30]
    assert isinstance(found[1], asyncio.CancelledError)


async def test_who_comes_later_is_never_answered_by_an_act_that_had_begun() -> None:
    ferry = Ferry()
    convoy = Convoy(ferry.carry, at_most=9)
    ferry.gate.set()
    assert await convoy.join(1) == 10
    assert await convoy.join(1) == 10
    assert ferry.loads == [[1], [1]]


@pytest.mark.parametrize("count", [0, 1])
async def test_nobody_waits_for_ever_where_an_act_is_cancelled(count: int) -> None:
    ferry = Ferry()
    convoy = Convoy(ferry.carry, at_most=1)
    tasks = await joined(convoy, *range(count + 1))
    under_way = convoy._under_way
    assert under_way is not None
    under_way.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in found)


async def test_who_is_put_off_goes_with_the_next_before_who_came_later() -> None:
    loads: list[list[int]] = []

    async def carry(asked: Sequence[int]) -> list[int | Later[int]]:
        loads.append(list(asked))
        await asyncio.sleep(0)
        return [Later(number - 100) if number >= 100 else number * 10 for number in asked]

    convoy = Convoy(carry, at_most=3)
    asked = (1, 102, 203, 4, 5)
    tasks = [asyncio.create_task(convoy.join(number)) for number in asked]
    tasks[1].cancel()
    assert await asyncio.gather(tasks[0], *tasks[2:]) == [10, 30, 40, 50]
    assert loads == [[1, 203, 4], [103, 5], [3]]
