"""What is answered as stored is stored: commits that the database refuses at the very end, at every door."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from services.card_ingest import pipeline
from services.card_ingest.folder import operations as folder
from services.card_ingest.folder.places import Looks
from services.shared import clock
from services.shared.identity.roles import Role
from tests.builders import commits
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

PUSH, FILES = "/v1/feeds/northbank/deliveries", "/v1/feeds/northbank/files"
FAULTS = {500, 503}
WITHOUT_IDS = (
    "TRANS DATE,BILLING GROSS AMT,MERCHANT NAME,CARD NUMBER,TRANS CAC CODE 1\n"
    "2026-11-10,3.50,cafe,x,x\n2026-11-11,2.00,tea room,x,x\n"
)


@pytest.fixture
async def machine(clients: Clients, feed: Feed) -> httpx.AsyncClient:
    return clients.bare(Role.FEED, provider="northbank")


@pytest.fixture
async def secret(clients: Clients, feed: Feed) -> str:
    return str((await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys")).json()["secret"])


async def push_at_once(machine: httpx.AsyncClient, secret: str, count: int) -> list[httpx.Response]:
    async def push(number: int) -> httpx.Response:
        status = "authorised" if number % 3 == 0 else "posted"
        body = build.ndjson([build.an_event(f"t{number}", amount_pence=100 + number, status=status)])
        headers = build.signed(body, secret=secret, delivery_id=f"msg_{number}", at=clock.now())
        return await machine.post(PUSH, content=body, headers=headers)

    return await asyncio.gather(*map(push, range(count)))


@pytest.mark.parametrize("table", ["feed_delivery", "feed_progress", "audit_entry"])
async def test_gathered_pushes_whose_commit_fails_are_not_answered_as_stored(
    feed: Feed, machine: httpx.AsyncClient, secret: str, table: str
) -> None:
    async with commits.failing(feed.connection, table):
        answers = await push_at_once(machine, secret, 12)
    assert {answer.status_code for answer in answers} <= FAULTS
    assert await feed.count("feed_delivery") == await feed.count("card_transaction") == 0
    again = await push_at_once(machine, secret, 12)
    assert {(answer.status_code, answer.json()["already_received"]) for answer in again} == {(202, False)}
    held = [100 + number for number in range(0, 12, 3)]
    posted = [100 + number for number in range(12) if number % 3]
    assert await feed.books() == Books(-sum(posted), sum(held), len(posted))


async def test_a_delivery_whose_batch_does_not_commit_is_stored_and_not_said_to_have_posted(
    feed: Feed, machine: httpx.AsyncClient, secret: str
) -> None:
    async with commits.failing(feed.connection, "feed_batch"):
        answers = await push_at_once(machine, secret, 4)
    assert not [answer for answer in answers if answer.status_code == 202 and answer.json()["status"] == "posted"]
    assert await feed.count("card_transaction") == 0
    await pipeline.resume(feed.database, actor=build.ACTOR, now=clock.now() + 2 * pipeline.ABANDONED_AFTER)
    assert await feed.books() == Books(-(101 + 102), 100 + 103, 2)


async def upload(clients: Clients, account: str) -> httpx.Response:
    sent = {"profile": "birmingham", "account": account}
    headers = {"content-type": "text/csv"}
    officer = clients.of(Role.FINANCE_OFFICER)
    return await officer.post(FILES, params=sent, content=WITHOUT_IDS.encode(), headers=headers)


async def test_an_upload_whose_commit_fails_is_not_answered_as_stored(feed: Feed, clients: Clients) -> None:
    async with commits.failing(feed.connection, "feed_delivery"):
        assert (await upload(clients, "ACC-1")).status_code in FAULTS
    assert await feed.count("feed_delivery") == 0
    assert (await upload(clients, "ACC-1")).status_code == 202
    assert await feed.books() == Books(-550, 0, 2)


async def test_the_same_file_for_two_accounts_is_two_deliveries_and_each_account_gets_its_own(
    feed: Feed, clients: Clients
) -> None:
    other = await build.an_account(feed.connection, "ACC-2")
    receipts = [(await upload(clients, account)).json() for account in ("ACC-1", "ACC-2", "ACC-1", "ACC-2")]
    told = [(receipt["account_ref"], receipt["already_received"]) for receipt in receipts]
    assert told == [("ACC-1", False), ("ACC-2", False), ("ACC-1", True), ("ACC-2", True)]
    assert await feed.books() == await build.books(feed.connection, other) == Books(-550, 0, 2)


async def test_a_file_that_a_job_posts_later_goes_to_the_account_that_was_named_with_it(
    feed: Feed, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await build.an_account(feed.connection, "ACC-2")
    monkeypatch.setattr(pipeline, "POSTED_AT_ONCE", 1)
    for account in ("ACC-2", "ACC-1"):
        assert (await upload(clients, account)).json()["status"] == "stored"
    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=clock.now()) == 2
    assert await feed.books() == await build.books(feed.connection, other) == Books(-550, 0, 2)
    rows = await feed.connection.fetch("SELECT DISTINCT account_id, count(*) FROM card_transaction GROUP BY account_id")
    assert {row["account_id"] for row in rows} == {feed.account_id, other}


async def test_a_dropped_file_goes_to_the_account_that_its_pattern_names(feed: Feed, tmp_path: Path) -> None:
    other = await build.an_account(feed.connection, "ACC-2")
    here = tmp_path / "drop" / build.PROVIDER
    here.mkdir(parents=True)
    for number in (1, 2):
        (here / f"{number}.csv").write_text(WITHOUT_IDS)
    patterns = [
        f'[[files]]\npattern = "{number}.csv"\nprofile = "birmingham"\naccount = "ACC-{number}"\n' for number in (1, 2)
    ]
    here.with_name(f"{build.PROVIDER}.toml").write_text("".join(patterns))
    settings = feed.database.settings.model_copy(update={"feed_folder": here.parent})
    looks: Looks = {}
    for minutes in (1, 2):
        now = clock.now() + timedelta(minutes=minutes)
        await folder.take_in(replace(feed.database, settings=settings), looks=looks, actor=build.ACTOR, now=now)
    assert await feed.books() == await build.books(feed.connection, other) == Books(-550, 0, 2)
