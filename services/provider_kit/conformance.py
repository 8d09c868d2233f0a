"""Whether a server keeps the rules of its door: what is signed well is taken, what is not is refused, twice is once.

It speaks to the trial endpoint, so that nothing is stored, posted or held on the council's side.
"""

import gzip
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from services.card_ingest.signatures import standard_webhooks
from services.provider_kit.judging import Check
from services.provider_kit.stories import Event
from services.shared.calling import Answer, Caller

STALE_SECONDS: Final = 600
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
SAMPLE: Final[Sequence[Event]] = (
    {
        "provider_transaction_id": "check-1",
        "status": "posted",
        "type": "purchase_pos",
        "occurred_at": "2026-01-05T10:15:00Z",
        "amount_pence": 1_250,
        "account_ref": "conformance-check",
        "mcc": "5411",
    },
    {
        "provider_transaction_id": "check-2",
        "status": "declined",
        "type": "purchase_ecom",
        "occurred_at": "2026-01-05T11:15:00Z",
        "amount": "7.40",
        "card_ref": "conformance-check",
        "decline_reason": "insufficient_funds",
    },
)


@dataclass(frozen=True, slots=True)
class Door:
    """The door of one provider, and what the provider signs and signs in with."""

    caller: Caller
    provider: str
    token: str = field(repr=False)
    secret: str = field(repr=False)

    async def send(self, body: bytes, *, media_type: str = NDJSON, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a body to be tried; without `headers` it is signed as it must be."""
        path = f"/v1/feeds/{self.provider}/trial-deliveries"
        signed = self.signed(body) if headers is None else headers
        sent = {"Content-Type": media_type, **signed}
        return await self.caller.ask("POST", path, token=self.token, body=body, headers=sent)

    def signed(self, body: bytes, *, age_seconds: int = 0, secret: str | None = None) -> dict[str, str]:
        """Return the headers of a delivery that was signed so long ago, with this secret or the provider's own."""
        name, moment = f"check-{uuid4()}", int(time.time()) - age_seconds
        key = standard_webhooks.key_of(secret or self.secret)
        signature = standard_webhooks.sign(body, id=name, timestamp=moment, key=key)
        return {"webhook-id": name, "webhook-timestamp": str(moment), "webhook-signature": signature}


async def check(door: Door) -> list[Check]:
    """Send what must be taken and what must be refused; each check compares the status that must come back."""
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in SAMPLE)
    array = json.dumps({"events": SAMPLE}).encode()
    good = await door.send(lines)
    zipped = gzip.compress(lines)
    squeezed = door.signed(zipped) | {"Content-Encoding": "gzip"}
    captured = door.signed(lines)
    other_secret = standard_webhooks.new_secret()
    old = door.signed(lines, age_seconds=STALE_SECONDS)
    early = door.signed(lines, age_seconds=-STALE_SECONDS)
    rotated = captured | {"webhook-signature": f"v1,bm9uZQ== {captured['webhook-signature']}"}
    renewed = captured | {"webhook-timestamp": str(int(captured["webhook-timestamp"]) + 1)}
    renamed = captured | {"webhook-id": "another-id"}
    taken, refused = HTTPStatus.OK, HTTPStatus.UNAUTHORIZED
    return [
        Check("a good signature is taken", taken, good.status),
        Check("its rows are told one by one", len(SAMPLE), len(_told(good))),
        Check("an array of events is taken", taken, (await door.send(array, media_type=JSON)).status),
        Check("one good signature among several is enough", taken, (await door.send(lines, headers=rotated)).status),
        Check("the same again has the same answer", taken, (await door.send(lines, headers=captured)).status),
        Check("a compressed body is taken", taken, (await door.send(zipped, headers=squeezed)).status),
        Check("no signature is refused", refused, (await door.send(lines, headers={})).status),
        Check("another secret is refused", refused, (await _with(door, lines, secret=other_secret)).status),
        Check("one changed byte is refused", refused, (await door.send(lines + b" ", headers=captured)).status),
        Check("an old timestamp is refused", refused, (await door.send(lines, headers=old)).status),
        Check("a timestamp ahead is refused", refused, (await door.send(lines, headers=early)).status),
        Check("replayed under another time is refused", refused, (await door.send(lines, headers=renewed)).status),
        Check("replayed under another id is refused", refused, (await door.send(lines, headers=renamed)).status),
    ]


async def _with(door: Door, body: bytes, *, secret: str) -> Answer:
    return await door.send(body, headers=door.signed(body, secret=secret))


def _told(answer: Answer) -> Sequence[Any]:
    return answer.json()["sample"] if answer.is_success else []
