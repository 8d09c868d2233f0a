"""A delivery on trial: told as the real one would end, row by row, and nothing of it left behind."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from services.shared import clock
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.http import Clients

PUSH = "/v1/feeds/northbank/deliveries"
TRIAL = "/v1/feeds/northbank/trial-deliveries"
OUTCOMES = ("posted", "already_posted", "held", "no_money", "quarantined")


@pytest.fixture
async def machine(feed: Feed, clients: Clients) -> httpx.AsyncClient:
    return clients.bare(Role.FEED, provider="northbank")


@pytest.fixture
async def secret(feed: Feed, clients: Clients) -> str:
    return str((await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys")).json()["secret"])


async def send(machine: httpx.AsyncClient, path: str, secret: str, body: bytes, *, id: str = "msg_1") -> dict[str, Any]:
    headers = build.signed(body, secret=secret, delivery_id=id, at=clock.now())
    answer = await machine.post(path, content=body, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcomes(receipt: Mapping[str, Any]) -> dict[str, Any]:
    return {name: receipt[name] for name in (*OUTCOMES, "rows", "delivered_pence", "unread_amounts", "waiting")}


async def everything(feed: Feed) -> dict[str, int]:
    tables = await feed.connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return {each["tablename"]: await feed.count(each["tablename"]) for each in tables}


EVENTS: list[Mapping[str, Any] | bytes] = [
    build.an_event("t1", amount_pence=100),
    build.an_event("known", amount_pence=700),
    build.an_event("known", amount_pence=701),
    build.an_event("t1", amount_pence=100),
    build.an_event("t1", amount_pence=101),
    build.an_event("t2", card_ref="SECRET-REF"),
    build.an_event("t3", card_ref=None, account_ref="SECRET-REF"),
    build.an_event("t4", account_ref="ACC-1", card_ref="CARD-2"),
    build.an_event("t5", account_ref="ACC-3", card_ref=None),
    build.an_event("a1", status="authorised"),
    build.an_event("a2", status="authorised", amount_pence=0),
    build.an_event("d1", status="declined", decline_reason="SECRET-REF"),
    build.an_event("t6", merchant_name="4111 1111 1111 1111"),
    build.an_event("t7", amount_pence=None),
    b'{"SECRET-REF',
]


async def test_a_trial_tells_what_the_real_delivery_then_does(
    feed: Feed, machine: httpx.AsyncClient, secret: str
) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await build.an_account(feed.connection, "ACC-3", closed_on=build.NOW.date().replace(year=2020))
    await feed.send(build.an_event("known", amount_pence=700))
    body = build.ndjson(EVENTS)
    before = await everything(feed)
    told = await send(machine, TRIAL, secret, body)
    assert await everything(feed) == before
    done = await send(machine, PUSH, secret, body)
    assert outcomes(told) == outcomes(done)
    assert (told["sha256"], told["size_bytes"]) == (done["sha256"], done["size_bytes"])
    rows = (await machine.get(done["rows_url"], params={"limit": 100})).json()["items"]
    assert [(row["row_number"], row["outcome"], row["code"]) for row in told["sample"]] == [
        (row["row_number"], row["outcome"], row["code"]) for row in rows
    ]
    assert "SECRET-REF" not in json.dumps(told)
    assert "4111" not in json.dumps(told)


async def test_a_sample_has_the_rows_that_would_wait_first(feed: Feed, machine: httpx.AsyncClient, secret: str) -> None:
    good = [build.an_event(f"t{number}") for number in range(300)]
    bad = [build.an_event(f"u{number}", card_ref="NOBODYS") for number in range(150)]
    told = await send(machine, TRIAL, secret, build.ndjson([*good, *bad]))
    assert (told["posted"]["rows"], told["quarantined"]["rows"], len(told["sample"])) == (300, 150, 200)
    assert [row["row_number"] for row in told["sample"]] == [*range(1, 51), *range(301, 451)]
    assert all(row["remedy"] for row in told["sample"] if row["outcome"] == "quarantined")


async def test_a_forged_trial_is_refused_and_on_record(feed: Feed, machine: httpx.AsyncClient, secret: str) -> None:
    body = build.ndjson([build.an_event("t1")])
    headers = build.signed(body, secret=secret, delivery_id="msg_1", at=clock.now())
    forged = await machine.post(TRIAL, content=body + b"\n", headers=headers)
    assert (forged.status_code, forged.json()["code"]) == (401, "signature_wrong")
    entry = await feed.connection.fetchrow("SELECT action, reason FROM audit_entry WHERE outcome = 'refused'")
    assert entry is not None
    assert tuple(entry) == ("try_feed", "signature_wrong")
    elsewhere = await machine.post("/v1/feeds/eastcard/trial-deliveries", content=body, headers=headers)
    assert elsewhere.status_code == 404


async def test_a_card_number_is_refused_in_the_id_and_told_in_a_row_and_left_nowhere(
    feed: Feed, machine: httpx.AsyncClient, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = "4111111111111111"
    before = await everything(feed)
    body = build.ndjson([build.an_event("t1", merchant_name=f"SHOP {number}")])
    told = await send(machine, TRIAL, secret, body)
    assert [each["code"] for each in told["waiting"]] == ["card_number_in_row"]
    plain = build.ndjson([build.an_event("t2")])
    for path in (PUSH, TRIAL):
        headers = build.signed(plain, secret=secret, delivery_id=number, at=clock.now())
        answer = await machine.post(path, content=plain, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "card_number_in_reference"), path
        assert number not in answer.text
    assert await everything(feed) == before
    shown = capsys.readouterr()
    assert number not in json.dumps(told) + shown.out + shown.err
