"""What comes back goes along when people move what it takes back, and not where they have moved it itself."""

import asyncio
from typing import Any

import httpx
import pytest

from services.card_ingest.reconciliation import proof
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.card_ingest import test_payees as payees
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_returns import taken_back
from tests.http import Clients

CATEGORISATIONS = "/v1/categorisations"
REASON = "it was a break for the carer"


@pytest.fixture
def officer(clients: Clients) -> httpx.AsyncClient:
    return clients.of(Role.FINANCE_OFFICER, name="F2")


async def move(officer: httpx.AsyncClient, *names: str, category: str = "respite") -> dict[str, Any]:
    listed = [{"provider": build.PROVIDER, "provider_transaction_id": name} for name in names]
    answer = await officer.post(CATEGORISATIONS, json={"transactions": listed, "category": category, "reason": REASON})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def match(officer: httpx.AsyncClient, payee: str, category: str) -> dict[str, Any]:
    matching = {"payee": payee, "first_day": "2026-11-01", "last_day": "2026-11-30"}
    answer = await officer.post(CATEGORISATIONS, json={"matching": matching, "category": category, "reason": REASON})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def history(officer: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await officer.get(CATEGORISATIONS, params={"provider": build.PROVIDER, "transaction_id": name})
    found: dict[str, Any] = answer.json()
    return found


async def categories(officer: httpx.AsyncClient, *names: str) -> list[str]:
    return [(await history(officer, name))["category"] for name in names]


async def proved(feed: Feed) -> None:
    for name, check in proof.CHECKS.items():
        assert await feed.connection.fetchval(check) == 0, name


async def test_a_refund_goes_along_with_its_original_and_its_history_says_so(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(build.an_event("T1", amount_pence=1000), build.an_event("T2"))
    await feed.send(taken_back("R1", "T1", amount_pence=400), taken_back("R2", None), taken_back("R3", "T2"))
    made = await move(officer, "T1")
    assert {key: made[key] for key in ("transactions", "following", "unchanged", "pence")} == {
        "transactions": 2,
        "following": 1,
        "unchanged": 0,
        "pence": -600,
    }
    assert await categories(officer, "T1", "R1", "R2", "R3") == ["respite", "respite", "refund", "retail_household"]
    told = (await history(officer, "R1"))["items"]
    assert [(each["made_by"], each["reason"], each["follows_transaction_id"]) for each in told] == [
        ("F2", f"follows transaction T1: {REASON}", "T1")
    ]
    original = (await history(officer, "T1"))["items"][0]
    assert (original["reason"], original["follows_transaction_id"]) == (REASON, None)
    assert original["act_id"] == told[0]["act_id"]
    await proved(feed)


async def test_a_chain_goes_along_in_each_later_move_too(feed: Feed, officer: httpx.AsyncClient) -> None:
    await feed.send(build.an_event("T1"), taken_back("R1", "T1", "refund"), taken_back("R2", "R1", "chargeback"))
    for category in ("respite", "travel"):
        assert (await move(officer, "T1", category=category))["following"] == 2
        assert await categories(officer, "T1", "R1", "R2") == [category] * 3
    await proved(feed)


async def test_what_a_person_moved_itself_stays_and_what_takes_it_back_with_it(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(build.an_event("T1"), taken_back("R1", "T1", "refund"), taken_back("R2", "R1", "chargeback"))
    assert (await move(officer, "R1", category="travel"))["following"] == 1
    assert (await move(officer, "T1"))["following"] == 0
    assert await categories(officer, "T1", "R1", "R2") == ["respite", "travel", "travel"]
    await proved(feed)


async def test_a_refund_that_is_listed_with_its_original_is_meant_itself(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(build.an_event("T1"), taken_back("R1", "T1"))
    assert (await move(officer, "T1", "R1"))["following"] == 0
    await move(officer, "T1", category="travel")
    assert await categories(officer, "T1", "R1") == ["travel", "respite"]


async def test_refunds_of_what_a_match_moves_are_counted_and_follow_later_too(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(
        build.an_event("T1", amount_pence=1000),
        taken_back("R1", "T1", merchant_name="CORNER SHOP", amount_pence=200),
        taken_back("R2", "T1", amount_pence=300),
        taken_back("R3", None, merchant_name="CORNER SHOP", amount_pence=7),
    )
    made = await match(officer, "CORNER SHOP", "respite")
    assert (made["transactions"], made["following"], made["pence"]) == (4, 2, -493)
    assert (await move(officer, "T1", category="travel"))["following"] == 2
    assert await categories(officer, "T1", "R1", "R2", "R3") == ["travel", "travel", "travel", "respite"]
    await proved(feed)


async def test_a_refund_that_stayed_behind_is_fetched_by_sending_its_original_again(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(build.an_event("T1"), taken_back("R1", "T1"))
    await move(officer, "T1")
    await feed.connection.execute("SET session_replication_role = replica")
    await feed.connection.execute("DELETE FROM categorisation WHERE follows_id IS NOT NULL")
    made = await move(officer, "T1")
    assert (made["transactions"], made["following"], made["unchanged"]) == (1, 1, 1)


async def test_another_type_that_mentions_a_transaction_stays(feed: Feed, officer: httpx.AsyncClient) -> None:
    await feed.send(build.an_event("T1"), taken_back("A1", "T1", "adjustment", direction="out"))
    assert (await move(officer, "T1"))["following"] == 0


async def test_a_refund_on_another_account_of_the_agreement_goes_along_and_others_of_the_provider_stay(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await payees.an_agreement(feed.connection, feed.account_id)
    other = await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.connection.execute(
        "UPDATE account SET agreement_id = (SELECT agreement_id FROM account WHERE id = $1) WHERE id = $2",
        feed.account_id,
        other,
    )
    await feed.send(build.an_event("T1"), taken_back("R1", "T1", card_ref="CARD-2"))
    assert (await move(officer, "T1"))["following"] == 1
    told = (await history(officer, "R1"))["items"][0]
    assert (told["reason"], told["follows_transaction_id"]) == (f"follows transaction T1: {REASON}", "T1")
    sealed = await feed.connection.fetch("SELECT reason FROM categorisation")
    assert all(row["reason"].startswith("personal:") for row in sealed)


async def test_refunds_that_post_while_their_original_is_moved_end_where_it_does(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    names = [f"T{number}" for number in range(5)]
    await feed.send(*(build.an_event(name) for name in names))
    posting = [feed.send(taken_back(f"R{name}", name)) for name in names]
    await asyncio.gather(move(officer, *names), *posting, move(officer, *names, category="travel"))
    for name in names:
        original, refund = await categories(officer, name, f"R{name}")
        assert original == refund
    await proved(feed)


async def test_a_refund_on_somebody_elses_account_stays_whatever_else_is_moved_there(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    await feed.send(build.an_event("T1"), build.an_event("T2", card_ref="CARD-2"))
    await feed.send(taken_back("R1", "T1", card_ref="CARD-2"))
    assert (await move(officer, "T1"))["following"] == 0
    assert (await move(officer, "T1", "T2", category="travel"))["following"] == 0
