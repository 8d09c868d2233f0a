"""A provider that pushes: so many deliveries a second, each signed, and sent again where no answer came."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from services.card_ingest.signatures import standard_webhooks
from services.provider_kit.council import Council
from services.provider_kit.plan import Parcel
from services.shared.calling import Answer
from services.shared.errors import Unavailable

ATTEMPTS: Final = 8
LONGEST_PAUSE: Final = 15.0
_AGAIN: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})

Done = Callable[[], None]


@dataclass(slots=True)
class Sent:
    """What the council answered: receipts by the delivery's own id, the time each took, what went otherwise."""

    receipts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    attempts: int = 0

    @property
    def answered(self) -> int:
        """How many deliveries were answered with a receipt."""
        return sum(map(len, self.receipts.values()))

    @property
    def different(self) -> int:
        """How many repetitions were not answered with the receipt of the first."""
        return sum(len({each["delivery_id"] for each in found}) - 1 for found in self.receipts.values())


@dataclass(frozen=True, slots=True)
class Sender:
    """The provider's machines: how they sign, and how many deliveries a second they send."""

    council: Council
    secret: str = field(repr=False)
    rate: float

    async def send(
        self, parcels: Sequence[Parcel], sent: Sent, *, done: Done, before: dict[int, Callable[[], Awaitable[None]]]
    ) -> None:
        """Send the parcels at the rate, whatever the answers take, and wait for every answer.

        `before` are acts of the council that happen before the parcel of a number is sent.
        """
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, parcel in enumerate(parcels):
                if number in before:
                    group.create_task(_awaited(before[number]()))
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                group.create_task(self._send(parcel, number, sent, done=done))

    async def _send(self, parcel: Parcel, number: int, sent: Sent, *, done: Done) -> None:
        for attempt in range(ATTEMPTS):
            sent.attempts += 1
            began = time.monotonic()
            try:
                answer = await self.council.push(parcel.body, self._headers(parcel), sender=number)
            except Unavailable:
                await asyncio.sleep(min(0.2 * 2**attempt, LONGEST_PAUSE))
                continue
            if answer.status not in _AGAIN:
                sent.seconds.append(time.monotonic() - began)
                self._keep(parcel, answer, sent)
                break
            await asyncio.sleep(_pause(answer, attempt))
        else:
            sent.refused.append(0)
        done()

    def _headers(self, parcel: Parcel) -> dict[str, str]:
        """Return the headers of an attempt: the same id each time, the time and the signature of now."""
        now, key = int(time.time()), standard_webhooks.key_of(self.secret)
        return {
            "Content-Type": parcel.media_type,
            "webhook-id": parcel.id,
            "webhook-timestamp": str(now),
            "webhook-signature": standard_webhooks.sign(parcel.body, id=parcel.id, timestamp=now, key=key),
        }

    def _keep(self, parcel: Parcel, answer: Answer, sent: Sent) -> None:
        if answer.status == HTTPStatus.ACCEPTED:
            sent.receipts.setdefault(parcel.id, []).append(answer.json())
        else:
            sent.refused.append(answer.status)


async def _awaited(act: Awaitable[None]) -> None:
    await act


def _pause(answer: Answer, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked) if asked.isdigit() else 0.2 * 2**attempt, LONGEST_PAUSE)
