import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import dependencies
from tests.builders import clawback as people
from tests.card_ingest.alerts.conftest import TODAY, Watched, at
from tests.http import Clients

CARE, FINANCE, AUDIT = Role.CARE_WORKER, Role.FINANCE_OFFICER, Role.AUDITOR
REASON = {"reason": "asked the person: the shop takes no cards"}


async def a_cash_and_a_betting_alert(watched: Watched) -> None:
    await watched.send(watched.event("cash", type="atm_withdrawal", mcc="6011"), watched.event("bet", mcc="7995"))
    assert await watched.look() == 2


async def listed(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/alerts{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def one(client: httpx.AsyncClient, kind: str) -> dict[str, Any]:
    (alert,) = await listed(client, f"?kind={kind}")
    return alert


def close(client: httpx.AsyncClient, alert: dict[str, Any], version: int = 1) -> Any:
    return client.post(f"/v1/alerts/{alert['id']}/closure", json=REASON, headers={"If-Match": f'"{version}"'})


async def test_each_side_is_shown_its_own_alerts(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    seen = {
        role: sorted(alert["kind"] for alert in await listed(clients.of(role, teams=["north"])))
        for role in (CARE, Role.CARE_MANAGER, FINANCE, Role.FINANCE_APPROVER, AUDIT)
    }
    both = ["cash_without_permission", "queried_merchant"]
    assert seen == {
        CARE: both[:1], Role.CARE_MANAGER: both[:1], FINANCE: both, Role.FINANCE_APPROVER: both, AUDIT: both
    }  # fmt: skip


async def test_care_pathway_staff_are_shown_their_own_teams_alerts_alone(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    await people.a_team(watched.connection, "south")
    alert = await one(clients.of(CARE, teams=["north"]), "cash_without_permission")
    stranger = clients.of(CARE, name="other", teams=["south"])
    assert await listed(stranger) == []
    assert (await stranger.get(f"/v1/alerts/{alert['id']}")).status_code == 404
    assert (await close(stranger, alert)).status_code == 404
    assert (await watched.told())[0]["status"] == "open"


async def test_an_alert_explains_itself_without_a_name(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    client = clients.of(FINANCE)
    alert = await one(client, "queried_merchant")
    answer = await client.get(f"/v1/alerts/{alert['id']}")
    assert answer.json() == alert
    assert answer.headers["ETag"] == '"1"'
    assert alert["facts"] == {"pence": 1_234, "mcc": "7995", "type": "purchase_pos"}
    assert "7995" in alert["terms"]["mccs"]
    assert alert["concerns_on"] == "2026-11-12"
    assert (alert["status"], alert["closed_at"], alert["route"]) == ("open", None, "finance")
    assert "CORNER" not in answer.text


async def test_who_was_shown_whose_alerts_is_on_record(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    client = clients.of(CARE, name="C1", teams=["north"])
    alert = await one(client, "cash_without_permission")
    await client.get(f"/v1/alerts/{alert['id']}")
    rows = await watched.connection.fetch("SELECT * FROM read_log ORDER BY action")
    person = await watched.connection.fetchval("SELECT recipient_id FROM agreement")
    assert [(row["action"], row["subject_kind"], list(row["subject_ids"])) for row in rows] == [
        ("list_alerts", "recipient", [person]),
        ("read_alert", "recipient", [person]),
    ]


async def test_an_alert_about_several_people_is_not_a_teams_and_its_reading_names_them_all(
    watched: Watched, clients: Clients
) -> None:
    agreements = [await people.an_agreement(watched.connection) for _ in range(4)]
    accounts = [await people.an_account(watched.connection, each) for each in agreements]
    sent = {"type": "faster_payment_out", "mcc": None, "merchant_name": "J Bloggs", "occurred_at": at("2026-11-02")}
    await watched.send(*(watched.event(f"p{n}", account_ref=str(each), **sent) for n, each in enumerate(accounts)))
    await watched.connection.execute("ALTER TABLE alert_policy DISABLE TRIGGER append_only")
    await watched.connection.execute("UPDATE alert_policy SET route = 'care_pathway'")
    assert await watched.look_of_the_day() == 1
    assert await listed(clients.of(CARE, teams=["north"])) == []
    alert = await one(clients.of(AUDIT), "same_payee_across_people")
    assert (alert["account_id"], alert["recipient_id"]) == (None, None)
    shown = await watched.connection.fetchval("SELECT subject_ids FROM read_log WHERE subject_ids <> '{}'")
    assert len(shown) == 4


async def test_an_alert_is_closed_once_with_a_reason(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    client = clients.of(CARE, name="C1", teams=["north"])
    alert = await one(client, "cash_without_permission")
    closed = await close(client, alert)
    assert closed.status_code == 200, closed.text
    assert closed.headers["ETag"] == '"2"'
    body = closed.json()
    assert (body["status"], body["closed_by"], body["close_reason"]) == ("closed", "C1", REASON["reason"])
    assert (await close(client, alert, version=1)).status_code == 412
    again = await close(client, alert, version=2)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    entry = await watched.connection.fetchrow("SELECT * FROM audit_entry WHERE action = 'close_alert'")
    assert entry is not None
    assert (entry["actor"], entry["subject_id"]) == ("C1", alert["id"])
    assert REASON["reason"] not in entry["reason"]


async def test_each_side_closes_its_own_alerts_alone(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    finance = clients.of(FINANCE)
    theirs = await close(finance, await one(finance, "cash_without_permission"))
    assert (theirs.status_code, theirs.json()["code"]) == (409, "alert_of_others")
    assert (await close(finance, await one(finance, "queried_merchant"))).status_code == 200
    assert (await close(clients.of(AUDIT), await one(finance, "cash_without_permission"))).status_code == 403


async def test_the_care_pathways_reason_is_not_shown_to_finance(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    care = clients.of(CARE, teams=["north"])
    await close(care, await one(care, "cash_without_permission"))
    reasons = [
        (await one(client, "cash_without_permission"))["close_reason"]
        for client in (care, clients.of(FINANCE), clients.of(AUDIT))
    ]
    assert reasons == [REASON["reason"], None, REASON["reason"]]


@pytest.mark.parametrize(("headers", "status"), [({}, 428), ({"If-Match": "3"}, 400)])
async def test_closing_names_the_version(
    watched: Watched, clients: Clients, headers: dict[str, str], status: int
) -> None:
    await a_cash_and_a_betting_alert(watched)
    client = clients.of(FINANCE)
    alert = await one(client, "queried_merchant")
    answer = await client.post(f"/v1/alerts/{alert['id']}/closure", json=REASON, headers=headers)
    assert answer.status_code == status


async def test_of_several_who_close_at_once_one_does(watched: Watched, clients: Clients) -> None:
    await a_cash_and_a_betting_alert(watched)
    alert = await one(clients.of(FINANCE), "queried_merchant")
    answers = await asyncio.gather(*(close(clients.of(FINANCE, name=f"F{n}"), alert) for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]
    acts = await watched.connection.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'close_alert'")
    assert acts == 1


async def test_alerts_are_listed_in_pages_and_by_what_is_asked(watched: Watched, clients: Clients) -> None:
    await watched.send(*(watched.event(f"t{number}", mcc="7995") for number in range(5)))
    await watched.look()
    client, cursor, seen = clients.of(FINANCE), "", []
    while cursor is not None:
        page = (await client.get(f"/v1/alerts?limit=2{cursor and '&cursor=' + cursor}")).json()
        seen += [alert["id"] for alert in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    await close(client, (await listed(client))[0])
    counts = {
        query: len(await listed(client, query))
        for query in ("?status=open", "?status=closed", "?route=care_pathway", f"?account_id={watched.account_id}",
                      f"?account_id={uuid4()}")
    }  # fmt: skip
    assert list(counts.values()) == [4, 1, 0, 5, 0]


def policy(**changes: Any) -> dict[str, Any]:
    known = {"kind": "repeated_declines", "effective_from": "2026-11-20", "is_active": True, "route": "finance"}
    return known | {"terms": {"declines": 5, "days": 14}, "reason": "agreed with the teams"} | changes


@pytest.fixture
def approver(clients: Clients) -> httpx.AsyncClient:
    clients.apps[Service.CARD_INGEST].dependency_overrides[dependencies.today] = lambda: TODAY
    return clients.of(Role.FINANCE_APPROVER, name="A1")


async def test_an_approver_sets_a_policy_from_today_on(watched: Watched, approver: httpx.AsyncClient) -> None:
    made = await approver.post("/v1/alerts/policies", json=policy())
    assert made.status_code == 201, made.text
    assert (made.json()["made_by"], made.json()["terms"]) == ("A1", {"declines": 5, "days": 14})
    listed_ones = (await approver.get("/v1/alerts/policies")).json()["items"]
    versions = [each["effective_from"] for each in listed_ones if each["kind"] == "repeated_declines"]
    assert versions == ["2026-11-20", "2015-04-01"]
    assert {each["kind"] for each in listed_ones} >= {"disputed_transaction", "queried_merchant"}
    assert len({each["kind"] for each in listed_ones}) == 13
    assert await watched.connection.fetchval("SELECT count(*) FROM audit_entry WHERE action = 'set_alert_policy'") == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"effective_from": "2026-11-19"}, 422, "policy_in_the_past"),
        ({"terms": {"declines": 1, "days": 14}}, 422, "unfit_terms"),
        ({"terms": {"declines": "5", "days": 14}}, 422, "unfit_terms"),
        ({"terms": {"declines": 5}}, 422, "unfit_terms"),
        ({"terms": {"declines": 5, "days": 14, "mccs": ["7995"]}}, 422, "unfit_terms"),
        ({"kind": "queried_merchant", "terms": {"least_pence": 1, "mccs": ["799"], "with_declined": True}}, 422,
         "unfit_terms"),
        ({"kind": "surplus"}, 422, "invalid"),
    ],
)  # fmt: skip
async def test_a_policy_that_cannot_hold_is_refused(
    watched: Watched, approver: httpx.AsyncClient, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await approver.post("/v1/alerts/policies", json=policy(**changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_policy") == 14


async def test_a_day_has_one_policy_of_a_kind(watched: Watched, approver: httpx.AsyncClient) -> None:
    assert (await approver.post("/v1/alerts/policies", json=policy())).status_code == 201
    again = await approver.post("/v1/alerts/policies", json=policy())
    assert (again.status_code, again.json()["code"]) == (409, "policy_of_that_day")


async def test_others_set_no_policy(watched: Watched, clients: Clients) -> None:
    for role in (CARE, FINANCE, AUDIT):
        client = clients.of(role, teams=["north"])
        assert (await client.post("/v1/alerts/policies", json=policy())).status_code == 403
    assert (await clients.of(AUDIT).get("/v1/alerts/policies")).status_code == 200
    assert (await clients.of(CARE, teams=["north"]).get("/v1/alerts/policies")).status_code == 403
