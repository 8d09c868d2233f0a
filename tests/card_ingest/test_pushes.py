"""The pushing door over HTTP: every scheme, compression with its cap, layouts of a provider's own, and bad input."""

import base64
import gzip
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from services.card_ingest.endpoints import bodies
from services.shared import clock
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import rates
from services.shared.web.load import Hold, Load
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

PUSH = "/v1/feeds/northbank/deliveries"
TRIAL = "/v1/feeds/northbank/trial-deliveries"
KEYS = "/v1/feeds/northbank/keys"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
GZIP = {"content-encoding": "gzip"}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def admin(feed: Feed, clients: Clients) -> httpx.AsyncClient:
    return clients.of(Role.ADMINISTRATOR)


@pytest.fixture
async def machine(feed: Feed, clients: Clients) -> httpx.AsyncClient:
    return clients.bare(Role.FEED, provider="northbank")


@pytest.fixture
async def secret(admin: httpx.AsyncClient) -> str:
    made = await admin.post(KEYS)
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


def webhook(body: bytes, secret: str, *, id: str = "msg_1") -> dict[str, str]:
    return build.signed(body, secret=secret, delivery_id=id, at=clock.now())


async def stored(feed: Feed) -> int:
    tables = ("feed_delivery", "feed_content", "card_transaction", "quarantined_row", "card_hold")
    return sum([await feed.count(table) for table in tables])


