from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from stdnum.gb import nhs

from services.shared.database import Database
from services.shared.identity.roles import Role
from tests import databases as test_databases
from tests.builders.recipients import new_recipient
from tests.dp_api.conftest import Callers

PEOPLE = "/v1/recipients"


def body(team: str, **changes: Any) -> dict[str, Any]:
    return new_recipient(team_code=team, **changes).model_dump(mode="json")


def unused_nhs_number() -> str:
    """Return a number of the range that is never issued, most likely one that no other test has taken."""
    while True:
        number = f"999{uuid4().int % 10**7:07d}"
        if nhs.is_valid(number):
            return number


@pytest.fixture
async def teams(callers: Callers, north: str, south: str) -> tuple[str, str]:
    for code in (north, south):
        answer = await callers.administrator().put(f"/v1/teams/{code}", json={"name": f"Team {code}"})
        assert answer.status_code == 200
    return north, south


async def registered(callers: Callers, team: str, **changes: Any) -> Mapping[str, Any]:
    answer = await callers.care_worker(team).post(PEOPLE, json=body(team, **changes))
    assert answer.status_code == 201, answer.text
    shown: Mapping[str, Any] = answer.json()
    return shown


async def test_a_recipient_is_registered_and_read_back(callers: Callers, teams: tuple[str, str]) -> None:
    care = callers.care_worker(teams[0])
    number = unused_nhs_number()
    answer = await care.post(PEOPLE, json=body(teams[0], nhs_number=number))
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    read = await care.get(answer.headers["Location"])
    assert (read.status_code, read.headers["ETag"]) == (200, '"1"')
    assert read.json() == answer.json()
    assert read.json()["nhs_number"] == f"{number[:3]} {number[3:6]} {number[6:]}"
    assert read.json()["address_lines"] == ["1 Example Street", "Melton"]


async def test_each_role_is_shown_its_own_fields(callers: Callers, teams: tuple[str, str]) -> None:
    made = await registered(callers, teams[0], nhs_number=unused_nhs_number(), communication_needs="Large print")
    address = f"{PEOPLE}/{made['id']}"
    for_finance = (await callers.finance().get(address)).json()
    assert for_finance["field_set"] == "finance"
    hidden = {"date_of_birth", "primary_support_reason", "ethnicity"}
    assert made.keys() - for_finance.keys() == hidden
    assert for_finance["communication_needs"] == "Large print"
    for_audit = (await callers.auditor().get(address)).json()
    assert for_audit == {
        "field_set": "audit",
        "id": made["id"],
        "kind": "adult",
        "team_code": teams[0],
        "home_care_zone": "melton",
        "version": 1,
    }


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
async def test_who_may_not_list_or_search_is_forbidden(callers: Callers, role: Role) -> None:
    caller = callers.of(role)
    assert (await caller.get(PEOPLE)).status_code == 403
    assert (await caller.post(f"{PEOPLE}/searches", json={"name": "Ada"})).status_code == 403


