"""Whoever comes while an act is under way waits for it to end, and then goes together with all who have come since."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Convoy(Generic[Asked, Answer]):
    """One act at a time for all who have come by its start, `at_most` of them; each gets its own answer.

    An act that fails fails for all who went with it.
    """

    def __init__(self, act: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]], *, at_most: int) -> None:
        self._act = act
        self._at_most = at_most
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._under_way: asyncio.Task[None] | None = None

    async def join(self, asked: Asked) -> Answer:
        """Go with the next act, which begins after this call, and return its answer to what was asked."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._go_while_any_waits())
        return await answer

    async def _go_while_any_waits(self) -> None:
        try:
            while self._waiting:
                going, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
                await self._go(going)
        finally:
            self._under_way = None
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting = []

    async def _go(self, going: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        waiting = [answer for _, answer in going]
        try:
            found = await self._act([asked for asked, _ in going])
        except Exception as trouble:
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(trouble)
            return
        except BaseException:  # The server is going down: nobody waits for ever.
            for answer in waiting:
                answer.cancel()
            raise
        for answer, each in zip(waiting, found, strict=True):
            if not answer.done():
                answer.set_result(each)
