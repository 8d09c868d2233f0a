from typing import Any
from uuid import UUID, uuid4

import pytest

from services.dp_api.recipients import operations, schemas
from services.shared.database import Database
from tests import databases as test_databases
from tests.builders import recipients
from tests.builders.recipients import TODAY
from tests.dp_api.conftest import MACHINE, Callers

ASSISTANTS = "/v1/personal-assistants"


@pytest.fixture
async def recipient_id(shared: Database, north: str, south: str) -> UUID:
    async with shared.write(actor=MACHINE) as session:
        await recipients.a_team(session, south)
        return (await recipients.a_recipient(session, team_code=north)).id


@pytest.fixture
async def address(callers: Callers, north: str, recipient_id: UUID) -> str:
    made = await callers.care_worker(north).post(ASSISTANTS, json={"full_name": "Pat Example", "team_code": north})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    return made.headers["Location"]


def engagement(recipient_id: UUID, **changes: Any) -> dict[str, Any]:
    sound = {
        "recipient_id": str(recipient_id),
        "started_on": "2026-10-05",
        "hours_per_week": "16.25",
        "relationship_to_recipient": "none",
        "same_household": False,
    }
    return sound | changes


async def test_an_assistant_is_engaged_and_shown_with_who_employs_them(
    callers: Callers, address: str, recipient_id: UUID, north: str
) -> None:
    care = callers.care_worker(north)
    made = await care.post(f"{address}/engagements", json=engagement(recipient_id))
    assert (made.status_code, made.json()["hours_per_week"]) == (201, "16.25")
    shown = (await care.get(made.headers["Location"])).json()
    assert [each["recipient_id"] for each in shown["engagements"]] == [str(recipient_id)]
    again = await care.post(f"{address}/engagements", json=engagement(recipient_id))
    assert (again.status_code, again.json()["code"]) == (409, "engaged_already")


@pytest.mark.parametrize(
    ("relationship", "same_household", "code"),
    [
        ("spouse_or_partner", False, "partner_barred"),
        ("close_relative", True, "close_relative_in_household_barred"),
        ("close_relative", False, None),
    ],
)
async def test_whom_the_regulations_bar_is_refused_without_a_reason(
    callers: Callers, address: str, recipient_id: UUID, north: str, relationship: str, same_household: bool, code: str
) -> None:
    care = callers.care_worker(north)
    body = engagement(recipient_id, relationship_to_recipient=relationship, same_household=same_household)
    answer = await care.post(f"{address}/engagements", json=body)
    if code is None:
        assert answer.status_code == 201
        return
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert answer.json()["legal_source"].endswith("(SI 2014/2871), reg. 3")
    excepted = await care.post(f"{address}/engagements", json=body | {"exception_reason": "nobody else signs BSL"})
    assert excepted.status_code == 201


async def test_an_exception_is_on_the_trail_but_not_in_clear(
    callers: Callers, shared: Database, address: str, recipient_id: UUID, north: str
) -> None:
    body = engagement(
        recipient_id,
        relationship_to_recipient="spouse_or_partner",
        same_household=True,
        exception_reason="only Robin can lift",
    )
    made = await callers.care_worker(north).post(f"{address}/engagements", json=body)
    async with test_databases.superuser(shared.settings) as connection:
        trail = await connection.fetchval(
            "SELECT changes::text FROM audit_entry WHERE subject_id = $1", made.json()["id"]
        )
    assert "exception_reason" in trail
    for value in ("Robin", "spouse"):
        assert value not in trail


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"hours_per_week": "0"}, "/hours_per_week"),
    ({"hours_per_week": "168.01"}, "/hours_per_week"),
    ({"hours_per_week": "1_0"}, "/hours_per_week"),
    ({"hours_per_week": "16.255"}, "/hours_per_week"),
    ({"hours_per_week": True}, "/hours_per_week"),
    ({"same_household": "no"}, "/same_household"),
    ({"recipient_id": str(uuid4())}, "/recipient_id"),
    ({"relationship_to_recipient": "boss"}, "/relationship_to_recipient"),
]


