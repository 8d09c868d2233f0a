"""Whoever comes while an act is under way waits for it to end, and then goes together with all who have come since."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Later(Generic[Asked]):
    """In an answer's place: who asked goes with the next act, before all who came later; it is asked this instead."""

    asked: Asked


class Convoy(Generic[Asked, Answer]):
    """One act at a time for all who have come by its start, `at_most` of them; each gets its own answer.

    An act that fails fails for all who went with it. It may put off who went, but never all of them, by `Later`.
    """

    def __init__(
        self, act: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Later[Asked]]]], *, at_most: int
    ) -> None:
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
                put_off = await self._go(going)
                self._waiting = put_off + self._waiting
        finally:
            self._under_way = None
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting = []

    async def _go(
        self, going: Sequence[tuple[Asked, asyncio.Future[Answer]]]
    ) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        """Do the act, and answer; return those who are put off."""
        waiting = [answer for _, answer in going]
        try:
            found = await self._act([asked for asked, _ in going])
        except Exception as trouble:
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(trouble)
            return []
        except BaseException:  # The server is going down: nobody waits for ever.
            for answer in waiting:
                answer.cancel()
            raise
        put_off = []
        for answer, each in zip(waiting, found, strict=True):
            if isinstance(each, Later):
                put_off.append((each.asked, answer))
            elif not answer.done():
                answer.set_result(each)
        return put_off