async def test_a_compressed_push_is_signed_and_counted_as_it_was_sent(
    feed: Feed, machine: httpx.AsyncClient, secret: str
) -> None:
    plain = build.ndjson([build.an_event(f"t{number}", amount_pence=100) for number in range(50)])
    body = gzip.compress(plain[:700]) + gzip.compress(plain[700:])
    headers = webhook(body, secret) | GZIP
    answer = await machine.post(PUSH, content=body, headers=headers)
    receipt = answer.json()
    assert answer.status_code == 202, answer.text
    assert (receipt["rows"], receipt["posted"]) == (50, {"rows": 50, "pence": 5000})
    assert (receipt["sha256"], receipt["size_bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
    again = await machine.post(PUSH, content=body, headers=webhook(body, secret) | GZIP)
    assert again.json() == receipt | {"already_received": True}
    over_plain = await machine.post(PUSH, content=body, headers=webhook(plain, secret, id="msg_2") | GZIP)
    assert problem(over_plain) == (401, "signature_wrong")
    assert await feed.books() == Books(-5000, 0, 50)


BROKEN_OR_TOO_LARGE = [
    (gzip.compress(b"{}\n" * 100)[:-5], (422, "broken_gzip")),
    (gzip.compress(b"{}\n")[:10], (422, "broken_gzip")),
    (gzip.compress(b"{}\n") + b"more", (422, "broken_gzip")),
    (gzip.compress(b"{}\n")[:-8] + bytes(8), (422, "broken_gzip")),
    (zlib.compress(b"{}\n"), (422, "broken_gzip")),
    (b"", (422, "broken_gzip")),
    (gzip.compress(b""), (422, "empty_delivery")),
    (gzip.compress(b"\n\n"), (422, "empty_delivery")),
    (gzip.compress(b" " * 33_554_433), (413, "inflated_too_large")),
    (gzip.compress(b" " * 20_000_000) * 2, (413, "inflated_too_large")),
    (gzip.compress(gzip.compress(b"{}\n")), (422, "archive")),
    (gzip.compress(b"") * 10_001, (422, "broken_gzip")),
]


async def test_what_is_no_whole_gzip_or_a_bomb_is_refused(feed: Feed, machine: httpx.AsyncClient, secret: str) -> None:
    for body, expected in BROKEN_OR_TOO_LARGE:
        answer = await machine.post(PUSH, content=body, headers=webhook(body, secret) | GZIP)
        assert problem(answer) == expected
    assert await stored(feed) == 0


def test_time_to_inflate_grows_with_the_body_and_not_with_its_square() -> None:
    def seconds(members: int) -> float:
        body, began = gzip.compress(b"x" * 500, 0) * members, time.process_time()
        hold = Hold(Load(most_requests=1, most_bytes=10**7))
        assert len(bodies.inflated(body, at_most=10**7, hold=hold)) == 500 * members
        return time.process_time() - began

    few = min(seconds(2_500) for _ in range(3))
    assert min(seconds(10_000) for _ in range(3)) < 8 * few


async def test_a_body_without_a_length_is_cut_off_at_the_cap(
    feed: Feed, machine: httpx.AsyncClient, secret: str
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield bytes(2**20)

    headers = webhook(b"", secret)
    assert problem(await machine.post(PUSH, content=endless(), headers=headers)) == (413, "body_too_large")
    assert await stored(feed) == 0


async def test_an_ed25519_key_of_the_provider_proves_a_push(
    feed: Feed, machine: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    public = base64.b64encode(ED25519.public_key().public_bytes_raw()).decode()
    made = await admin.post(KEYS, json={"kind": "ed25519", "public_part": f"whpk_{public}"})
    assert made.status_code == 201, made.text
    assert "secret" not in made.json()
    body, at = build.ndjson([build.an_event("t1")]), str(int(clock.now().timestamp()))
    signature = base64.b64encode(ED25519.sign(f"msg_1.{at}.".encode() + body)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": f"v1a,{signature}"} | NDJSON
    answer = await machine.post(PUSH, content=body, headers=headers)
    assert (answer.status_code, answer.json()["posted"]["rows"]) == (202, 1)


async def test_stripe_pushes_its_own_events_with_a_secret_of_its_own(
    feed: Feed, machine: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    made_by_them = "whsec_" + "0a" * 24
    amended = await admin.patch(
        "/v1/feeds/northbank", json={"signature_scheme": "stripe", "push_profile": "stripe_issuing"}
    )
    assert (amended.status_code, amended.json()["push_profile"]) == (200, "stripe_issuing")
    added = await admin.post(KEYS, json={"kind": "stripe", "secret": made_by_them})
    assert (added.status_code, made_by_them in added.text) == (201, False)
    fields = {
        "id": "ipi_1", "amount": -250, "currency": "gbp", "created": int(clock.now().timestamp()) - 60,
        "type": "capture", "card": "CARD-1", "merchant_data": {"name": "SHOP", "category_code": "5411"},
    }  # fmt: skip
    body = json.dumps({"type": "issuing_transaction.created", "data": {"object": fields}}).encode()

    def signed(secret: str) -> dict[str, str]:
        at = int(clock.now().timestamp())
        digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={at},v1={digest}"} | JSON

    answer = await machine.post(PUSH, content=body, headers=signed(made_by_them))
    assert (answer.status_code, answer.json()["profile"]) == (202, "stripe_issuing"), answer.text
    assert await feed.books() == Books(-250, 0, 1)
    assert problem(await machine.post(PUSH, content=body, headers=signed("whsec_other"))) == (401, "signature_wrong")
    as_lines = await machine.post(PUSH, content=body, headers=signed(made_by_them) | NDJSON)
    assert problem(as_lines) == (415, "unsupported_media_type")


def detached(body: bytes, *, request_id: str | None = None) -> dict[str, str]:
    signature = base64.b64encode(RSA.sign(body, PKCS1v15(), hashes.SHA256())).decode()
    return {"DigitalSignature": signature} | JSON | ({"X-Request-Id": request_id} if request_id else {})


@pytest.fixture
async def rsa_feed(admin: httpx.AsyncClient) -> None:
    assert (await admin.patch("/v1/feeds/northbank", json={"signature_scheme": "rsa_nonce"})).status_code == 200
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    assert (await admin.post(KEYS, json={"kind": "rsa", "public_part": pem})).status_code == 201


@pytest.mark.usefixtures("rsa_feed")
async def test_an_rsa_push_gets_its_nonce_back(feed: Feed, machine: httpx.AsyncClient) -> None:
    body = json.dumps({"Nonce": 4711, "events": [build.an_event("t1")]}).encode()
    answer = await machine.post(PUSH, content=body, headers=detached(body, request_id="a-request"))
    assert (answer.status_code, answer.json()["Nonce"]) == (202, 4711), answer.text
    again = await machine.post(PUSH, content=body, headers=detached(body, request_id="another"))
    assert again.json() == answer.json() | {"already_received": True}
    other = json.dumps({"Nonce": 4712, "events": [build.an_event("t2")]}).encode()
    reused = await machine.post(PUSH, content=other, headers=detached(other, request_id="a-request"))
    assert problem(reused) == (409, "delivery_id_reused")
    assert (await machine.post(PUSH, content=other, headers=detached(other))).status_code == 202
    read = (await machine.get(answer.headers["Location"])).json()
    assert answer.json() == read | {"Nonce": 4711}
    assert await feed.count("card_transaction") == 2


@pytest.mark.usefixtures("rsa_feed")
async def test_a_push_without_a_nonce_is_refused(feed: Feed, machine: httpx.AsyncClient) -> None:
    for nonce in ("", '"Nonce": null,', '"Nonce": 1.5,', '"Nonce": [],', f'"Nonce": {"9" * 40},'):
        body = b'{%s "events": [%s]}' % (nonce.encode(), json.dumps(build.an_event("t1")).encode())
        assert problem(await machine.post(PUSH, content=body, headers=detached(body))) == (422, "nonce_missing")
    assert await stored(feed) == 0


BAD: list[tuple[bytes, dict[str, str], set[int]]] = [
    (b"", JSON, {422}),
    (b"SECRET-VALUE", JSON, {422}),
    (b'[{"amount_pence": NaN, "merchant_name": "SECRET-VALUE"}]', JSON, {422}),
    (b"[" * 200_000 + b"]" * 200_000, JSON, {422}),
    (b'[{"amount_pence": ' + b"9" * 5_000 + b', "merchant_name": "SECRET-VALUE"}]', JSON, {200, 202, 422}),
    (b'[{"merchant_name": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}]", JSON, {200, 202, 422}),
    (b'{"merchant_name": "SECRET-VALUE\xff"}', NDJSON, {422}),
    (b'{"merchant_name": "SECRET-VALUE"}\n\x00', NDJSON, {422}),
    ('{"merchant_name": "SECRET-VALUE"}'.encode("utf-16"), NDJSON, {422}),
    (b"SECRET-VALUE", {"content-type": "text/plain"}, {415}),
    (b"SECRET-VALUE", {"content-type": ""}, {415}),
    (b"SECRET-VALUE", {"content-type": "application/json; charset=latin-1"}, {415}),
    (b"SECRET-VALUE", {"content-type": 'application/json; charset="utf-16"'}, {415}),
    (b"SECRET-VALUE", {"content-type": "text/csv"}, {415}),
    (b"SECRET-VALUE", {"content-type": "application/xml"}, {415}),
    (b"SECRET-VALUE", JSON | {"content-encoding": "deflate"}, {415}),
    (b"SECRET-VALUE", JSON | {"content-encoding": "gzip"}, {422}),
    (b"<!DOCTYPE x [<!ENTITY a 'SECRET-VALUE'>]><x>&a;</x>", JSON, {422}),
]


@pytest.mark.parametrize("path", [PUSH, TRIAL])
async def test_bad_input_gets_a_clear_problem_and_is_never_repeated(
    feed: Feed, machine: httpx.AsyncClient, secret: str, path: str
) -> None:
    for number, (body, headers, statuses) in enumerate(BAD):
        signed = webhook(body, secret, id=f"msg_{number}")
        answer = await machine.post(path, content=body, headers=signed | headers)
        assert answer.status_code in statuses, (number, answer.text)
        assert "SECRET-VALUE" not in answer.text
        if answer.status_code >= 400:
            assert problem(answer)[0] == answer.status_code
    accepted = sum(202 in statuses for _, _, statuses in BAD)
    assert await feed.count("feed_delivery") <= (accepted if path == PUSH else 0)


async def test_headers_of_any_form_are_refused_and_never_an_error_of_ours(
    machine: httpx.AsyncClient, secret: str
) -> None:
    body = build.ndjson([build.an_event("t1")])
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        for value in ("", " ", "é", "x" * 8_000, "1,2", "\x7f"):
            headers: dict[str, Any] = webhook(body, secret) | {name: value.encode()}
            answer = await machine.post(PUSH, content=body, headers=headers)
            assert answer.status_code == 401, answer.text


async def test_a_machine_may_push_often_and_be_refused_as_seldom_as_anybody(
    feed: Feed, machine: httpx.AsyncClient, clients: Clients, secret: str
) -> None:
    state = clients.apps[Service.CARD_INGEST].state
    state.rates, state.feed_rates = rates.Rates("2/minute"), rates.Rates("7/minute")
    body = build.ndjson([build.an_event("t1")])
    pushed = [await machine.post(PUSH, content=body, headers=webhook(body, secret)) for _ in range(4)]
    assert [answer.status_code for answer in pushed] == [202] * 4
    assert pushed[0].headers["RateLimit-Policy"] == '"caller";q=7;w=60'
    forged = [await machine.post(path, content=b"{}", headers=webhook(body, secret)) for path in (PUSH, TRIAL)]
    assert [problem(answer) for answer in forged] == [(401, "signature_wrong")] * 2
    on_record = "SELECT count(*) FROM audit_entry WHERE outcome = 'refused'"
    assert await feed.connection.fetchval(on_record) == 2
    state.feed_rates = rates.Rates("100/minute")
    assert problem(await machine.post(PUSH, content=b"{}", headers=webhook(body, secret))) == (429, "too_many_requests")
    assert problem(await machine.get("/v1/feeds")) == (429, "too_many_requests")
    assert await feed.connection.fetchval(on_record) == 2
    assert (await machine.post(PUSH, content=body, headers=webhook(body, secret))).status_code == 202
    state.feed_rates = rates.Rates("1/minute")
    last = [await machine.post(PUSH, content=body, headers=webhook(body, secret)) for _ in range(2)]
    assert [answer.status_code for answer in last] == [202, 429]
