"""Ed25519, Stripe and RSA signatures, made here with the cryptography library and not with our own signing code."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15

from services.card_ingest.signatures import rsa_nonce, schemes, stripe
from services.card_ingest.signatures.proof import LiveKey, UnverifiedDelivery
from services.shared.errors import Invalid
from services.shared.vocabulary.feeds import FeedKeyKind, SignatureScheme

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
BODY = b'{"Nonce": 7}\xff'
SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRIPE_SECRET = "whsec_" + "a1" * 32
PROBABILISTIC = base64.b64encode(RSA.sign(BODY, PSS(MGF1(hashes.SHA256()), 32), hashes.SHA256())).decode()


def ed25519(key: Ed25519PrivateKey) -> LiveKey:
    return LiveKey(FeedKeyKind.ED25519, key.public_key().public_bytes_raw())


def public(key: rsa.RSAPrivateKey) -> LiveKey:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return LiveKey(FeedKeyKind.RSA, key.public_key().public_bytes(serialization.Encoding.PEM, form))


def v1a(key: Ed25519PrivateKey, *, delivery_id: str = "msg_1", body: bytes = BODY) -> str:
    return "v1a," + base64.b64encode(key.sign(f"{delivery_id}.{AT}.".encode() + body)).decode()


def stripe_hex(body: bytes = BODY, *, secret: str = STRIPE_SECRET, at: int = AT) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def detached(key: rsa.RSAPrivateKey, body: bytes = BODY) -> str:
    return base64.b64encode(key.sign(body, PKCS1v15(), hashes.SHA256())).decode()


def refused(
    scheme: SignatureScheme, headers: Mapping[str, str], *keys: LiveKey, body: bytes = BODY, now: datetime = NOW
) -> str:
    with pytest.raises(UnverifiedDelivery) as trouble:
        schemes.verify(scheme, body, headers, keys=keys, now=now)
    return trouble.value.code


def webhook(signature: str) -> dict[str, str]:
    return {"webhook-id": "msg_1", "webhook-timestamp": str(AT), "webhook-signature": signature}


def test_an_ed25519_signature_verifies_beside_others_and_by_any_live_key() -> None:
    offered = f"v1,AAAA {v1a(SEED)} v1a,broken="
    keys = [LiveKey(FeedKeyKind.STANDARD_WEBHOOKS, b"x" * 32), ed25519(OTHER_SEED), ed25519(SEED)]
    assert schemes.verify(SignatureScheme.STANDARD_WEBHOOKS, BODY, webhook(offered), keys=keys, now=NOW) == "msg_1"


@pytest.mark.parametrize(
    "signature",
    [
        v1a(OTHER_SEED),
        v1a(SEED, delivery_id="msg_2"),
        v1a(SEED, body=BODY + b" "),
        v1a(SEED).replace("v1a,", "v1,"),
        "v1a," + base64.b64encode(bytes(63)).decode(),
    ],
)
def test_any_other_ed25519_signature_is_refused(signature: str) -> None:
    scheme = SignatureScheme.STANDARD_WEBHOOKS
    assert refused(scheme, webhook(signature), ed25519(SEED)) == "signature_wrong"
    as_secret = LiveKey(FeedKeyKind.STANDARD_WEBHOOKS, SEED.public_key().public_bytes_raw())
    assert refused(scheme, webhook(v1a(SEED)), as_secret) == "signature_wrong"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
@pytest.mark.parametrize("form", ["t={t},v1={good}", "t={t}, v1={bad} ,v1={good},v0=abc", "v1={upper},t={t}"])
def test_a_stripe_signature_verifies(seconds: int, form: str) -> None:
    good = stripe_hex()
    header = form.format(t=AT, good=good, bad="0" * 64, upper=good.upper())
    keys = [LiveKey(FeedKeyKind.STRIPE, b"another secret of thirty-two bytes"), live_stripe()]
    moment = NOW + timedelta(seconds=seconds)
    found = schemes.verify(SignatureScheme.STRIPE, BODY, {"stripe-signature": header}, keys=keys, now=moment)
    assert found is None


def live_stripe() -> LiveKey:
    return LiveKey(FeedKeyKind.STRIPE, STRIPE_SECRET.encode())


def test_our_own_stripe_signature_is_the_one_that_is_made_independently() -> None:
    assert stripe.sign(BODY, timestamp=AT, secret=STRIPE_SECRET) == f"t={AT},v1={stripe_hex()}"
    assert len(stripe.new_secret()) == 70
    assert stripe.new_secret() != stripe.new_secret()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "signature_missing"),
        ({"stripe-signature": ""}, "signature_malformed"),
        ({"stripe-signature": f"v1={stripe_hex()}"}, "signature_malformed"),
        ({"stripe-signature": f"t={AT},t={AT},v1={stripe_hex()}"}, "signature_malformed"),
        ({"stripe-signature": f"t=now,v1={stripe_hex()}"}, "signature_malformed"),
        ({"stripe-signature": f"t={AT - 301},v1={stripe_hex(at=AT - 301)}"}, "timestamp_stale"),
        ({"stripe-signature": f"t={AT + 301},v1={stripe_hex(at=AT + 301)}"}, "timestamp_stale"),
        ({"stripe-signature": f"t={AT}"}, "signature_wrong"),
        ({"stripe-signature": f"t={AT},v0={stripe_hex()}"}, "signature_wrong"),
        ({"stripe-signature": f"t={AT + 1},v1={stripe_hex()}"}, "signature_wrong"),
        ({"stripe-signature": f"t={AT},v1={stripe_hex(secret='other')}"}, "signature_wrong"),
        ({"stripe-signature": f"t={AT},v1=zz"}, "signature_wrong"),
        ({"stripe-signature": f"t={AT},v1=\u00e9"}, "signature_wrong"),
    ],
)
def test_any_other_stripe_signature_is_refused(headers: dict[str, str], code: str) -> None:
    assert refused(SignatureScheme.STRIPE, headers, live_stripe()) == code


def test_an_rsa_signature_over_the_raw_body_verifies_by_any_live_key() -> None:
    headers = {"digitalsignature": detached(RSA), "x-request-id": "a-request"}
    keys = [public(OTHER_RSA), public(RSA)]
    assert schemes.verify(SignatureScheme.RSA_NONCE, BODY, headers, keys=keys, now=NOW) == "a-request"
    without_id = {"digitalsignature": detached(RSA)}
    assert schemes.verify(SignatureScheme.RSA_NONCE, BODY, without_id, keys=keys, now=NOW) is None


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "signature_missing"),
        ({"digitalsignature": "not base64!"}, "signature_malformed"),
        ({"digitalsignature": "AAAA" * 400}, "signature_malformed"),
        ({"digitalsignature": detached(RSA), "x-request-id": "a b"}, "signature_malformed"),
        ({"digitalsignature": ""}, "signature_wrong"),
        ({"digitalsignature": detached(OTHER_RSA)}, "signature_wrong"),
        ({"digitalsignature": detached(RSA, BODY + b" ")}, "signature_wrong"),
        ({"digitalsignature": PROBABILISTIC}, "signature_wrong"),
    ],
)
def test_any_other_rsa_signature_is_refused(headers: dict[str, str], code: str) -> None:
    assert refused(SignatureScheme.RSA_NONCE, headers, public(RSA)) == code


def test_of_many_signatures_the_first_16_are_checked_and_no_more() -> None:
    scheme, others = SignatureScheme.STANDARD_WEBHOOKS, [v1a(OTHER_SEED)] * 15
    taken = webhook(" ".join([*others, v1a(SEED)]))
    assert schemes.verify(scheme, BODY, taken, keys=[ed25519(SEED)], now=NOW) == "msg_1"
    assert refused(scheme, webhook(" ".join([*others, v1a(OTHER_SEED), v1a(SEED)])), ed25519(SEED)) == "signature_wrong"


def test_no_key_of_another_kind_proves_anything() -> None:
    as_secret = LiveKey(FeedKeyKind.STRIPE, public(RSA).material)
    assert refused(SignatureScheme.RSA_NONCE, {"digitalsignature": detached(RSA)}, as_secret) == "signature_wrong"
    as_rsa = LiveKey(FeedKeyKind.STANDARD_WEBHOOKS, STRIPE_SECRET.encode())
    header = {"stripe-signature": f"t={AT},v1={stripe_hex()}"}
    assert refused(SignatureScheme.STRIPE, header, as_rsa) == "signature_wrong"


@pytest.mark.parametrize(("body", "nonce"), [(b'{"Nonce": 7, "x": [1]}', 7), (b'{"Nonce": "abc"}', "abc")])
def test_the_nonce_is_the_bodys_own(body: bytes, nonce: int | str) -> None:
    assert rsa_nonce.nonce(body) == nonce


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"7", b'{"Nonce": null}', b'{"Nonce": 1.5}', b'{"Nonce": ""}', b'{"nonce": 1}',
        b'{"Nonce": true}', b'{"Nonce": "' + b"x" * 201 + b'"}', b'{"Nonce": ' + b"9" * 400 + b"}", b"\xff",
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_body_without_a_nonce_is_refused_and_not_repeated(body: bytes) -> None:
    with pytest.raises(Invalid) as trouble:
        rsa_nonce.nonce(body)
    assert trouble.value.code == "nonce_missing"
    assert "999" not in str(trouble.value)
