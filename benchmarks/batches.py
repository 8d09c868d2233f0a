"""Deliveries for the ingest benchmarks, made before the clock starts: bodies as a provider sends them, and COPY text.

Ids and accounts are random, which is the worst case for the indexes; one row in a hundred has been sent before.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final
from uuid import UUID

import msgspec

from benchmarks import filling
from services.card_ingest import events
from services.shared.vocabulary.money import EventStatus, TransactionType

OCCURRED_AT: Final = datetime(2026, 11, 19, 12, 30, tzinfo=UTC)
COPY_COLUMNS: Final = (
    "provider_code",
    "provider_transaction_id",
    "account_id",
    "card_id",
    "type",
    "amount_pence",
    "occurred_at",
    "booked_on",
    "accounting_month",
    "care_group",
    "category",
    "mcc",
    "merchant_name",
    "content_digest",
    "delivery_number",
    "row_number",
    "batch_number",
    "category_rule_id",
    "reference",
    "payee",
)
_SENT_AGAIN: Final = 100
_MCCS: Final = ("8050", "8398", "5411", "4121", "7997")
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Batch:
    """One delivery: its body, the same rows as COPY text, and what they are to do to the balances once posted."""

    body: bytes
    copy_text: bytes
    rows: int
    distinct: int
    moved_pence: Counter[int]


def batches(random: Random, *, count: int, rows: int, accounts: int) -> list[Batch]:
    """Return this many batches of this many rows."""
    made: list[Batch] = []
    earlier: list[list[events.CardEvent]] = []
    for number in range(count):
        fresh = [_event(random, accounts=accounts) for _ in range(rows - rows // _SENT_AGAIN)]
        # From the last batch but one: what two writers have in hand at once is measured as a race.
        source = earlier[number - 2] if number >= 2 else fresh
        again = [random.choice(source) for _ in range(rows // _SENT_AGAIN)]
        earlier.append(fresh[:1_000])
        made.append(_batch(random, fresh, again))
    return made


def singles(random: Random, *, count: int, accounts: int) -> list[Batch]:
    """Return this many deliveries of one row each, all of them new."""
    return [_batch(random, [_event(random, accounts=accounts)], []) for _ in range(count)]


def account_id(number: int) -> UUID:
    """Return the id that `filling` gave the account of this number."""
    return UUID(hashlib.md5(f"account {number}".encode(), usedforsecurity=False).hexdigest())


def _event(random: Random, *, accounts: int) -> events.CardEvent:
    number = random.randint(1, accounts)
    return events.CardEvent(
        provider_transaction_id=str(UUID(int=random.getrandbits(128), version=4)),
        status=EventStatus.POSTED,
        type=TransactionType.PURCHASE_POS,
        occurred_at=OCCURRED_AT,
        amount_pence=random.randint(100, 9_999),
        currency="GBP",
        account_ref=f"A{number}",
        card_ref=f"C{number}",
        mcc=random.choice(_MCCS),
        merchant_name=f"Merchant {random.randrange(filling.MERCHANTS)}",
        reference="Weekly shopping and travel to the day centre",
    )


def _batch(random: Random, fresh: list[events.CardEvent], again: list[events.CardEvent]) -> Batch:
    together = [*fresh, *again]
    random.shuffle(together)
    moved: Counter[int] = Counter()
    for event in fresh:
        moved[int((event.account_ref or "")[1:])] -= event.amount_pence or 0
    body = b"\n".join(_ENCODER.encode(event) for event in together) + b"\n"
    lines = [_copy_line(event, place) for place, event in enumerate(fresh)]
    return Batch(body, "".join(lines).encode(), len(together), len(fresh), moved)


def _copy_line(event: events.CardEvent, place: int) -> str:
    number = (event.account_ref or "")[1:]
    return (
        "\t".join(
            (
                filling.PROVIDER,
                event.provider_transaction_id,
                str(account_id(int(number))),
                hashlib.md5(f"card {number}".encode(), usedforsecurity=False).hexdigest(),
                "purchase_pos",
                str(-(event.amount_pence or 0)),
                "2026-11-19 12:30:00+00",
                "2026-11-19",
                "202611",
                "learning_disabilities",
                "home_care",
                event.mcc or "",
                event.merchant_name or "",
                r"\\x" + event.provider_transaction_id.replace("-", ""),
                "1",
                str(place),
                "1",
                "1",
                event.reference or "",
                (event.merchant_name or "").upper(),
            )
        )
        + "\n"
    )
