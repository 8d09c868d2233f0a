"""Questions and amendments of one statement: what is shown is on record first, and the entry commits with the act.

Each test has a database of its own, since it plants faults in the books that all share.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from services.dp_api.recipients import schemas
from services.shared import answers, driver, paging
from services.shared.vocabulary.records import AuditBook
from tests.builders.recipients import new_recipient
from tests.databases import Databases
from tests.dp_api.conftest import Callers, callers_of

PEOPLE = "/v1/recipients"
FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER planted BEFORE INSERT ON {book} FOR EACH ROW EXECUTE FUNCTION fail();
"""
WAIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$;
CREATE TRIGGER planted AFTER INSERT ON {book} FOR EACH ROW EXECUTE FUNCTION wait();
"""
NAMES = ["Zoë Hartley", 'Quotey "Q" Backslash \\', "Lin\u2028e", "Ünïcode 漢字 \U0001f600"]


@pytest.fixture
async def callers(app: FastAPI, databases: Databases) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        yield callers_of(app, databases.dp_api, stack)


@pytest.fixture
async def superuser(databases: Databases) -> AsyncIterator[driver.Connection]:
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO team (code, name) VALUES ('north', 'North'), ('south', 'South')")
        yield connection


@pytest.fixture
def care(callers: Callers, superuser: driver.Connection) -> httpx.AsyncClient:
    return callers.care_worker("north")


async def registered(care: httpx.AsyncClient, **changes: Any) -> Mapping[str, Any]:
    body = new_recipient(team_code="north", **changes).model_dump(mode="json")
    answer = await care.post(PEOPLE, json=body)
    assert answer.status_code == 201, answer.text
    made: Mapping[str, Any] = answer.json()
    return made


async def ended(superuser: driver.Connection, *, how: str) -> None:
    """End whoever is entering a read just now, once somebody is."""
    asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%INSERT INTO read_log%'"
    for _ in range(200):
        if (pid := await superuser.fetchval(asleep)) is not None:
            await superuser.execute(f"SELECT {how}({pid})")
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody is entering a read")


async def looks(superuser: driver.Connection) -> list[asyncpg.Record]:
    return await superuser.fetch("SELECT * FROM read_log ORDER BY id")


async def test_who_was_shown_whom_is_committed_before_the_answer_is_here(
    care: httpx.AsyncClient, superuser: driver.Connection
) -> None:
    made = await registered(care)
    answer = await care.get(f"{PEOPLE}/{made['id']}", headers={"X-Request-ID": uuid4().hex})
    (row,) = await looks(superuser)
    assert answer.status_code == 200
    assert (row["actor_role"], row["action"], row["service"]) == ("care_worker", "read_recipient", "dp_api")
    assert (row["subject_kind"], row["subject_ids"]) == ("recipient", [UUID(made["id"])])
    assert row["request_id"] == answer.headers["X-Request-ID"]
    waiting = "SELECT count(*) FROM unsealed_entry WHERE entry_id = $1 AND book = $2"
    queued = await superuser.fetchval(waiting, row["id"], AuditBook.READS.value)
    assert queued == 1


async def test_a_page_names_those_it_shows_and_not_the_one_after(
    care: httpx.AsyncClient, superuser: driver.Connection
) -> None:
    ids = sorted([(await registered(care))["id"] for _ in range(3)])
    first = (await care.get(PEOPLE, params={"limit": 2})).json()
    rest = (await care.get(PEOPLE, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in (*first["items"], *rest["items"])] == ids
    assert rest["next_cursor"] is None
    assert [[str(one) for one in row["subject_ids"]] for row in await looks(superuser)] == [ids[:2], ids[2:]]


async def test_a_look_at_nobody_is_entered_of_a_list_and_not_of_one_person(
    callers: Callers, care: httpx.AsyncClient, superuser: driver.Connection
) -> None:
    made = await registered(care)
    elsewhere = callers.care_worker("south")
    of_others, of_nobody = [await elsewhere.get(f"{PEOPLE}/{each}") for each in (made["id"], uuid4())]
    assert (of_others.status_code, of_others.json()["detail"]) == (404, of_nobody.json()["detail"])
    assert await looks(superuser) == []
    assert (await elsewhere.get(PEOPLE)).json() == {"items": [], "next_cursor": None}
    assert [row["subject_ids"] for row in await looks(superuser)] == [[]]


@pytest.mark.parametrize("address", ["/{id}", "?limit=5"])
@pytest.mark.parametrize("state", ["53100", "XX000"])
async def test_nobody_is_shown_whose_read_record_fails(
    care: httpx.AsyncClient, superuser: driver.Connection, address: str, state: str
) -> None:
    made = await registered(care, full_name="Ottilie Farnborough")
    await superuser.execute(FAIL.format(book="read_log", state=state))
    answer = await care.get(PEOPLE + address.format(id=made["id"]))
    assert answer.status_code >= 500
    assert "Ottilie" not in answer.text
    assert await looks(superuser) == []


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_read_whose_connection_is_killed_shows_nobody_and_leaves_no_record(
    care: httpx.AsyncClient, superuser: driver.Connection, end: str
) -> None:
    made = await registered(care, full_name="Ottilie Farnborough")
    await superuser.execute(WAIT.format(book="read_log"))
    reading = asyncio.create_task(care.get(f"{PEOPLE}/{made['id']}"))
    await ended(superuser, how=end)
    answer = await reading
    assert answer.status_code >= 500
    assert "Ottilie" not in answer.text
    await superuser.execute("DROP TRIGGER planted ON read_log")
    assert await looks(superuser) == []
    assert (await care.get(f"{PEOPLE}/{made['id']}")).status_code == 200


async def test_of_two_who_amend_one_version_one_is_told_to_read_again(
    care: httpx.AsyncClient, superuser: driver.Connection
) -> None:
    made = await registered(care)
    amending = [
        care.patch(f"{PEOPLE}/{made['id']}", json={"known_as": f"Name {number}"}, headers={"If-Match": '"1"'})
        for number in range(6)
    ]
    amended = await asyncio.gather(*amending)
    assert sorted(answer.status_code for answer in amended) == [200, 412, 412, 412, 412, 412]
    winner = next(answer for answer in amended if answer.status_code == 200)
    assert winner.headers["ETag"] == '"2"'
    row = await superuser.fetchrow("SELECT version, known_as FROM recipient")
    assert row is not None
    assert (row["version"], row["known_as"]) == (2, winner.json()["known_as"])
    entries = await superuser.fetch("SELECT changes FROM audit_entry WHERE action = 'amend_recipient'")
    assert [sorted(json.loads(entry["changes"])) for entry in entries] == [["known_as"]]


async def test_an_amendment_whose_entry_fails_is_none(care: httpx.AsyncClient, superuser: driver.Connection) -> None:
    made = await registered(care)
    before = await superuser.fetchrow("SELECT * FROM recipient")
    await superuser.execute(FAIL.format(book="audit_entry", state="XX000"))
    answer = await care.patch(f"{PEOPLE}/{made['id']}", json={"known_as": "Nobody"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 500
    assert await superuser.fetchrow("SELECT * FROM recipient") == before


async def test_an_amendment_keeps_personal_values_out_of_the_trails_clear_text(
    care: httpx.AsyncClient, superuser: driver.Connection
) -> None:
    made = await registered(care)
    change = {
        "full_name": "Perpetua Quillfeather",
        "home_care_zone": "hinckley",
        "reason": "She has married Bartholomew",
    }
    answer = await care.patch(f"{PEOPLE}/{made['id']}", json=change, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    entry = await superuser.fetchrow("SELECT changes, reason FROM audit_entry WHERE action = 'amend_recipient'")
    assert entry is not None
    changes = json.loads(entry["changes"])
    assert changes["home_care_zone"] == {"before": made["home_care_zone"], "after": "hinckley"}
    assert changes["full_name"]["person_id"] == made["id"]
    assert "Quillfeather" not in entry["changes"] + entry["reason"]
    assert "Bartholomew" not in entry["reason"]


async def test_every_answer_is_what_its_model_would_write(care: httpx.AsyncClient, callers: Callers) -> None:
    for name in NAMES[:2] + NAMES[3:]:
        await registered(care, full_name=name, known_as=None)
    finance = callers.finance()
    for caller in (care, finance):
        page = await caller.get(PEOPLE, params={"limit": 2})
        model = paging.Paged[schemas.RecipientSummary].model_validate_json(page.content)
        assert model.model_dump_json().encode() == page.content
        found = await caller.post(f"{PEOPLE}/searches", json={"name": "ey"})
        assert paging.Paged[schemas.RecipientSummary].model_validate_json(found.content).model_dump_json() == found.text
        for item in model.items:
            one = await caller.get(f"{PEOPLE}/{item.id}")
            view = schemas.RecipientForCare if caller is care else schemas.RecipientForFinance
            assert view.model_validate_json(one.content).model_dump_json().encode() == one.content


class Item(BaseModel):
    name: str
    at: datetime
    pence: int
    rate: Decimal
    id: UUID
    on: date | None
    is_open: bool


ROWS = st.fixed_dictionaries(
    {
        "name": st.text(),
        "at": st.datetimes(timezones=st.just(UTC)),
        "pence": st.integers(-(2**53), 2**53),
        "rate": st.sampled_from([Decimal("0.10"), Decimal("-12"), Decimal("1E+3")]),
        "id": st.uuids(),
        "on": st.dates() | st.none(),
        "is_open": st.booleans(),
    }
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # Elsewhere on the machine there is work too.
@given(st.lists(ROWS, max_size=5))
def test_a_written_page_is_that_of_pydantic_for_any_values(rows: list[dict[str, Any]]) -> None:
    in_order = [{name: row[name] for name in Item.model_fields} for row in rows]
    model = paging.Paged[Item].model_validate({"items": in_order, "next_cursor": None})
    assert answers.listed(in_order, None).body == model.model_dump_json().encode()
