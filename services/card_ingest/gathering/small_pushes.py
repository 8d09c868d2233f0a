"""A push small enough to go with others: what makes it one, its rows ready to post, its receipt and its acts."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4

from services.card_ingest import batches, deliveries, keeping, pipeline, reading, scanning
from services.card_ingest.batches import Batch, Policy
from services.card_ingest.events import ReadRow, Row
from services.card_ingest.keeping import Chunk, Fingerprint
from services.card_ingest.pipeline import Delivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.event_form import JsonEventsProfile
from services.card_ingest.profiles.profile import JsonProfile, NdjsonProfile, Profile
from services.card_ingest.schemas import Counted, Receipt
from services.shared import dates, lifecycles
from services.shared.audit import Act, Subject
from services.shared.ciphers import Ciphers
from services.shared.database import Database
from services.shared.errors import Invalid
from services.shared.identity import Actor
from services.shared.vocabulary import EventStatus

FEW_ROWS: Final = 20

ENDED: Final = lifecycles.DELIVERY.move(lifecycles.DELIVERY.move(lifecycles.DELIVERY.initial, "begin"), "finish")


@dataclass(frozen=True, slots=True)
class Push:
    """A delivery whose sender is proved, and the moment at which it came."""

    delivery: Delivery
    now: datetime


@dataclass(frozen=True, slots=True)
class Small:
    """A push that may go with others: under which id, what came, how it is kept, and its rows ready to post."""

    id: UUID
    push: Push
    profile: Profile
    came: Fingerprint
    sealed: bytes
    batch: Batch

    @property
    def rows(self) -> list[ReadRow]:
        """Return the rows, each of which is to post."""
        return list(self.batch.staged.values())

    @property
    def pence(self) -> int:
        """Return the pence as delivered."""
        return sum(row.delivered_pence for row in self.rows)

    @property
    def digest(self) -> bytes:
        """Return the digest of the rows in their order, as every batch has it."""
        return sha256(b"".join(batches.digests(self.batch, self.rows))).digest()


def all_small(database: Database, pushes: Sequence[Push], policy: Policy) -> list[Small | None]:
    """Return the pushes ready to go together; None for each that must go alone, whatever the reason."""
    known = {push.delivery.profile for push in pushes}
    layouts = {name: profiles.load(name, own_folder=pipeline.own_profiles(database)) for name in known}
    return [_small(push, layouts[push.delivery.profile], policy, ciphers=database.ciphers) for push in pushes]


def _small(push: Push, profile: Profile, policy: Policy, *, ciphers: Ciphers) -> Small | None:
    """Return the push ready to go with others; None where it must go alone, whatever the reason."""
    delivery, content = push.delivery, push.delivery.body
    if not isinstance(profile, NdjsonProfile | JsonProfile | JsonEventsProfile) or not isinstance(content, bytes):
        return None
    if any(scanning.redact(text).is_redacted for text in (content, (delivery.external_id or "").encode())):
        return None
    try:
        rows = _rows(profile, content, received_on=dates.london_date(push.now))
    except Invalid:
        return None
    if not 0 < len(rows) <= min(FEW_ROWS, pipeline.POSTED_AT_ONCE):
        return None
    batch = batches.prepared(iter(rows), policy)
    if (
        batch is None
        or batch.told
        or batch.payee_rules is not None
        or not all(map(_is_ordinary, batch.staged.values()))
    ):
        return None
    came = delivery.came or keeping.fingerprint(content)
    sealed = keeping.sealed(Chunk(content, is_redacted=False), ciphers=ciphers)
    return Small(uuid4(), push, profile, came, sealed, batch)


def _rows(profile: Profile, content: bytes, *, received_on: date) -> list[Row]:
    """Return the rows. Raises UnreadableDelivery, as the line would before it stores anything."""
    reading.count(profile, io.BytesIO(content), account_ref=None, received_on=received_on)
    return list(
        reading.rows(profile, io.BytesIO(content), account_ref=None, received_on=received_on, is_redacted=False)
    )


def _is_ordinary(row: ReadRow) -> bool:
    return row.event.status is EventStatus.POSTED and row.event.reverses_transaction_id is None


def delivered(small: Small) -> Act:
    """Return the act of delivering it, by its own sender."""
    delivery = small.push.delivery
    return Act(
        actor=delivery.actor,
        action="deliver_feed",
        subject=Subject(deliveries.SUBJECT, str(small.id)),
        after={"provider": delivery.provider, "profile": small.profile.name, "rows": len(small.rows)},
        digest=small.came.sha256,
        request_id=delivery.request_id,
    )


def posted(actor: Actor, ended: Sequence[tuple[UUID, int, int, int, bytes]]) -> Act:
    """Return the act of posting them all, with each batch's number and delivery, and a digest over their digests."""
    posted = {str(delivery_id): number for delivery_id, number, *_ in ended}
    rows, pence = sum(each[2] for each in ended), sum(each[3] for each in ended)
    return Act(
        actor=actor,
        action="post_feed_batch",
        subject=Subject(deliveries.SUBJECT, str(ended[0][0])),
        after={"batches": posted, "posted_rows": rows, "posted_pence": pence},
        digest=sha256(b"".join(each[4] for each in ended)).digest(),
        request_id=None,
    )


def receipt(small: Small, *, finished_at: datetime) -> Receipt:
    """Return the receipt of a small push that has posted whole."""
    delivery, rows = small.push.delivery, len(small.rows)
    nothing = Counted(rows=0, pence=0)
    return Receipt(
        delivery_id=small.id,
        provider=delivery.provider,
        door=delivery.door,
        profile=small.profile.name,
        profile_version=small.profile.version,
        account_ref=None,
        sha256=small.came.sha256.hex(),
        size_bytes=small.came.size_bytes,
        received_at=small.push.now,
        already_received=False,
        status=ENDED,
        rows=rows,
        rows_done=rows,
        delivered_pence=small.pence,
        unread_amounts=0,
        posted=Counted(rows=rows, pence=small.pence),
        already_posted=nothing,
        held=nothing,
        no_money=nothing,
        quarantined=nothing,
        waiting=[],
        finished_at=finished_at,
        rows_url=f"/v1/feeds/{delivery.provider}/deliveries/{small.id}/rows",
    )