async def test_another_teams_recipient_is_not_there(callers: Callers, teams: tuple[str, str]) -> None:
    made = await registered(callers, teams[0])
    stranger = callers.care_manager(teams[1])
    address = f"{PEOPLE}/{made['id']}"
    for answer in (
        await stranger.get(address),
        await stranger.patch(address, json={"known_as": "X"}, headers={"If-Match": '"1"'}),
        await stranger.post(f"{address}/death", json={"died_on": "2026-11-01", "notified_by": "nobody"}),
        await callers.care_worker().get(address),
        await stranger.get(f"{PEOPLE}/{uuid4()}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await stranger.post(PEOPLE, json=body(teams[0]))).status_code == 422
    assert (await stranger.get(PEOPLE, params={"team": teams[0]})).json()["items"] == []
    found = await stranger.post(f"{PEOPLE}/searches", json={"team_code": teams[0]})
    assert found.json()["items"] == []


async def test_everybody_is_on_exactly_one_page(callers: Callers, teams: tuple[str, str]) -> None:
    made = {(await registered(callers, teams[0]))["id"] for _ in range(3)}
    await registered(callers, teams[1])
    care, seen, cursor = callers.care_worker(teams[0]), [], None
    while True:
        answer = (await care.get(PEOPLE, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["id"] for item in answer["items"]]
        if (cursor := answer["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted(made)
    broken = await care.get(PEOPLE, params={"cursor": "nonsense"})
    assert (broken.status_code, broken.json()["code"]) == (400, "broken_cursor")


async def test_people_are_found_by_each_criterion_and_by_all_together(callers: Callers, teams: tuple[str, str]) -> None:
    number = unused_nhs_number()
    made = await registered(
        callers, teams[0], full_name="Una Percent_100%", known_as="Pip", nhs_number=number, postcode="LE13 1AB"
    )
    await registered(callers, teams[0], full_name="Una Other")
    care = callers.care_worker(teams[0])
    whole = {"nhs_number": number, "name": "PERCENT_100%", "date_of_birth": "1950-03-04", "postcode": "le131ab"}
    for search in (
        {"nhs_number": f"{number[:3]} {number[3:6]} {number[6:]}"},
        {"name": "percent_100%"},
        {"name": "pip"},
        {"postcode": "le131ab", "team_code": teams[0]},
        whole,
    ):
        answer = await care.post(f"{PEOPLE}/searches", json=search)
        assert [item["id"] for item in answer.json()["items"]] == [made["id"]], search
        assert "nhs_number" not in answer.json()["items"][0]
    nobody = await care.post(f"{PEOPLE}/searches", json=whole | {"date_of_birth": "1950-03-05"})
    assert nobody.json() == {"items": [], "next_cursor": None}


async def test_a_search_looks_for_something_that_the_role_is_shown(callers: Callers, teams: tuple[str, str]) -> None:
    empty = await callers.care_worker(teams[0]).post(f"{PEOPLE}/searches", json={})
    assert (empty.status_code, empty.json()["code"]) == (422, "empty_search")
    by_birth = await callers.finance().post(f"{PEOPLE}/searches", json={"date_of_birth": "1950-03-04"})
    assert by_birth.json()["errors"] == [
        {"pointer": "/date_of_birth", "detail": "your role does not search by date of birth"}
    ]
    assert "1950" not in by_birth.text


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"nhs_number": "3459124359"}, "/nhs_number", "3459124359"),
    ({"nhs_number": 9434765919}, "/nhs_number", "9434765919"),
    ({"postcode": "NOWHERE 1"}, "/postcode", "NOWHERE"),
    ({"full_name": "Zeb\u0007edee"}, "/full_name", "edee"),
    ({"full_name": ""}, "/full_name", "''"),
    ({"kind": "dog"}, "/kind", "dog"),
    ({"date_of_birth": "1850-02-31"}, "/date_of_birth", "1850"),
    ({"date_of_birth": 0}, "/date_of_birth", "1970"),
    ({"address_lines": []}, "/address_lines", "[]"),
    ({"secret_field": "Hush"}, "/secret_field", "Hush"),
]


async def test_what_is_wrong_is_pointed_at_and_not_repeated(callers: Callers, north: str) -> None:
    care = callers.care_worker(north)
    for change, pointer, value in WRONG:
        answer = await care.post(PEOPLE, json=body(north) | change)
        assert answer.status_code == 422, change
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        assert value not in answer.text


async def test_a_refusal_names_its_source(callers: Callers, teams: tuple[str, str]) -> None:
    answer = await callers.care_worker(teams[0]).post(PEOPLE, json=body(teams[0]) | {"date_of_birth": "2015-01-01"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_young")
    assert answer.json()["legal_source"] == "Direct Payments Development Plan 2018-2023, Appendix A"


async def test_a_number_in_use_is_a_conflict_that_names_nobody(callers: Callers, teams: tuple[str, str]) -> None:
    number = unused_nhs_number()
    made = await registered(callers, teams[0], nhs_number=number)
    answer = await callers.care_worker(teams[1]).post(PEOPLE, json=body(teams[1], nhs_number=number))
    assert (answer.status_code, answer.json()["code"]) == (409, "nhs_number_taken")
    for value in (number, number[3:], made["id"], "Ada", teams[0]):
        assert value not in answer.text


async def test_an_amendment_names_the_version_it_amends(callers: Callers, teams: tuple[str, str]) -> None:
    made = await registered(callers, teams[0])
    care, address = callers.care_worker(teams[0]), f"{PEOPLE}/{made['id']}"
    change = {"known_as": "Addie"}
    assert (await care.patch(address, json=change)).status_code == 428
    assert (await care.patch(address, json=change, headers={"If-Match": "three"})).status_code == 400
    assert (await care.patch(address, json=change, headers={"If-Match": '"2"'})).status_code == 412
    answer = await care.patch(address, json=change, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["ETag"], answer.json()["known_as"]) == (200, '"2"', "Addie")
    assert (await care.patch(address, json=change, headers={"If-Match": '"1"'})).status_code == 412
    for nothing in ({}, {"reason": "just because"}):
        empty = await care.patch(address, json=nothing, headers={"If-Match": '"2"'})
        assert (empty.status_code, empty.json()["code"]) == (422, "empty_amendment")
    null = await care.patch(address, json={"full_name": None}, headers={"If-Match": '"2"'})
    assert (null.status_code, null.json()["errors"][0]["pointer"]) == (422, "/full_name")


async def test_the_same_act_sent_again_is_done_once(callers: Callers, teams: tuple[str, str]) -> None:
    care, key = callers.care_worker(teams[0]), {"Idempotency-Key": str(uuid4())}
    first = await care.post(PEOPLE, json=body(teams[0]), headers=key)
    again = await care.post(PEOPLE, json=body(teams[0]), headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    other = await care.post(PEOPLE, json=body(teams[0], full_name="Bea Example"), headers=key)
    assert other.status_code == 422
    assert len((await care.get(PEOPLE)).json()["items"]) == 1


async def test_a_hand_over_is_shown_once_and_then_out_of_sight(callers: Callers, teams: tuple[str, str]) -> None:
    made = await registered(callers, teams[0])
    care, address = callers.care_worker(teams[0]), f"{PEOPLE}/{made['id']}"
    answer = await care.patch(
        address, json={"team_code": teams[1], "reason": "moved house"}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["team_code"]) == (200, teams[1])
    assert (await care.get(address)).status_code == 404
    assert (await callers.care_worker(teams[1]).get(address)).status_code == 200


async def test_who_was_shown_whom_is_on_record(callers: Callers, teams: tuple[str, str], shared: Database) -> None:
    made = [(await registered(callers, teams[0], full_name=name))["id"] for name in ("Ada One", "Ada Two")]
    name = f"S{uuid4().hex[:8]}".upper()
    care = callers.of(Role.CARE_WORKER, teams=[teams[0]], name=name)
    await care.get(f"{PEOPLE}/{made[0]}")
    await care.get(PEOPLE)
    await care.post(f"{PEOPLE}/searches", json={"name": "Ada Two"})
    await care.get(f"{PEOPLE}/{uuid4()}")
    async with test_databases.superuser(shared.settings) as connection:
        rows = await connection.fetch(
            "SELECT action, actor_role, subject_kind, subject_ids FROM read_log WHERE actor = $1 ORDER BY id", name
        )
    shown = [(row["action"], sorted(map(str, row["subject_ids"]))) for row in rows]
    assert shown == [
        ("read_recipient", [made[0]]),
        ("list_recipients", sorted(made)),
        ("search_recipients", [made[1]]),
    ]
    assert {(row["actor_role"], row["subject_kind"]) for row in rows} == {("care_worker", "recipient")}


async def test_a_death_is_recorded_with_who_told(callers: Callers, teams: tuple[str, str]) -> None:
    made = await registered(callers, teams[0])
    care, address = callers.care_worker(teams[0]), f"{PEOPLE}/{made['id']}/death"
    told = {"died_on": "2026-11-01", "notified_by": "registrar"}
    answer = await care.post(address, json=told)
    assert (answer.status_code, answer.json()["died_on"], answer.headers["ETag"]) == (200, "2026-11-01", '"2"')
    assert (await care.post(address, json=told)).status_code == 409
    assert (await callers.finance().post(address, json=told)).status_code == 403


async def test_the_trail_takes_no_change(shared: Database) -> None:
    async with shared.engine.connect() as connection:
        for statement in ("UPDATE audit_entry SET actor = 'x'", "DELETE FROM read_log", "TRUNCATE budget"):
            with pytest.raises(Exception, match="permission denied"):
                await connection.exec_driver_sql(statement)
            await connection.rollback()
