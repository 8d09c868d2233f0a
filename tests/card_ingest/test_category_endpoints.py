"""Rules, backtests and re-categorisation over HTTP, against the reports and the nightly proof."""

import asyncio
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.card_ingest import main as card_ingest
from services.card_ingest import spend
from services.card_ingest.reconciliation import proof
from services.dp_api.reports import queries, schemas
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import dependencies
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_payees import a_transfer
from tests.http import Clients

TODAY = date(2026, 11, 21)
RULES, CATEGORISATIONS, BACKTESTS = "/v1/category-rules", "/v1/categorisations", "/v1/category-rules/backtests"
REPORT = "/v1/reports/spend"


async def _today() -> date:
    return TODAY


@pytest.fixture
async def approver(clients: Clients) -> httpx.AsyncClient:
    clients.apps[Service.CARD_INGEST].dependency_overrides[dependencies.today] = _today
    return clients.of(Role.FINANCE_APPROVER, name="f1")


def a_rule(**changes: Any) -> dict[str, Any]:
    return {"merchant": "Corner Shop", "category": "respite", "reason": "the shop is a day service"} | changes


def ref(transaction_id: str) -> dict[str, str]:
    return {"provider": build.PROVIDER, "provider_transaction_id": transaction_id}


def to_respite(*transaction_ids: str, **changes: Any) -> dict[str, Any]:
    listed = {"transactions": [ref(each) for each in transaction_ids]} if transaction_ids else {}
    return listed | {"category": "respite", "reason": "it was a break for the carer"} | changes


async def spent(clients: Clients) -> dict[str, tuple[int, int]]:
    """Return pence and count by category of November."""
    client = clients.of(Role.FINANCE_APPROVER)
    answer = await client.get(REPORT, params={"from": "2026-11-01", "to": "2026-11-30", "by": "category"})
    assert answer.status_code == 200, answer.text
    return {row["category"]: (row["amount_pence"], row["transactions"]) for row in answer.json()["rows"]}


async def proved(feed: Feed) -> None:
    """Require that every nightly check is nil, the summary's among them."""
    async with feed.database.write(actor=card_ingest.SCHEDULER) as session:
        assert {name: count for name, count in (await proof.prove(session)).items() if count} == {}
        session.audited = True


