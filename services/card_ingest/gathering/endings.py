"""Where the rows of a gathered push have ended, and what is told of that: counts, its receipt, the acts on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from services.card_ingest import batches, deliveries, outcomes
from services.card_ingest.gathering.small_pushes import Small
from services.card_ingest.outcomes import Count, Result, Tally
from services.card_ingest.reasons import Note
from services.card_ingest.schemas import Counted, Receipt
from services.shared.audit import Act, Subject
from services.shared.identity.actor import Actor
from services.shared.lifecycles.feeds import DELIVERY
from services.shared.vocabulary.feeds import RowOutcome

STATUS: Final = DELIVERY.move(DELIVERY.move(DELIVERY.initial, "begin"), "finish")

_NOTHING: Final = Counted(rows=0, pence=0)


@dataclass(frozen=True, slots=True)
class Ended:
    """A small push with the number of its batch, the results of its rows that did not post, each of which has ended,
    all rows as they came and by where they have ended, and the digest of those that posted, as every batch has it.
    """

    small: Small
    batch_number: int
    others: Sequence[Result]
    came: Count
    counted: Tally
    digest: bytes

    @property
    def unread_amounts(self) -> int:
        """Return how many rows state an amount that cannot be read, or none."""
        return sum(row.delivered_pence is None for row in self.small.batch.rows)

    def columns(self) -> tuple[Any, ...]:
        """Return what is recorded: ids, counts, the digest, and whether anything of it is worth a look for alerts."""
        posted, held, no_money = (
            self.counted[outcome] for outcome in (RowOutcome.POSTED, RowOutcome.HELD, RowOutcome.NO_MONEY)
        )
        is_due = posted.rows > 0 or any(result.code is Note.DECLINED for result in self.others)
        came = (self.came.rows, self.came.pence, self.unread_amounts)
        ended = (posted.rows, posted.pence, held.rows, held.pence, no_money.rows, no_money.pence)
        return self.small.id, self.batch_number, *came, *ended, self.digest, is_due


def ended(small: Small, *, batch_number: int, others: Sequence[Result]) -> Ended:
    """Return where the rows have ended. Raises RowsLostError unless every row and penny is in exactly one place."""
    posted = small.to_post
    came, counted = outcomes.total(small.batch.rows), outcomes.tally(posted=posted, others=others)
    outcomes.require_all(came, counted)
    digest = sha256(b"".join(batches.digests(small.batch, posted))).digest()
    return Ended(small, batch_number, others, came, counted, digest)


def delivered(small: Small) -> Act:
    """Return the act of delivering it, by its own sender."""
    delivery = small.push.delivery
    return Act(
        actor=delivery.actor,
        action="deliver_feed",
        subject=Subject(deliveries.SUBJECT, str(small.id)),
        after={"provider": delivery.provider, "profile": small.profile.name, "rows": len(small.batch.rows)},
        digest=small.came.sha256,
        request_id=delivery.request_id,
    )


def posted(actor: Actor, ended: Sequence[Ended]) -> Act:
    """Return the act of posting them all, with each batch's number and delivery, and a digest over their digests."""
    numbers = {str(each.small.id): each.batch_number for each in ended}
    rows = {outcome: sum(each.counted[outcome].rows for each in ended) for outcome in RowOutcome}
    counts = {f"{outcome.value}_rows": count for outcome, count in rows.items() if count}
    pence = sum(each.counted[RowOutcome.POSTED].pence for each in ended)
    return Act(
        actor=actor,
        action="post_feed_batch",
        subject=Subject(deliveries.SUBJECT, str(ended[0].small.id)),
        after={"batches": numbers, **counts, "posted_pence": pence},
        digest=sha256(b"".join(each.digest for each in ended)).digest(),
        request_id=None,
    )


def receipt(ended: Ended, *, finished_at: datetime) -> Receipt:
    """Return the receipt of a small push whose rows have all ended."""
    small, delivery, came = ended.small, ended.small.push.delivery, ended.came
    counted = {outcome: _counted(count) for outcome, count in ended.counted.items()}
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
        status=STATUS,
        rows=came.rows,
        rows_done=came.rows,
        delivered_pence=came.pence,
        unread_amounts=ended.unread_amounts,
        posted=counted[RowOutcome.POSTED],
        already_posted=counted[RowOutcome.ALREADY_POSTED],
        held=counted[RowOutcome.HELD],
        no_money=counted[RowOutcome.NO_MONEY],
        quarantined=counted[RowOutcome.QUARANTINED],
        waiting=[],
        finished_at=finished_at,
        rows_url=f"/v1/feeds/{delivery.provider}/deliveries/{small.id}/rows",
    )


def _counted(count: Count) -> Counted:
    return Counted(rows=count.rows, pence=count.pence) if count.rows else _NOTHING
