import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.card_ingest.signatures import standard_webhooks
from services.card_ingest.signatures.proof import LiveKey, UnverifiedDelivery
from services.shared.vocabulary.feeds import FeedKeyKind

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = b"0123456789abcdef0123456789abcdef"
OLD_KEY = b"fedcba9876543210fedcba9876543210"
BODY = b'{"events": []}\xff'
AT = int(NOW.timestamp())


def independent_signature(body: bytes, *, delivery_id: str, timestamp: int, key: bytes) -> str:
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


GOOD = independent_signature(BODY, delivery_id="msg_1", timestamp=AT, key=KEY)


def verify(
    signature: str | None = GOOD, *, id: str | None = "msg_1", timestamp: str | None = str(AT), body: bytes = BODY,
    keys: tuple[bytes, ...] = (KEY,), now: datetime = NOW,
) -> str:  # fmt: skip
    given = {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    headers = {name: value for name, value in given.items() if value is not None}
    live = [LiveKey(FeedKeyKind.STANDARD_WEBHOOKS, key) for key in keys]
    return standard_webhooks.verify(body, headers, live, now)


def test_the_published_vector_verifies(reference_data: Path) -> None:
    vector = json.loads((reference_data / "vectors/standard_webhooks_known_answer.json").read_text())
    at = datetime.fromtimestamp(int(vector["webhook-timestamp"]), UTC)
    found = verify(
        vector["webhook-signature"],
        id=vector["webhook-id"],
        timestamp=vector["webhook-timestamp"],
        body=vector["payload"].encode(),
        keys=(standard_webhooks.key_of(vector["secret"]),),
        now=at,
    )
    assert found == vector["webhook-id"]


def test_a_signature_made_independently_verifies_over_bytes_that_are_no_text() -> None:
    assert verify() == "msg_1"
    assert standard_webhooks.sign(BODY, id="msg_1", timestamp=AT, key=KEY) == GOOD


def test_any_of_several_signatures_and_any_live_key_will_do() -> None:
    by_old = independent_signature(BODY, delivery_id="msg_1", timestamp=AT, key=OLD_KEY)
    assert verify(f"v1a,AAAA v1,broken= {by_old} {GOOD}") == "msg_1"
    assert verify(by_old, keys=(KEY, OLD_KEY)) == "msg_1"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_timestamp_300_s_off_is_taken(seconds: int) -> None:
    assert verify(now=NOW + timedelta(seconds=seconds)) == "msg_1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"now": NOW + timedelta(seconds=301)}, "timestamp_stale"),
        ({"now": NOW - timedelta(seconds=301)}, "timestamp_stale"),
        ({"timestamp": str(AT + 1)}, "signature_wrong"),
        ({"id": "msg_2"}, "signature_wrong"),
        ({"body": BODY + b" "}, "signature_wrong"),
        ({"keys": (OLD_KEY,)}, "signature_wrong"),
        ({"keys": ()}, "signature_wrong"),
        ({"signature": "v1," + base64.b64encode(b"x" * 32).decode()}, "signature_wrong"),
        ({"signature": GOOD.replace("v1,", "v2,")}, "signature_wrong"),
        ({"signature": ""}, "signature_wrong"),
        ({"signature": None}, "signature_missing"),
        ({"id": None}, "signature_missing"),
        ({"timestamp": None}, "signature_missing"),
        ({"timestamp": "now"}, "signature_malformed"),
        ({"timestamp": "9" * 400}, "signature_malformed"),
        ({"id": "a.b"}, "signature_malformed"),
        ({"id": ""}, "signature_malformed"),
    ],
)
def test_anything_else_is_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(UnverifiedDelivery) as refused:
        verify(**changes)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_new_secret_has_32_random_bytes() -> None:
    one, other = standard_webhooks.new_secret(), standard_webhooks.new_secret()
    assert one.startswith("whsec_")
    assert len(standard_webhooks.key_of(one)) == 32
    assert one != other