async def test_a_rule_holds_for_what_posts_later_and_never_rewrites(feed: Feed, approver: httpx.AsyncClient) -> None:
    await feed.send(build.an_event("T1", booked_on="2026-11-19", merchant_name="SQ *CORNER SHOP"))
    made = await approver.post(RULES, json=a_rule(effective_from="2026-11-21"))
    assert made.status_code == 201, made.text
    rule = made.json()
    assert (rule["merchant"], rule["made_by"], rule["kind"], rule["unknown_code"]) == (
        "CORNER SHOP",
        "F1",
        "merchant",
        False,
    )
    later = build.NOW.replace(day=22)
    events = [build.an_event(f"D{day}", booked_on=f"2026-11-{day}", merchant_name="CORNER SHOP 12") for day in (20, 21)]
    await build.receive(feed.database, build.ndjson(events), now=later)
    found = await feed.connection.fetch(
        "SELECT provider_transaction_id AS id, category, category_rule_id, payee FROM card_transaction"
    )
    by_id = {row["id"]: (row["category"], row["payee"]) for row in found}
    assert by_id == {
        "T1": ("retail_household", "CORNER SHOP"),
        "D20": ("retail_household", "CORNER SHOP"),
        "D21": ("respite", "CORNER SHOP"),
    }
    assert next(row["category_rule_id"] for row in found if row["id"] == "D21") == rule["id"]
    shown = await approver.get(RULES, params={"rule_id": rule["id"]})
    assert shown.json()["items"] == [rule]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"effective_from": "2026-11-20"}, 422, "backdated_rule"),
        ({"mcc": "5411"}, 422, "one_key_needed"),
        ({"merchant": None}, 422, "one_key_needed"),
        ({"merchant": "*** "}, 422, "empty_name"),
        ({"account_id": str(uuid4())}, 422, "account_without_payee"),
        ({"merchant": None, "payee": "Jane Derby", "account_id": str(uuid4())}, 422, "unknown_account"),
        ({"merchant": None, "mcc": "541"}, 422, "invalid"),
        ({"category": "gambling"}, 422, "invalid"),
        ({"reason": ""}, 422, "invalid"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused(
    feed: Feed, approver: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str
) -> None:
    before = await feed.count("category_rule")
    answer = await approver.post(RULES, json=a_rule(**changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await feed.count("category_rule") == before


async def test_two_rules_with_one_key_do_not_begin_on_one_day(feed: Feed, approver: httpx.AsyncClient) -> None:
    assert (await approver.post(RULES, json=a_rule())).status_code == 201
    again = await approver.post(RULES, json=a_rule(merchant="CORNER  shop", category="travel"))
    assert (again.status_code, again.json()["code"]) == (409, "rule_exists")
    assert (await approver.post(RULES, json=a_rule(effective_from="2026-11-22"))).status_code == 201


async def test_an_unknown_code_is_taken_and_marked(feed: Feed, approver: httpx.AsyncClient) -> None:
    answer = await approver.post(RULES, json=a_rule(merchant=None, mcc="9998"))
    assert (answer.status_code, answer.json()["unknown_code"]) == (201, True)


async def test_rules_are_listed_by_page_and_by_the_day_on_which_they_hold(
    feed: Feed, approver: httpx.AsyncClient, clients: Clients
) -> None:
    await approver.post(RULES, json=a_rule(merchant=None, mcc="5411", category="respite"))
    auditor = clients.of(Role.AUDITOR)
    held = {
        day: [each["category"] for each in (await auditor.get(RULES, params=wanted)).json()["items"]]
        for day, wanted in ((day, {"mcc": "5411", "in_force_on": day}) for day in ("2026-11-20", "2026-11-21"))
    }
    assert held == {"2026-11-20": ["retail_household"], "2026-11-21": ["respite"]}
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await auditor.get(RULES, params={"limit": 200} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [rule["id"] for rule in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == await feed.count("category_rule")


async def test_an_auditor_sees_no_payees_name(feed: Feed, approver: httpx.AsyncClient, clients: Clients) -> None:
    made = await approver.post(RULES, json=a_rule(merchant=None, payee="Jane Derby"))
    wanted = {"rule_id": made.json()["id"]}
    assert made.json()["payee"] == "JANE DERBY"
    assert (await clients.of(Role.AUDITOR).get(RULES, params=wanted)).json()["items"][0]["payee"] is None
    entries = await feed.connection.fetch("SELECT changes::text AS changes FROM audit_entry")
    assert not any("DERBY" in row["changes"] for row in entries)


async def test_categories_are_listed_with_their_headings(clients: Clients) -> None:
    items = (await clients.of(Role.CARE_WORKER).get("/v1/categories", params={"limit": 200})).json()["items"]
    assert {item["code"]: item["heading"] for item in items}["respite"] == "social_care_providers"
    assert len(items) == 24


async def test_recategorised_money_moves_in_reports_lists_and_history(feed: Feed, clients: Clients) -> None:
    events = [build.an_event(f"T{number}", amount_pence=100 * number) for number in (1, 2, 3)]
    await feed.send(*events)
    await spend.fold_spend(feed.database, actor=card_ingest.SCHEDULER)
    client = clients.of(Role.FINANCE_OFFICER, name="F2")
    answer = await client.post(CATEGORISATIONS, json=to_respite("T1", "T3"))
    assert answer.status_code == 201, answer.text
    assert {key: answer.json()[key] for key in ("transactions", "unchanged", "pence")} == {
        "transactions": 2,
        "unchanged": 0,
        "pence": -400,
    }
    assert await spent(clients) == {"respite": (-400, 2), "retail_household": (-200, 1)}
    await proved(feed)
    await spend.fold_spend(feed.database, actor=card_ingest.SCHEDULER)
    assert await spent(clients) == {"respite": (-400, 2), "retail_household": (-200, 1)}
    again = await client.post(CATEGORISATIONS, json=to_respite("T1", "T2", category="travel"))
    assert again.json()["transactions"] == 2
    assert await spent(clients) == {"respite": (-300, 1), "travel": (-300, 2)}
    await proved(feed)
    history = (await client.get(CATEGORISATIONS, params={"provider": build.PROVIDER, "transaction_id": "T1"})).json()
    assert [item["category"] for item in history["items"]] == ["travel", "respite"]
    assert (history["category"], history["posted_category"]) == ("travel", "retail_household")
    assert (history["rule"]["mcc"], history["items"][0]["made_by"]) == ("5411", "F2")


async def test_the_report_of_single_days_has_the_categories_that_count_now(feed: Feed, clients: Clients) -> None:
    await feed.send(build.an_event("T1"), build.an_event("T2", amount_pence=66))
    await clients.of(Role.FINANCE_OFFICER).post(CATEGORISATIONS, json=to_respite("T2"))
    wanted = {"respite": (-66, 1), "retail_household": (-1234, 1)}
    assert await spent(clients) == wanted
    assert await spent_by_days(feed) == wanted


async def spent_by_days(feed: Feed) -> dict[str, tuple[int, int]]:
    """Return what the report has of days that make up no whole month, asked beneath the door that refuses them."""
    nothing = schemas.SpendFilter(category=(), care_group=(), provider=())
    async with feed.database.read() as session:
        rows = await queries.spend(
            session,
            first_day=date(2026, 11, 10),
            last_day=date(2026, 11, 15),
            by=(schemas.Dimension.CATEGORY,),
            filters=nothing,
        )
    return {str(row.category): (row.amount_pence, row.transactions) for row in rows}


async def test_a_payees_transactions_of_a_period_are_changed_at_once(feed: Feed, clients: Clients) -> None:
    days = ("2026-09-30", "2026-10-01", "2026-10-31", "2026-11-01")
    await feed.send(*(a_transfer(day, "Jane Derby", booked_on=day) for day in days), build.an_event("T1"))
    matching = {"payee": "jane derby", "first_day": "2026-10-01", "last_day": "2026-10-31"}
    client = clients.of(Role.FINANCE_OFFICER)
    answer = await client.post(CATEGORISATIONS, json=to_respite(matching=matching))
    assert (answer.status_code, answer.json()["transactions"]) == (201, 2)
    changed = await feed.connection.fetch(
        """SELECT provider_transaction_id AS id FROM categorisation JOIN card_transaction AS posted
               ON posted.id = transaction_id ORDER BY posted.booked_on"""
    )
    assert [row["id"] for row in changed] == ["2026-10-01", "2026-10-31"]
    elsewhere = await client.post(
        CATEGORISATIONS, json=to_respite(matching={**matching, "account_id": str(uuid4())}, category="travel")
    )
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "nothing_to_recategorise")
    await proved(feed)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (to_respite(), 422, "one_choice_needed"),
        (to_respite("T1", "T9"), 422, "unknown_transaction"),
        (to_respite("T1", category="retail_household"), 409, "nothing_to_recategorise"),
        (to_respite("T1", reason="x"), 422, "invalid"),
        (
            to_respite(matching={"payee": "CORNER SHOP", "first_day": "2026-11-13", "last_day": "2026-11-12"}),
            422,
            "period_reversed",
        ),
        (to_respite(*(f"T{number}" for number in range(1001))), 422, "invalid"),
    ],
)
async def test_what_cannot_be_recategorised_changes_nothing(
    feed: Feed, clients: Clients, body: dict[str, Any], status: int, code: str
) -> None:
    await feed.send(build.an_event("T1"))
    answer = await clients.of(Role.FINANCE_OFFICER).post(CATEGORISATIONS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await feed.count("categorisation") == 0
    await proved(feed)


async def test_a_repeated_act_has_one_effect(feed: Feed, clients: Clients) -> None:
    await feed.send(build.an_event("T1"))
    client, key = clients.of(Role.FINANCE_OFFICER), {"Idempotency-Key": str(uuid4())}
    first = await client.post(CATEGORISATIONS, json=to_respite("T1"), headers=key)
    assert (await client.post(CATEGORISATIONS, json=to_respite("T1"), headers=key)).json() == first.json()
    assert await feed.count("categorisation") == 1


async def test_an_unseen_transaction_is_not_there(feed: Feed, clients: Clients) -> None:
    client = clients.of(Role.AUDITOR)
    answer = await client.get(CATEGORISATIONS, params={"provider": build.PROVIDER, "transaction_id": "T9"})
    assert answer.status_code == 404


async def test_two_people_who_categorise_the_same_at_once_leave_the_summary_right(feed: Feed, clients: Clients) -> None:
    names = [f"T{number}" for number in range(20)]
    await feed.send(*(build.an_event(name) for name in names))
    client = clients.of(Role.FINANCE_OFFICER)
    wanted = ("respite", "travel", "domestic", "leisure")
    acts = (client.post(CATEGORISATIONS, json=to_respite(*names, category=each)) for each in wanted)
    answers = await asyncio.gather(*acts)
    assert [answer.status_code for answer in answers] == [201] * len(wanted)
    assert await feed.count("categorisation") == len(wanted) * len(names)
    found = await spent(clients)
    assert list(found.values()) == [(-20 * 1234, 20)]
    await proved(feed)