async def test_what_is_wrong_is_pointed_at(callers: Callers, address: str, recipient_id: UUID, north: str) -> None:
    care = callers.care_worker(north)
    for change, pointer in WRONG:
        answer = await care.post(f"{address}/engagements", json=engagement(recipient_id) | change)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), change


@pytest.mark.parametrize("hours", ["0.01", "168", 16.5, 20])
async def test_hours_are_text_or_number(
    callers: Callers, address: str, recipient_id: UUID, north: str, hours: str | float
) -> None:
    answer = await callers.care_worker(north).post(
        f"{address}/engagements", json=engagement(recipient_id, hours_per_week=hours)
    )
    assert answer.status_code == 201, answer.text


async def test_another_team_sees_an_assistant_only_through_its_own_recipients(
    callers: Callers, shared: Database, address: str, recipient_id: UUID, north: str, south: str
) -> None:
    await callers.care_worker(north).post(f"{address}/engagements", json=engagement(recipient_id))
    stranger = callers.care_worker(south)
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.get(ASSISTANTS)).json()["items"] == []
    async with shared.write(actor=MACHINE) as session:
        theirs = await recipients.a_recipient(session, team_code=south)
    both = callers.care_worker(north, south)
    assert (await both.post(f"{address}/engagements", json=engagement(theirs.id))).status_code == 201
    shown = (await stranger.get(address)).json()
    assert [each["recipient_id"] for each in shown["engagements"]] == [str(theirs.id)]
    listed = (await stranger.get(ASSISTANTS, params={"recipient_id": str(theirs.id)})).json()["items"]
    assert [item["full_name"] for item in listed] == ["Pat Example"]
    out_of_sight = await stranger.get(ASSISTANTS, params={"recipient_id": str(recipient_id)})
    assert out_of_sight.json()["items"] == []
    assert (await stranger.get(ASSISTANTS, params={"team": south})).json()["items"] == []


async def test_the_dead_employ_nobody(
    callers: Callers, shared: Database, address: str, recipient_id: UUID, north: str
) -> None:
    death = schemas.Death(died_on=TODAY, notified_by="registrar")
    async with shared.write(actor=MACHINE) as session:
        await operations.record_death(session, recipient_id=recipient_id, values=death, today=TODAY)
    answer = await callers.care_worker(north).post(f"{address}/engagements", json=engagement(recipient_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "recipient_died")


async def test_an_engagement_ends_and_is_entered_anew_on_other_terms(
    callers: Callers, address: str, recipient_id: UUID, north: str, south: str
) -> None:
    care = callers.care_worker(north)
    made = (await care.post(f"{address}/engagements", json=engagement(recipient_id))).json()
    end = f"{address}/engagements/{made['id']}/end"
    body = {"ended_on": "2026-11-01", "reason": "moved in together"}
    for change, code in (
        ({"ended_on": "2026-10-04"}, "ends_before_start"),
        ({"ended_on": "2026-11-03"}, "day_in_future"),
    ):
        refused = await care.post(end, json=body | change)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await callers.care_worker(south).post(end, json=body)).status_code == 404
    assert (await callers.finance().post(end, json=body)).status_code == 403
    ended = await care.post(end, json=body)
    assert (ended.status_code, ended.json()["ended_on"]) == (200, "2026-11-01")
    again = await care.post(end, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "engagement_ended")
    anew = engagement(recipient_id, started_on="2026-11-02", same_household=True)
    assert (await care.post(f"{address}/engagements", json=anew)).status_code == 201


async def test_assistants_are_the_care_pathways_alone(callers: Callers, address: str, north: str, south: str) -> None:
    for caller in (callers.finance(), callers.auditor()):
        assert (await caller.get(address)).status_code == 403
    elsewhere = await callers.care_worker(north).post(ASSISTANTS, json={"full_name": "X Y", "team_code": south})
    assert (elsewhere.status_code, elsewhere.json()["errors"][0]["pointer"]) == (422, "/team_code")
