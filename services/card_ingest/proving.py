"""Who sent it: a push checked against its provider's scheme and live keys, over the bytes as they were sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from services.card_ingest import convoys, queries
from services.card_ingest.convoys import Convoy
from services.card_ingest.queries import Feed
from services.card_ingest.signatures import keys, schemes
from services.card_ingest.signatures.proof import LiveKey
from services.shared.database import Database
from services.shared.vocabulary.feeds import SignatureScheme

_MOST: Final = 1_000
_SMALL_BYTES: Final = 65_536
"""What is checked where it stands; a larger body is given to a thread, so that nobody else waits for its digest."""
_Keys: TypeAlias = tuple[Feed, Sequence[LiveKey]]
_CONVOYS: Final[WeakKeyDictionary[Engine, dict[str, Convoy[None, _Keys]]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Proof:
    """The sender's own id of a delivery, if its scheme has one, and how the provider's pushes are read."""

    sender_id: str | None
    scheme: SignatureScheme
    push_profile: str | None


async def prove(
    database: Database,
    *,
    provider: str,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
) -> Proof:
    """Return the proof that a live key of the provider signed these bytes. Raises UnverifiedDelivery.

    `body` is as it was sent, compressed or not; `headers` are looked up by lower-case name.
    """
    feed, live = await _convoy(database, provider).join(None)
    verify = partial(schemes.verify, feed.scheme, body, headers, keys=live, now=now)
    sender_id = verify() if len(body) <= _SMALL_BYTES else await asyncio.to_thread(verify)
    return Proof(sender_id, feed.scheme, feed.push_profile)


def _convoy(database: Database, provider: str) -> Convoy[None, _Keys]:
    """Return the reading of a provider's keys that all who come before it begins share; it is never an older one."""
    of_database = _CONVOYS.setdefault(database.engine.sync_engine, {})
    if provider not in of_database:
        of_database[provider] = convoys.Convoy(partial(_read, database, provider), at_most=_MOST)
    return of_database[provider]


async def _read(database: Database, provider: str, asked: Sequence[None]) -> list[_Keys]:
    async with database.read() as session:
        feed = await queries.feed(session, provider)
    live = [keys.live(kind, database.ciphers.decrypt_text(key)) for kind, key in feed.keys]
    return [(feed, live)] * len(asked)
