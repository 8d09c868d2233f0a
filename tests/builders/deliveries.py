"""Deliveries as providers send them, and an outside record of what was sent to compare the books with."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from services.card_ingest import pipeline
from services.card_ingest.schemas import Receipt
from services.card_ingest.signatures import standard_webhooks
from services.shared import driver
from services.shared.database import Database
from services.shared.identity.actor import machine
from services.shared.vocabulary.feeds import DeliveryDoor
from services.shared.vocabulary.money import SIGN, TransactionType

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PROVIDER = "northbank"
OTHER_PROVIDER = "eastcard"
ACTOR = machine("command_line")


@dataclass(frozen=True, slots=True)
class Books:
    """What the tables say of an account."""

    posted_pence: int
    held_pence: int
    transactions: int


async def a_provider(connection: driver.Connection, code: str = PROVIDER, *, secret: str | None = None) -> str:
    """Register a provider (as the superuser), and nothing else: keys are made over HTTP."""
    await connection.execute("INSERT INTO feed_provider VALUES ($1, $1, now()) ON CONFLICT DO NOTHING", code)
    return code


async def an_account(
    connection: driver.Connection,
    account_ref: str,
    *,
    cards: Sequence[str] = (),
    provider: str = PROVIDER,
    kind: str = "prepaid_card",
    closed_on: date | None = None,
    care_group: str | None = "older_people",
) -> UUID:
    """Open an account with cards behind dp_api's back: no agreement is needed to take a feed in."""
    account_id = uuid4()
    is_trial = kind == "trial"
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        """INSERT INTO account (id, agreement_id, kind, status, provider_code, provider_account_ref, care_group,
               opened_on, closed_on, version, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, '2015-04-01', $8, 1, now(), now())""",
        account_id,
        None if is_trial else uuid4(),
        kind,
        "open" if closed_on is None else "closed",
        provider,
        account_ref,
        None if is_trial else care_group,
        closed_on,
    )
    await connection.execute("SET session_replication_role = origin")
    for card_ref in cards:
        await a_card(connection, account_id, card_ref, provider=provider)
    return account_id


async def a_card(connection: driver.Connection, account_id: UUID, card_ref: str, *, provider: str = PROVIDER) -> UUID:
    """Add a card to an account."""
    card_id = uuid4()
    await connection.execute(
        """INSERT INTO card (id, account_id, provider_code, provider_card_ref, last_four, opened_on, created_at)
           VALUES ($1, $2, $3, $4, '4242', '2015-04-01', now())""",
        card_id,
        account_id,
        provider,
        card_ref,
    )
    return card_id


def an_event(transaction_id: str, **changes: Any) -> dict[str, Any]:
    """Return a posted purchase of £12.34 with card CARD-1; a change to None leaves the key out."""
    event: dict[str, Any] = {
        "provider_transaction_id": transaction_id,
        "status": "posted",
        "type": "purchase_pos",
        "amount_pence": 1234,
        "currency": "GBP",
        "card_ref": "CARD-1",
        "occurred_at": "2026-11-12T10:30:00Z",
        "mcc": "5411",
        "merchant_name": "CORNER SHOP",
    } | changes
    return {key: value for key, value in event.items() if value is not None}


def ndjson(events: Iterable[Mapping[str, Any] | bytes]) -> bytes:
    """Return a body with an event in each line; bytes stand as they are."""
    return b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in events)


def a_delivery(body: bytes | Path, **changes: Any) -> pipeline.Delivery:
    """Return a delivery over the command line."""
    known: dict[str, Any] = {
        "provider": PROVIDER,
        "door": DeliveryDoor.COMMAND_LINE,
        "profile": "canonical",
        "external_id": None,
        "account_ref": None,
        "actor": ACTOR,
        "request_id": None,
    }
    return pipeline.Delivery(body=body, **(known | changes))


async def receive(database: Database, body: bytes | Path, *, now: datetime = NOW, **changes: Any) -> Receipt:
    """Take a delivery in and require that its receipt accounts for every row and penny."""
    receipt = await pipeline.receive(database, a_delivery(body, **changes), now=now)
    require_whole(receipt)
    return receipt


def require_whole(receipt: Receipt) -> None:
    """Require that the five outcomes add up to what came."""
    outcomes = (receipt.posted, receipt.already_posted, receipt.held, receipt.no_money, receipt.quarantined)
    assert sum(each.rows for each in outcomes) == receipt.rows_done
    assert sum(each.pence for each in outcomes) == receipt.delivered_pence


def effect(events: Iterable[Mapping[str, Any]]) -> int:
    """Return what events that were sent must do to a balance: the outside record, worked out from the events alone."""
    return sum(SIGN[TransactionType(each["type"])] * each["amount_pence"] for each in events)


def signed(body: bytes, *, secret: str, delivery_id: str, at: datetime) -> dict[str, str]:
    """Return the headers of a signed push."""
    seconds = int(at.timestamp())
    key = standard_webhooks.key_of(secret)
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": standard_webhooks.sign(body, id=delivery_id, timestamp=seconds, key=key),
        "content-type": "application/x-ndjson",
    }


async def books(connection: driver.Connection, account_id: UUID) -> Books:
    """Return an account's books, having required that the balance is the sum of its transactions and open holds."""
    found = await connection.fetchrow(
        """SELECT coalesce(max(balance.posted_pence), 0) AS posted, coalesce(max(balance.held_pence), 0) AS held,
               coalesce(max(balance.transactions), 0) AS transactions,
               (SELECT coalesce(sum(amount_pence), 0) FROM card_transaction WHERE account_id = $1) AS sum_posted,
               (SELECT count(*) FROM card_transaction WHERE account_id = $1) AS count_posted,
               (SELECT coalesce(sum(amount_pence - released_pence), 0) FROM card_hold
                WHERE account_id = $1 AND status = 'authorised') AS sum_held
           FROM account_balance AS balance WHERE account_id = $1""",
        account_id,
    )
    assert found is not None
    kept = Books(found["posted"], found["held"], found["transactions"])
    assert kept == Books(found["sum_posted"], found["sum_held"], found["count_posted"])
    return kept


async def delivered(connection: driver.Connection, at: datetime, *, provider: str = PROVIDER) -> None:
    """Note that a provider's feed delivered something at that moment, and nothing of what it was."""
    await connection.execute(
        """INSERT INTO feed_delivery
               (id, provider_code, door, profile, profile_version, sha256, size_bytes, received_at)
           VALUES ($1, $2, 'signed_push', 'canonical', 1, $3, 1, $4)""",
        uuid4(),
        provider,
        uuid4().bytes,
        at,
    )
