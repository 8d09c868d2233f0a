"""What a rule would move: against what posting itself does with the rule, and against what people have decided."""

from typing import Any

import httpx
import pytest

from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_payees import a_transfer, an_agreement, an_assistant
from tests.http import Clients

BACKTESTS = "/v1/category-rules/backtests"
PERIOD = {"first_day": "2026-09-01", "last_day": "2026-11-30"}


async def tried(client: httpx.AsyncClient, **rule: Any) -> dict[str, Any]:
    answer = await client.post(BACKTESTS, json={"rule": rule, **PERIOD})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def officer(clients: Clients) -> httpx.AsyncClient:
    return clients.of(Role.FINANCE_OFFICER)


def moves(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(move.values()) for move in found["moves"]]


async def test_a_merchants_rule_moves_its_names_by_month_and_nothing_is_stored(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await feed.send(
        build.an_event("T1", merchant_name="SQ *CORNER SHOP", booked_on="2026-10-31", amount_pence=100),
        build.an_event("T2", merchant_name="CORNER SHOP LEEDS", booked_on="2026-11-01", amount_pence=200),
        build.an_event("T3", merchant_name="CORNER SHOP 12", mcc="5812", booked_on="2026-11-02", amount_pence=400),
        build.an_event("T4", merchant_name="CORNER SHOPPING", booked_on="2026-11-03", amount_pence=800),
        build.an_event("T5", merchant_name="CORNER SHOP", booked_on="2026-08-31", amount_pence=1600),
        build.an_event("T6", merchant_name="CORNER SHOP", mcc="6011", booked_on="2026-11-03", amount_pence=3200),
    )
    before = {table: await feed.count(table) for table in ("category_rule", "categorisation", "spend_delta")}
    found = await tried(officer, merchant="corner shop", category="respite")
    assert moves(found) == [
        ("2026-10", "retail_household", "respite", 1, -100),
        ("2026-11", "retail_household", "respite", 1, -200),
        ("2026-11", "social_activities", "respite", 1, -400),
    ]
    assert (found["rows"], found["pence"], found["merchant"]) == (3, -700, "CORNER SHOP")
    assert found["merchants"][0] == {"merchant": "CORNER SHOP", "mcc": "5411", "rows": 2, "pence": -300}
    assert {table: await feed.count(table) for table in before} == before


async def test_a_rule_that_another_goes_before_moves_nothing_of_it(feed: Feed, officer: httpx.AsyncClient) -> None:
    await feed.send(
        build.an_event("T1", merchant_name="TESCO STORES 2617", mcc="5411"),
        build.an_event("T2", merchant_name="TESCO PFS 2996", mcc="5411"),
        build.an_event("T3", merchant_name="CORNER SHOP", mcc="5411", amount_pence=5),
    )
    found = await tried(officer, mcc="5411", category="domestic")
    assert moves(found) == [("2026-11", "retail_household", "domestic", 1, -5)]
    found = await tried(officer, merchant="Tesco", category="domestic")
    assert moves(found) == [("2026-11", "retail_household", "domestic", 1, -1234)]
    assert (await tried(officer, merchant="Tesco", category="retail_household"))["rows"] == 0


async def test_what_a_person_has_categorised_is_kept_and_counted(feed: Feed, officer: httpx.AsyncClient) -> None:
    await feed.send(build.an_event("T1"), build.an_event("T2"))
    ref = {"provider": build.PROVIDER, "provider_transaction_id": "T1"}
    body = {"transactions": [ref], "category": "travel", "reason": "it was a fare"}
    assert (await officer.post("/v1/categorisations", json=body)).status_code == 201
    found = await tried(officer, mcc="5411", category="domestic")
    assert (found["rows"], found["kept_by_people"]) == (1, 1)


async def test_registered_payees_are_kept_from_rules_for_all_and_moved_by_their_own(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    await an_assistant(feed.connection, await an_agreement(feed.connection, feed.account_id), "Jane Derby")
    await feed.send(a_transfer("T1", "JANE DERBY"), a_transfer("T2", "JANE DERBY", account_ref="ACC-1", amount_pence=1))
    for rule in ({"type": "faster_payment_out"}, {"payee": "Jane Derby"}, {"merchant": "derby"}):
        assert (await tried(officer, category="domestic", **rule))["rows"] == 0
    assert (await tried(officer, registered="personal_assistant", category="respite"))["rows"] == 2
    assert (await tried(officer, registered="money_manager", category="respite"))["rows"] == 0
    own = await tried(officer, payee="jane derby", account_id=str(feed.account_id), category="respite")
    assert (own["rows"], own["pence"], own["merchants"]) == (2, -1235, [])


async def test_a_types_rule_moves_what_no_other_rule_decides(feed: Feed, officer: httpx.AsyncClient) -> None:
    await feed.send(a_transfer("T1", "ACME WINDOWS"), a_transfer("T2", "HMRC"), a_transfer("T3", "ANN LEE", "bacs_out"))
    found = await tried(officer, type="faster_payment_out", category="home_care")
    assert moves(found) == [("2026-11", "uncategorised", "home_care", 1, -1234)]


async def test_a_backtest_says_what_posting_then_does(feed: Feed, officer: httpx.AsyncClient) -> None:
    names = ("SQ *CORNER SHOP", "THE CORNER SHOP", "CORNER SHOPS", "NOTCORNER SHOP", "TESCO CORNER SHOP PETROL")
    await feed.send(*(build.an_event(f"A{place}", merchant_name=name) for place, name in enumerate(names)))
    told = await tried(officer, merchant="corner shop", category="respite")
    await feed.connection.execute(
        """INSERT INTO category_rule (merchant, category, effective_from, made_by, reason)
           VALUES ('CORNER SHOP', 'respite', '2026-01-01', 'f1', 'tried before')"""
    )
    await feed.send(*(build.an_event(f"B{place}", merchant_name=name) for place, name in enumerate(names)))
    moved = await feed.connection.fetchval(
        "SELECT count(*) FROM card_transaction WHERE category = 'respite' AND provider_transaction_id LIKE 'B%'"
    )
    assert told["rows"] == moved == 2


@pytest.mark.parametrize(
    ("period", "code"),
    [
        ({"first_day": "2026-11-30", "last_day": "2026-11-01"}, "period_reversed"),
        ({"first_day": "2020-01-01", "last_day": "2026-11-01"}, "too_many_months"),
    ],
)
async def test_a_period_that_cannot_be_looked_at_is_refused(
    feed: Feed, officer: httpx.AsyncClient, period: dict[str, str], code: str
) -> None:
    answer = await officer.post(BACKTESTS, json={"rule": {"mcc": "5411", "category": "travel"}, **period})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_trial_accounts_are_left_out(feed: Feed, officer: httpx.AsyncClient) -> None:
    await build.an_account(feed.connection, "try-out", kind="trial")
    await build.receive(feed.database, build.ndjson([build.an_event("T1", card_ref=None)]), account_ref="trial")
    assert (await tried(officer, mcc="5411", category="travel"))["rows"] == 0


async def test_what_takes_a_transaction_back_would_move_with_it_by_its_words(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    back = {"type": "refund", "mcc": None, "merchant_name": "UNHEARD OF"}
    await feed.send(
        build.an_event("T1", amount_pence=1000),
        build.an_event("R1", amount_pence=300, reverses_transaction_id="T1", booked_on="2026-11-13", **back),
        build.an_event("R2", amount_pence=7, type="refund", merchant_name="CORNER SHOP"),
        build.an_event("T3", amount_pence=50, mcc="5812"),
        build.an_event("R3", amount_pence=50, type="refund", reverses_transaction_id="T3", merchant_name="CORNER SHOP"),
    )
    found = await tried(officer, mcc="5411", category="domestic")
    assert moves(found) == [("2026-11", "retail_household", "domestic", 3, -1000 + 300 + 7)]
    found = await tried(officer, mcc="5812", category="domestic")
    assert moves(found) == [("2026-11", "social_activities", "domestic", 2, 0)]


async def test_what_takes_back_what_a_person_has_categorised_is_kept_with_it(
    feed: Feed, officer: httpx.AsyncClient
) -> None:
    refund = build.an_event("R1", type="refund", reverses_transaction_id="T1")
    await feed.send(build.an_event("T1"))
    ref = {"provider": build.PROVIDER, "provider_transaction_id": "T1"}
    body = {"transactions": [ref], "category": "travel", "reason": "it was a fare"}
    assert (await officer.post("/v1/categorisations", json=body)).status_code == 201
    await feed.send(refund)
    found = await tried(officer, mcc="5411", category="domestic")
    assert (found["rows"], found["kept_by_people"]) == (0, 2)
