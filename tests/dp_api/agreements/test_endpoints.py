import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.shared.database import Database
from services.shared.identity.roles import Role
from services.shared.vocabulary.agreements import AgreementKind, LegalBasis
from tests import databases as test_databases
from tests.builders import agreements, recipients
from tests.dp_api.conftest import MACHINE, Callers

AGREEMENTS = "/v1/agreements"
FIRST = {"If-Match": '"1"'}
NEW = {"kind": "service_user", "legal_basis": "s31", "payment_schedule": "four_weekly"}


@pytest.fixture
async def recipient_id(shared: Database, north: str) -> UUID:
    async with shared.write(actor=MACHINE) as session:
        return (await recipients.a_recipient(session, team_code=north)).id


async def a_draft(shared: Database, recipient_id: UUID, **changes: Any) -> str:
    """Make a draft with a budget and return its address."""
    async with shared.write(actor=MACHINE) as session:
        draft = await agreements.a_draft(session, recipient_id=recipient_id, **changes)
        await agreements.a_budget(session, draft.id)
    return f"{AGREEMENTS}/{draft.id}"


async def test_an_agreement_lives_over_http(callers: Callers, shared: Database, recipient_id: UUID, north: str) -> None:
    care, leader = callers.care_worker(north), callers.care_manager(north)
    opened = await care.post(AGREEMENTS, json=NEW | {"recipient_id": str(recipient_id)})
    assert (opened.status_code, opened.json()["status"], opened.headers["ETag"]) == (201, "draft", '"1"')
    address = opened.headers["Location"]
    amended = await care.patch(address, json={"first_payment_on": "2026-01-12"}, headers={"If-Match": '"1"'})
    assert (amended.status_code, amended.json()["first_payment_on"]) == (200, "2026-01-12")
    begin = {"started_on": "2026-01-05"}
    assert (await leader.post(f"{address}/activation", json=begin)).status_code == 428
    assert (await leader.post(f"{address}/activation", json=begin, headers=FIRST)).status_code == 412
    refused = await leader.post(f"{address}/activation", json=begin, headers={"If-Match": '"2"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_budget")
    assert refused.json()["legal_source"] == "Care Act 2014, s.31"
    budget = {
        "effective_from": "2026-01-05",
        "weekly_gross_pence": 24343,
        "weekly_contribution_pence": 1000,
        "reason": "assessed",
    }
    assert (await leader.post(f"{address}/budgets", json=budget)).status_code == 201
    for act, body, status in (
        ("activation", {"started_on": "2026-01-05"}, "active"),
        ("suspension", {"reason": "in hospital"}, "suspended"),
        ("resumption", {"reason": "home again"}, "active"),
        ("end", {"reason": "moved away", "ended_on": "2026-11-02"}, "ended"),
    ):
        answer = await leader.post(f"{address}/{act}", json=body, headers={"If-Match": '"2"'})
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
    again = await leader.post(f"{address}/end", json={"reason": "moved away", "ended_on": "2026-11-02"})
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_only_a_care_manager_activates(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    address, body = await a_draft(shared, recipient_id), {"started_on": "2026-01-05"}
    for caller in (callers.care_worker(north), callers.finance(), callers.auditor(), callers.of(Role.FINANCE_APPROVER)):
        assert (await caller.post(f"{address}/activation", json=body, headers=FIRST)).status_code == 403
    stranger = callers.care_manager(f"not-{north}")
    assert (await stranger.post(f"{address}/activation", json=body, headers=FIRST)).status_code == 404


async def test_each_role_is_shown_its_own_fields(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    address = await a_draft(
        shared,
        recipient_id,
        kind=AgreementKind.AUTHORISED_PERSON,
        legal_basis=LegalBasis.S32,
        holder_name="Bea Example",
    )
    whole = (await callers.care_worker(north).get(address)).json()
    assert (whole["holder_name"], whole["legal_basis"]) == ("Bea Example", "s32")
    assert whole["budget"]["weekly_gross_pence"] == agreements.GROSS
    for_finance = (await callers.finance().get(address)).json()
    assert whole.keys() - for_finance.keys() == {"legal_basis", "suspension_reason", "end_reason"}
    audited = await callers.auditor().get(address)
    hidden = {"holder_name", "cash_reason", "suspension_reason", "end_reason"}
    assert whole.keys() - audited.json().keys() == hidden
    assert whole["budget"]["reason"] == "assessed"
    assert for_finance["budget"] == audited.json()["budget"] == whole["budget"] | {"reason": None}
    assert "Bea" not in audited.text


async def test_another_teams_agreement_is_not_there(
    callers: Callers, shared: Database, recipient_id: UUID, south: str
) -> None:
    address = await a_draft(shared, recipient_id)
    stranger = callers.care_manager(south)
    reason = {"reason": "in hospital"}
    for answer in (
        await stranger.get(address),
        await stranger.get(f"{address}/budgets"),
        await stranger.patch(address, json={"cash_permitted": False}, headers={"If-Match": '"1"'}),
        await stranger.post(f"{address}/suspension", json=reason),
        await stranger.post(f"{address}/end", json=reason | {"ended_on": "2026-11-02"}),
    ):
        assert answer.status_code == 404
    listed = await stranger.get(AGREEMENTS, params={"recipient_id": str(recipient_id)})
    assert listed.json()["items"] == []
    opened = await stranger.post(AGREEMENTS, json=NEW | {"recipient_id": str(recipient_id)})
    assert (opened.status_code, opened.json()["errors"][0]["pointer"]) == (422, "/recipient_id")


async def test_agreements_are_listed_by_what_staff_ask_for(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    address = await a_draft(shared, recipient_id)
    care = callers.care_worker(north)
    for question, count in (
        ({}, 1),
        ({"recipient_id": str(recipient_id)}, 1),
        ({"status": "draft", "kind": "service_user", "team": north}, 1),
        ({"status": "active"}, 0),
        ({"kind": "carer"}, 0),
        ({"team": "elsewhere"}, 0),
        ({"recipient_id": str(uuid4())}, 0),
        ({"money_manager_id": str(uuid4())}, 0),
    ):
        found = (await care.get(AGREEMENTS, params=question)).json()["items"]
        assert len(found) == count, question
    audited = (await callers.auditor().get(AGREEMENTS, params={"recipient_id": str(recipient_id)})).json()["items"]
    assert [item["field_set"] for item in audited] == ["audit"]
    assert audited[0]["id"] == address.rsplit("/", 1)[1]


async def test_of_two_activations_at_once_one_wins(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    leader = callers.care_manager(north)
    addresses = [await a_draft(shared, recipient_id) for _ in range(4)]
    body = {"started_on": "2026-01-05"}
    answers = await asyncio.gather(
        *(leader.post(f"{address}/activation", json=body, headers=FIRST) for address in addresses)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_once_activated_a_care_manager_changes_the_money_terms(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    address, terms = await a_draft(shared, recipient_id), {"cash_permitted": True, "cash_reason": "the club"}
    care, leader = callers.care_worker(north), callers.care_manager(north)
    assert (await care.patch(address, json=terms, headers=FIRST)).status_code == 200
    begun = await leader.post(f"{address}/activation", json={"started_on": "2026-01-05"}, headers={"If-Match": '"2"'})
    for change in ({"cash_permitted": False}, {"payment_schedule": "monthly"}, {"money_manager_id": None}):
        refused = await care.patch(address, json=change, headers={"If-Match": begun.headers["ETag"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "care_manager_needed"), change
    anchored = await care.patch(
        address, json={"first_payment_on": "2026-01-12"}, headers={"If-Match": begun.headers["ETag"]}
    )
    assert anchored.status_code == 200
    ended = await leader.patch(address, json={"cash_permitted": False}, headers={"If-Match": anchored.headers["ETag"]})
    assert (ended.status_code, ended.json()["cash_reason"]) == (200, None)


async def test_decisions_about_one_day_at_once_are_all_kept_in_order(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    leader = callers.care_manager(north)
    address = await a_draft(shared, recipient_id)

    async def decide(gross: int) -> httpx.Response:
        return await leader.post(
            f"{address}/budgets",
            json={
                "effective_from": "2026-06-01",
                "weekly_gross_pence": gross,
                "weekly_contribution_pence": 0,
                "reason": "assessed",
            },
        )

    answers = await asyncio.gather(*(decide(gross) for gross in (100, 200, 300)))
    assert sorted(answer.json()["revision"] for answer in answers) == [1, 2, 3]
    last = max((answer.json() for answer in answers), key=lambda budget: budget["revision"])
    listed = (await callers.finance().get(f"{address}/budgets")).json()["items"]
    assert listed[0] == last | {"reason": None}
    assert (await callers.finance().get(address)).json()["budget"] == last | {"reason": None}
    assert (await leader.get(f"{address}/budgets")).json()["items"][0] == last


WRONG_BUDGETS: list[tuple[dict[str, Any], str]] = [
    ({"weekly_gross_pence": 0}, "/weekly_gross_pence"),
    ({"weekly_gross_pence": "24343"}, "/weekly_gross_pence"),
    ({"weekly_gross_pence": 243.43}, "/weekly_gross_pence"),
    ({"weekly_gross_pence": True}, "/weekly_gross_pence"),
    ({"weekly_contribution_pence": -1}, "/weekly_contribution_pence"),
    ({"weekly_contribution_pence": 10_001}, "/weekly_contribution_pence"),
    ({"weekly_nhs_pence": 10_001}, "/weekly_nhs_pence"),
    ({"reason": " "}, "/reason"),
    ({"weekly_net_pence": 1}, "/weekly_net_pence"),
]


async def test_a_budget_is_whole_pence_that_add_up(
    callers: Callers, shared: Database, recipient_id: UUID, north: str
) -> None:
    address, leader = await a_draft(shared, recipient_id), callers.care_manager(north)
    sound = {
        "effective_from": "2026-06-01",
        "weekly_gross_pence": 10_000,
        "weekly_contribution_pence": 0,
        "reason": "assessed",
    }
    for change, pointer in WRONG_BUDGETS:
        answer = await leader.post(f"{address}/budgets", json=sound | change)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), change


async def test_a_set_budget_stays_as_it_is(shared: Database, recipient_id: UUID) -> None:
    address = await a_draft(shared, recipient_id)
    agreement_id = UUID(address.rsplit("/", 1)[1])
    async with test_databases.superuser(shared.settings) as connection:
        for statement in (
            "UPDATE budget SET reason = 'x' WHERE agreement_id = $1",
            "DELETE FROM budget WHERE agreement_id = $1",
        ):
            with pytest.raises(Exception, match="append_only"):
                await connection.execute(statement, agreement_id)
