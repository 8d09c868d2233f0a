"""Providers as an administrator sets them: amended with a trace, keys of every kind, and none that is weak."""

import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.card_ingest.signatures import keys
from services.shared.errors import Invalid
from services.shared.identity.roles import Role
from services.shared.vocabulary.feeds import FeedKeyKind
from tests.builders import certificates
from tests.card_ingest.conftest import Feed
from tests.http import Clients

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEYS = "/v1/feeds/northbank/keys"
PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
FORM = serialization.PublicFormat.SubjectPublicKeyInfo
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505 (weak on purpose)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
CURVE = ec.generate_private_key(ec.SECP256R1()).public_key()


ORDER_EIGHT = base64.b64encode(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
).decode()


def text(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(PEM, FORM).decode()


def refused(kind: FeedKeyKind, given: str) -> str:
    with pytest.raises(Invalid) as trouble:
        keys.public_part(kind, given, now=NOW)
    assert given[:40] not in str(trouble.value)
    return trouble.value.code


def test_a_public_key_is_read_as_pem_and_as_base64() -> None:
    as_pem = keys.public_part(FeedKeyKind.RSA, text(RSA), now=NOW)
    as_base64 = base64.encodebytes(RSA.public_bytes(DER, FORM)).decode()
    assert keys.public_part(FeedKeyKind.RSA, as_base64, now=NOW) == as_pem
    raw = ED25519.public_bytes_raw()
    for given in (base64.b64encode(raw).decode(), ED25519.public_bytes(PEM, FORM).decode()):
        stored = keys.public_part(FeedKeyKind.ED25519, given, now=NOW)
        assert keys.live(FeedKeyKind.ED25519, stored.text).material == raw


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [
        (FeedKeyKind.RSA, text(SHORT_RSA), "weak_key"),
        (FeedKeyKind.RSA, text(CURVE), "unusable_key"),
        (FeedKeyKind.RSA, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "unusable_key"),
        (FeedKeyKind.RSA, "not base64!", "unusable_key"),
        (FeedKeyKind.ED25519, text(RSA), "unusable_key"),
        (FeedKeyKind.ED25519, base64.b64encode(bytes(31)).decode(), "unusable_key"),
        (FeedKeyKind.ED25519, "é", "unusable_key"),
        (FeedKeyKind.ED25519, base64.b64encode(bytes([1]) + bytes(31)).decode(), "weak_key"),
        (FeedKeyKind.ED25519, base64.b64encode(bytes(32)).decode(), "weak_key"),
        (FeedKeyKind.ED25519, ORDER_EIGHT, "weak_key"),
        (FeedKeyKind.CLIENT_CERTIFICATE, text(RSA), "unusable_key"),
    ],
)
def test_what_is_weak_or_no_key_is_refused(kind: FeedKeyKind, given: str, code: str) -> None:
    assert refused(kind, given) == code


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)])
def test_a_certificate_out_of_date_is_refused(days: tuple[int, int]) -> None:
    made = certificates.a_certificate(valid_from=NOW + timedelta(days[0]), valid_until=NOW + timedelta(days[1]))
    assert refused(FeedKeyKind.CLIENT_CERTIFICATE, made.pem) == "weak_key"
    weak = certificates.a_certificate(
        valid_from=NOW - timedelta(1), valid_until=NOW + timedelta(1),
        key=rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505 (weak on purpose)
    )  # fmt: skip
    assert refused(FeedKeyKind.CLIENT_CERTIFICATE, weak.pem) == "weak_key"


def test_a_certificate_is_known_by_the_sha_256_of_its_bytes() -> None:
    made = certificates.a_certificate(valid_from=NOW - timedelta(1), valid_until=NOW + timedelta(1))
    stored = keys.public_part(FeedKeyKind.CLIENT_CERTIFICATE, made.pem, now=NOW)
    assert stored.fingerprint == x509.load_pem_x509_certificate(made.pem.encode()).fingerprint(hashes.SHA256())


