"""A push small enough to go with others: what makes it one, what it names, and its rows ready to write."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from services.card_ingest import batches, keeping, pipeline, reading, scanning
from services.card_ingest.batches import Batch, Policy
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.keeping import Chunk, Fingerprint
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.profiles.profile import JsonProfile, NdjsonProfile, Profile
from services.shared import dates
from services.shared.ciphers import Ciphers
from services.shared.database import Database
from services.shared.errors import Invalid
from services.shared.vocabulary.feeds import RowOutcome
from services.shared.vocabulary.money import EventStatus

FEW_ROWS: Final = 20

Name: TypeAlias = tuple[str, str]
"""What a push names: an event by the provider's id (its own, a hold's, an original's), or itself by its sender's."""


@dataclass(frozen=True, slots=True, eq=False)
class Push:
    """A delivery whose sender is proved, the moment at which it came, whether its sender waits no more, and behind whom
    it goes alone.
    """

    delivery: Delivery
    now: datetime
    over: asyncio.Event = field(default_factory=asyncio.Event)
    behind: "list[Push]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Odd:
    """A push that must go alone, whatever the reason; it is told by what came and by what it names."""

    push: Push
    came: Fingerprint
    names: frozenset[Name]


@dataclass(frozen=True, slots=True)
class Small:
    """A push that may go with others: under which id, what came, how it is kept, what it names, and its rows ready to
    write by the policy of that moment.
    """

    id: UUID
    push: Push
    profile: Profile
    came: Fingerprint
    sealed: bytes
    names: frozenset[Name]
    batch: Batch
    policy: Policy

    @property
    def to_post(self) -> list[ReadRow]:
        """Return the rows that move money."""
        return [row for row in self.batch.staged.values() if row.event.status is EventStatus.POSTED]

    @property
    def to_hold(self) -> list[ReadRow]:
        """Return the rows that hold or release money, or tell of a decline."""
        return [row for row in self.batch.staged.values() if row.event.status is not EventStatus.POSTED]


Known: TypeAlias = Push | Small | Odd
"""A push as it came, or as it was found when it was put off."""


def all_read(database: Database, asked: Sequence[Known], policy: Policy) -> list[Small | Odd]:
    """Return the pushes ready to go together, or as those that must go alone."""
    own = pipeline.own_profiles(database)
    known = {push(each).delivery.profile for each in asked}
    layouts = {name: profiles.load(name, own_folder=own) for name in known}
    return [_known(each, layouts, policy, ciphers=database.ciphers) for each in asked]


def push(each: Known) -> Push:
    """Return the push itself."""
    return each if isinstance(each, Push) else each.push


def _known(each: Known, layouts: dict[str, Profile], policy: Policy, *, ciphers: Ciphers) -> Small | Odd:
    """Return a push as it is known already, unless it was read by other rules than there are now."""
    if isinstance(each, Odd):
        return each
    if isinstance(each, Small) and _is_same(each.policy, policy):
        return each
    own = push(each)
    return _read(own, layouts[own.delivery.profile], policy, ciphers=ciphers)


def _is_same(one: Policy, other: Policy) -> bool:
    return (one.trial_ref, one.first_day) == (other.trial_ref, other.first_day) and one.rules is other.rules


def _read(push: Push, profile: Profile, policy: Policy, *, ciphers: Ciphers) -> Small | Odd:
    delivery = push.delivery
    batch = _batch(push, profile, policy)
    came, names = delivery.came or keeping.fingerprint(delivery.body), _names(delivery, batch)
    if batch is None or not isinstance(delivery.body, bytes) or not _is_simple(batch):
        return Odd(push, came, names)
    sealed = keeping.sealed(Chunk(delivery.body, is_redacted=False), ciphers=ciphers)
    return Small(uuid4(), push, profile, came, sealed, names, batch, policy)


def _batch(push: Push, profile: Profile, policy: Policy) -> Batch | None:
    """Return the rows of a push; None where it has none, or must go alone whatever they are."""
    delivery, content = push.delivery, push.delivery.body
    if not isinstance(profile, NdjsonProfile | JsonProfile | JsonEventsProfile) or not isinstance(content, bytes):
        return None
    if any(scanning.redact(text).is_redacted for text in (content, (delivery.external_id or "").encode())):
        return None
    try:
        rows = _rows(profile, content, received_on=dates.london_date(push.now))
    except Invalid:
        return None
    return batches.prepared(iter(rows), policy) if len(rows) <= batches.ROWS else None


def _rows(profile: Profile, content: bytes, *, received_on: date) -> list[Row]:
    """Return the rows. Raises UnreadableDelivery, as the line would before it stores anything."""
    reading.count(profile, io.BytesIO(content), account_ref=None, received_on=received_on)
    return list(
        reading.rows(profile, io.BytesIO(content), account_ref=None, received_on=received_on, is_redacted=False)
    )


def _is_simple(batch: Batch) -> bool:
    """Tell whether every row may end as simply as possible: posted, held, released, declined, or without money."""
    return (
        len(batch.rows) <= min(FEW_ROWS, pipeline.POSTED_AT_ONCE)
        and all(result.outcome is RowOutcome.NO_MONEY for result in batch.told)
        and not any(map(_takes_back, batch.staged.values()))
    )


def _takes_back(row: ReadRow) -> bool:
    return row.event.status is EventStatus.POSTED and row.event.reverses_transaction_id is not None


def _names(delivery: Delivery, batch: Batch | None) -> frozenset[Name]:
    """Return what a push names: what shares no name with it cannot change what becomes of it, nor it of that."""
    named = [] if delivery.external_id is None else [("delivery", delivery.external_id)]
    for row in batch.staged.values() if batch is not None else ():
        event = row.event
        ids = (event.provider_transaction_id, event.authorisation_id, event.reverses_transaction_id)
        named += [("event", each) for each in ids if each is not None]
    return frozenset(named)
