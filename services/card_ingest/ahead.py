"""A delivery's rows, read one batch ahead: the next is prepared while the database is busy with the last."""

import asyncio
from collections.abc import Iterator

from services.card_ingest import batches
from services.card_ingest.batches import Batch, Policy
from services.card_ingest.events import Row


class Ahead:
    """The batches of a delivery on their way; the first begins to be prepared at once, each other when it is asked for.

    Rows of which `done` have been posted before are read too, since equal rows are counted.
    """

    def __init__(self, rows: Iterator[Row], policy: Policy, *, done: int = 0) -> None:
        self._rows = rows
        self._policy = policy
        self._done = done
        self._under_way: asyncio.Task[Batch | None] | None = None
        self.begin()

    def begin(self) -> None:
        """Begin to prepare the next batch beside the loop, unless that has begun.

        Best once the last is staged: until then both want the interpreter, and from then on the database has the work.
        """
        if self._under_way is None:
            self._under_way = asyncio.create_task(asyncio.to_thread(self._prepared))

    async def ready(self) -> None:
        """Wait until the batch that was begun is prepared; raises what stood in the way."""
        if self._under_way is not None:
            await asyncio.shield(self._under_way)

    async def take(self) -> Batch | None:
        """Return the next batch; None after the last."""
        self.begin()
        assert self._under_way is not None  # noqa: S101 (it has just begun)
        batch = await asyncio.shield(self._under_way)  # Cancelling stops no thread: `settled` waits for it.
        self._under_way = None
        return batch

    async def settled(self) -> None:
        """Wait until nothing reads the rows any more, however that ends."""
        if self._under_way is not None:
            await asyncio.wait([self._under_way])

    def _prepared(self) -> Batch | None:
        for _ in zip(range(self._done), self._rows, strict=False):
            pass
        self._done = 0
        return batches.prepared(self._rows, self._policy)