@pytest.mark.parametrize(
    ("kind", "secret", "code"),
    [
        (FeedKeyKind.STANDARD_WEBHOOKS, "whsec_" + base64.b64encode(bytes(23)).decode(), "weak_key"),
        (FeedKeyKind.STANDARD_WEBHOOKS, "whsec_" + base64.b64encode(bytes(65)).decode(), "weak_key"),
        (FeedKeyKind.STANDARD_WEBHOOKS, "whsec_not base64!", "unusable_key"),
        (FeedKeyKind.STRIPE, "whsec_short", "weak_key"),
        (FeedKeyKind.STRIPE, "whsec_ " + "a" * 40, "weak_key"),
    ],
)
def test_a_weak_secret_is_refused(kind: FeedKeyKind, secret: str, code: str) -> None:
    with pytest.raises(Invalid) as trouble:
        keys.secret(kind, secret)
    assert (trouble.value.code, trouble.value.pointer) == (code, "/secret")


@pytest.fixture
async def admin(feed: Feed, clients: Clients) -> httpx.AsyncClient:
    return clients.of(Role.ADMINISTRATOR)


async def test_an_amendment_is_on_record_with_what_was_before(feed: Feed, admin: httpx.AsyncClient) -> None:
    first = await admin.patch("/v1/feeds/northbank", json={"expected_every_hours": 26, "name": "North Bank"})
    assert first.status_code == 200, first.text
    second = await admin.patch("/v1/feeds/northbank", json={"expected_every_hours": None, "signature_scheme": "stripe"})
    shown = second.json()
    assert (shown["expected_every_hours"], shown["signature_scheme"], shown["name"]) == (None, "stripe", "North Bank")
    assert (await admin.get("/v1/feeds")).json()["items"] == [shown]
    found = await feed.connection.fetch("SELECT changes FROM audit_entry WHERE action = 'amend_provider' ORDER BY id")
    assert json.loads(found[1]["changes"]) == {
        "expected_every_hours": {"before": 26, "after": None},
        "signature_scheme": {"before": "standard_webhooks", "after": "stripe"},
    }


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/feeds/northbank", {}, (422, "empty_amendment")),
        ("/v1/feeds/northbank", {"push_profile": "elsewhere"}, (422, "unknown_profile")),
        ("/v1/feeds/northbank", {"push_profile": "../secrets"}, (422, "invalid")),
        ("/v1/feeds/northbank", {"expected_every_hours": 0}, (422, "invalid")),
        ("/v1/feeds/northbank", {"signature_scheme": "none"}, (422, "invalid")),
        ("/v1/feeds/northbank", {"name": None}, (422, "invalid")),
        ("/v1/feeds/northbank", {"code": "other"}, (422, "invalid")),
        ("/v1/feeds/nobody", {"name": "Nobody"}, (404, "not_found")),
    ],
)
async def test_an_amendment_that_cannot_be_is_refused(
    admin: httpx.AsyncClient, path: str, body: dict[str, object], expected: tuple[int, str]
) -> None:
    answer = await admin.patch(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == expected


async def test_a_key_is_of_its_own_form_alone(feed: Feed, admin: httpx.AsyncClient) -> None:
    made = certificates.a_certificate()
    certificate = {"kind": "client_certificate", "public_part": made.pem}
    added = await admin.post(KEYS, json=certificate)
    assert (added.status_code, added.json()["fingerprint"]) == (201, made.fingerprint.hex())
    refusals = {
        "certificate_taken": certificate,
        "public_part_needed": {"kind": "rsa"},
        "secret_needed": {"kind": "stripe", "public_part": made.pem},
        "weak_key": {"kind": "rsa", "public_part": text(SHORT_RSA)},
        "unusable_key": {"kind": "ed25519", "public_part": "AAAA"},
        "invalid": {"kind": "password"},
    }
    for code, body in refusals.items():
        answer = await admin.post(KEYS, json=body)
        assert answer.json()["code"] == code, answer.text
    await admin.patch("/v1/feeds/northbank", json={"signature_scheme": "rsa_nonce"})
    assert (await admin.post(KEYS)).json()["code"] == "public_part_needed"
    assert [key["kind"] for key in (await admin.get("/v1/feeds")).json()["items"][0]["keys"]] == ["client_certificate"]
    stored = await feed.connection.fetchval("SELECT secret_encrypted FROM feed_key")
    assert b"CERTIFICATE" not in stored


async def test_a_public_key_added_twice_under_one_idempotency_key_is_answered_again(admin: httpx.AsyncClient) -> None:
    body = {"kind": "rsa", "public_part": text(RSA)}
    first, second = [await admin.post(KEYS, json=body, headers={"Idempotency-Key": "just-once"}) for _ in range(2)]
    assert (first.status_code, second.status_code, second.json()) == (201, 201, first.json())
