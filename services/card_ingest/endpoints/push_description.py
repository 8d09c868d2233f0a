"""What the API's description says of a push: its headers, its body by examples, and the receipts that answer it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from services.card_ingest import reasons
from services.card_ingest.reasons import Reason

PURCHASE: Final[Mapping[str, Any]] = {
    "provider_transaction_id": "txn-000123",
    "status": "posted",
    "type": "purchase_pos",
    "occurred_at": "2026-11-12T17:45:00Z",
    "amount_pence": 1234,
    "card_ref": "card-token-88",
    "mcc": "5411",
    "merchant_name": "CORNER SHOP",
    "authorisation_id": "auth-000098",
}
REFUND: Final[Mapping[str, Any]] = {
    "provider_transaction_id": "txn-000124",
    "status": "posted",
    "type": "refund",
    "occurred_at": "2026-11-13T09:00:00Z",
    "amount_pence": 250,
    "card_ref": "card-token-88",
}
STRIPE_EVENT: Final[Mapping[str, Any]] = {
    "id": "evt_1",
    "object": "event",
    "type": "issuing_transaction.created",
    "data": {
        "object": {
            "id": "ipi_1",
            "object": "issuing.transaction",
            "amount": -1234,
            "currency": "gbp",
            "created": 1794505500,
            "type": "capture",
            "card": "ic_88",
            "authorization": "iauth_98",
            "merchant_data": {"name": "CORNER SHOP", "category_code": "5411"},
        }
    },
}
LINES: Final = "".join(f"{json.dumps(event)}\n" for event in (PURCHASE, REFUND))

_WAITS: Final[Mapping[str, Any]] = {
    "code": Reason.UNKNOWN_CARD.value,
    "message": reasons.detail(Reason.UNKNOWN_CARD),
    "remedy": reasons.remedy(Reason.UNKNOWN_CARD.value),
}
_RECEIVED: Final[Mapping[str, Any]] = {
    "provider": "northbank",
    "profile": "canonical",
    "profile_version": 1,
    "sha256": hashlib.sha256(LINES.encode()).hexdigest(),
    "size_bytes": len(LINES.encode()),
    "rows": 2,
    "delivered_pence": 1484,
    "unread_amounts": 0,
    "posted": {"rows": 1, "pence": 1234},
    "already_posted": {"rows": 0, "pence": 0},
    "held": {"rows": 0, "pence": 0},
    "no_money": {"rows": 0, "pence": 0},
    "quarantined": {"rows": 1, "pence": 250},
    "waiting": [{**_WAITS, "rows": 1, "pence": 250}],
}
RECEIPT: Final[Mapping[str, Any]] = {
    **_RECEIVED,
    "delivery_id": "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10",
    "door": "signed_push",
    "account_ref": None,
    "received_at": "2026-11-13T09:00:01Z",
    "already_received": False,
    "status": "posted",
    "rows_done": 2,
    "finished_at": "2026-11-13T09:00:01Z",
    "rows_url": "/v1/feeds/northbank/deliveries/7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10/rows",
}
TRIAL_RECEIPT: Final[Mapping[str, Any]] = {
    **_RECEIVED,
    "sample": [
        {"row_number": 1, "outcome": "posted", **dict.fromkeys(_WAITS), "delivered_pence": 1234},
        {"row_number": 2, "outcome": "quarantined", **_WAITS, "delivered_pence": 250},
    ],
}

_BYTES: Final = {"type": "string", "format": "binary"}


def of_push(receipt: Mapping[str, Any], *, status: str) -> dict[str, Any]:
    """Return what is said of an operation that takes a push and answers with such a receipt."""
    return {
        "parameters": [_header(name, described) for name, described in _HEADERS.items()],
        "requestBody": {
            "required": True,
            "description": (
                "Card events: one JSON object in each line, or one JSON array or object with `events`; or the "
                "provider's own layout, where one is set, under the media type of its format."
            ),
            "content": _CONTENT,
        },
        "responses": {status: {"content": {"application/json": {"example": receipt}}}},
    }


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": description}


_HEADERS: Final[Mapping[str, str]] = {
    "webhook-id": "Standard Webhooks: the sender's own id, the same at every attempt.",
    "webhook-timestamp": "Standard Webhooks: seconds since 1970, within 300 s.",
    "webhook-signature": "Standard Webhooks: `v1,` or `v1a,` and the signature; or several, of which 16 are looked at.",
    "Stripe-Signature": "Stripe: `t=` and one or several `v1=`, within 300 s.",
    "DigitalSignature": "RSA: the base64 of the signature over the raw body; the answer repeats the body's `Nonce`.",
    "X-Request-Id": "RSA: the sender's own id of the delivery, the same at every attempt, if it has one.",
    "Content-Encoding": "`gzip` where the body is compressed; the signature is over the body as sent.",
}
_CONTENT: Final[Mapping[str, Any]] = {
    "application/x-ndjson": {
        "schema": {"type": "string"},
        "examples": {"lines": {"summary": "Our own events, one in each line", "value": LINES}},
    },
    "application/json": {
        "schema": {},
        "examples": {
            "events": {"summary": "Our own events in one object", "value": {"events": [PURCHASE, REFUND]}},
            "nonce": {"summary": "The same beside a nonce (RSA)", "value": {"Nonce": 4711, "events": [PURCHASE]}},
            "stripe_issuing": {"summary": "The layout `stripe_issuing`", "value": STRIPE_EVENT},
        },
    },
    "text/csv": {"schema": {"type": "string"}},
    "application/xml": {"schema": {"type": "string"}},
    "application/octet-stream": {"schema": _BYTES},
}
