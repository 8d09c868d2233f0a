"""Every list of every service, found in its OpenAPI document, is given cursors that it never gave out."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from services import together
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from tests.builders import clawback as build
from tests.builders import deliveries
from tests.databases import Databases
from tests.http import Clients

SOME_ID = "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10"
PARTS: tuple[object, ...] = (
    None,
    True,
    1,
    -1,
    1.5,
    2**31,
    2**63,
    10**30,
    "",
    "a",
    "\x00",
    "\ud800",
    "Infinity",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-11-22T00:00:00",
    SOME_ID,
    [],
    {"a": [1]},
)
RAW = (b"", b"1", b"null", b"[", b"[" * 380, b"\xff", b"{}", b"[NaN]", b"[1e999]", b"[" + b"9" * 370 + b"]")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def hostile() -> Iterator[str]:
    """Yield broken cursors, and some of one and of two keys of every sort, each as one order's cursors are written."""
    yield from ("x", "WzFd", "!!!!", "é", "\x00", "%", "=" * 9, "A" * 512)
    yield from (encoded(raw) for raw in RAW)
    for part in PARTS:
        for keys in (["", part], ["", part, SOME_ID], ["", "2026-11-22", part]):
            yield encoded(json.dumps(keys).encode())


def lists() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and document of each operation that takes a cursor."""
    for create in together.CREATE.values():
        for path, methods in create(settings=Settings()).openapi()["paths"].items():
            for method, operation in methods.items():
                if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", [])):
                    yield method.upper(), path, operation


async def records(databases: Databases) -> Mapping[str, str]:
    """Make what the lists under a path are of, so that their cursors are read."""
    async with databases.superuser() as connection:
        agreement_id = await build.money_held(connection, 100_000, on=build.STARTED_ON)
        (account_id,) = await build.accounts_of(connection, agreement_id)
        await deliveries.a_card(connection, account_id, "CARD-1")
    receipt = await deliveries.receive(databases.card_ingest, deliveries.ndjson([deliveries.an_event("t-1")]))
    assert receipt.posted.rows == 1
    return {
        "agreement_id": str(agreement_id),
        "account_id": str(account_id),
        "provider": deliveries.PROVIDER,
        "delivery_id": str(receipt.delivery_id),
    }


@pytest.fixture
async def of_records(databases: Databases) -> Mapping[str, str]:
    return await records(databases)


async def test_no_list_of_any_service_fails_on_a_cursor_it_never_gave_out(
    clients: Clients, of_records: Mapping[str, str]
) -> None:
    for app in clients.apps.values():
        app.state.rates = app.state.feed_rates
    tokens, wrong = list(hostile()), []
    for method, path, operation in lists():
        address = path.format_map(of_records)
        query = {"provider": deliveries.PROVIDER, "transaction_id": "t-1"} if path == "/v1/categorisations" else {}
        body = {"postcode": "LE1 1AA"} if method == "POST" else None
        roles = operation["x-roles"]
        for number, role in enumerate(roles):
            client = clients.bare(Role(role), teams=["north"], provider=deliveries.PROVIDER)
            whole = await client.request(method, address, params=query, json=body)
            assert whole.status_code == 200, (path, role, whole.text)
            for cursor in tokens[number :: len(roles)]:
                found = await client.request(method, address, params={**query, "cursor": cursor}, json=body)
                if found.status_code not in (200, 400, 422):
                    wrong.append((path, role, cursor, found.status_code))
    assert wrong == []
