"""A provider's machine known by its client certificate: only through the proxy that proves itself, only as a feed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from services import together
from services.shared import clock
from services.shared.identity.permissions import GRANTED_TO, NAMED
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import certificates as presented
from tests.architecture import test_operations as walk
from tests.builders import certificates, deliveries
from tests.builders.certificates import Made
from tests.card_ingest.conftest import Feed
from tests.databases import Databases
from tests.http import Clients

HEADER = "X-Client-Certificate"
SECRET = "a secret that the proxy alone shares with us"
PUSH = "/v1/feeds/northbank/deliveries"


def proxied(settings: Settings) -> Settings:
    changes = {"tls_terminating_proxy": True, "client_certificate_header": HEADER, "proxy_secret": SecretStr(SECRET)}
    return settings.model_copy(update=changes)


@pytest.fixture
async def behind_proxy(databases: Databases) -> AsyncIterator[Clients]:
    settings = proxied(databases.settings)
    app = together.Together(settings, databases={service: databases.of(service) for service in Service})
    async with AsyncExitStack() as stack:
        yield Clients(app=app, settings=settings, stack=stack)


@pytest.fixture
async def made(feed: Feed, clients: Clients) -> Made:
    own = certificates.a_certificate()
    body = {"kind": "client_certificate", "public_part": own.pem}
    added = await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys", json=body)
    assert added.status_code == 201, added.text
    return own


def shown(certificate: str, *, secret: str = SECRET) -> dict[str, str]:
    return {HEADER: certificate, presented.SECRET_HEADER: secret}


async def code_of(client: httpx.AsyncClient, headers: Mapping[str, str], path: str = PUSH) -> tuple[int, str]:
    answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json().get("code", "")


async def test_a_certificate_beside_a_signature_delivers(
    feed: Feed, made: Made, clients: Clients, behind_proxy: Clients
) -> None:
    secret = (await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys")).json()["secret"]
    body = deliveries.ndjson([deliveries.an_event("t1")])
    headers = deliveries.signed(body, secret=secret, delivery_id="msg_1", at=clock.now())
    client = behind_proxy.anonymous()
    unsigned = await client.post(
        PUSH, content=body, headers={"content-type": "application/x-ndjson"} | shown(made.escaped)
    )
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature_missing")
    answer = await client.post(PUSH, content=body, headers=headers | shown(made.structured))
    assert (answer.status_code, answer.json()["posted"]["rows"]) == (202, 1), answer.text
    entry = await feed.connection.fetchrow(
        "SELECT actor, actor_role FROM audit_entry WHERE action = 'deliver_feed' AND outcome = 'done'"
    )
    assert entry is not None
    assert tuple(entry) == (f"machine:northbank:certificate-{made.fingerprint.hex()[:16]}", "feed")
    assert (await code_of(client, shown(made.escaped), "/v1/feeds/eastcard/deliveries"))[0] == 404


async def test_nobody_but_the_proxy_can_claim_a_certificate(
    made: Made, clients: Clients, behind_proxy: Clients
) -> None:
    client = behind_proxy.anonymous()
    assert (await code_of(client, shown(made.escaped)))[0] == 200
    without_secret = [{HEADER: made.escaped}, shown(made.escaped, secret=""), shown(made.escaped, secret=SECRET + "x")]
    for headers in without_secret:
        assert await code_of(client, headers) == (401, "no_token")
    closed = clients.anonymous()
    assert await code_of(closed, shown(made.escaped)) == (401, "no_token")


async def test_an_unknown_retired_or_expired_certificate_opens_nothing(
    feed: Feed, made: Made, clients: Clients, behind_proxy: Clients
) -> None:
    client, now = behind_proxy.anonymous(), clock.now()
    assert await code_of(client, shown(certificates.a_certificate().escaped)) == (401, "unknown_certificate")
    expired = certificates.a_certificate(valid_from=now - timedelta(9), valid_until=now - timedelta(1))
    broken = [
        "",
        "x",
        ":AAAA:",
        ":not base64:",
        "%00",
        "é",
        made.escaped[:200],
        "-----BEGIN CERTIFICATE-----",
        "x" * 20_000,
    ]
    for value in (expired.escaped, *broken):
        headers = {name.encode(): text.encode() for name, text in shown(value).items()}
        assert (await client.get(PUSH, headers=headers)).json()["code"] == "no_token", value[:40]
    admin = clients.of(Role.ADMINISTRATOR)
    key_id = (await admin.get("/v1/feeds")).json()["items"][0]["keys"][0]["id"]
    assert (await admin.delete(f"/v1/feeds/northbank/keys/{key_id}")).status_code == 204
    assert await code_of(client, shown(made.escaped)) == (401, "unknown_certificate")


async def test_a_token_goes_before_a_certificate(made: Made, behind_proxy: Clients) -> None:
    stranger = behind_proxy.bare(Role.FEED, provider="eastcard")
    assert (await code_of(stranger, shown(made.escaped)))[0] == 404
    broken = shown(made.escaped) | {"Authorization": "Bearer nonsense"}
    assert (await code_of(behind_proxy.anonymous(), broken)) == (401, "invalid_token")


async def test_a_certificate_opens_to_a_feed_what_the_table_says_and_nothing_in_the_other_services(
    made: Made, behind_proxy: Clients
) -> None:
    client = behind_proxy.anonymous()
    client.headers.update(shown(made.escaped))
    wrong = []
    for operation in walk.operations():
        status = (await walk.ask(client, operation)).status_code
        if operation.service is not Service.CARD_INGEST:
            wrong += [] if status == 401 else [(operation.name, status)]
        elif (status != 403) != (Role.FEED in GRANTED_TO[NAMED[operation.name]]) or status in (401, 500):
            wrong.append((operation.name, status))
    assert wrong == []


@pytest.mark.parametrize(
    "changes",
    [
        {"proxy_secret": SecretStr("")},
        {"proxy_secret": SecretStr("k" * 31)},
        {"tls_terminating_proxy": False},
        {"client_certificate_header": None},
    ],
)
def test_unless_all_is_set_certificates_are_off(settings: Settings, changes: dict[str, object]) -> None:
    own = certificates.a_certificate()
    headers = {HEADER.lower(): own.escaped, presented.SECRET_HEADER: SECRET}
    on = proxied(settings)
    assert presented.presented(headers, settings=on, now=clock.now()) == own.fingerprint
    off = on.model_copy(update=changes)
    assert presented.presented(headers, settings=off, now=clock.now()) is None
