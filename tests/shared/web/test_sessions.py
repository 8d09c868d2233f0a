import asyncio

import pytest
from fastapi import FastAPI

from services.shared import clock, jobs
from services.shared.identity.roles import Role
from services.shared.web import edge, idempotency, routing
from services.shared.web.dependencies import Store
from tests.databases import Databases
from tests.shared.web import small_app
from tests.shared.web.conftest import ClientOf

KEY = "9a5c1de0-0000-4000-8000-000000000001"


async def rows(databases: Databases, question: str) -> int:
    async with databases.superuser() as connection:
        return int(await connection.fetchval(question))


async def test_a_write_without_its_audit_entry_is_500_and_nothing_is_stored(
    client_of: ClientOf, databases: Databases
) -> None:
    found = await client_of(Role.CARE_WORKER).post(
        "/v1/teams", json={"code": "unaudited", "name": "N"}, headers={"Idempotency-Key": KEY}
    )
    plainly = await client_of(Role.CARE_WORKER).put("/v1/teams/unaudited")
    assert (found.status_code, plainly.status_code) == (500, 500)
    assert await rows(databases, "SELECT count(*) FROM team") == 0
    assert await rows(databases, "SELECT count(*) FROM idempotency_record") == 0


async def test_a_commit_that_fails_is_never_answered_with_success(client_of: ClientOf, databases: Databases) -> None:
    async with databases.superuser() as connection:
        await connection.execute(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';"
            "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON team DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION no()"
        )
    client = client_of(Role.CARE_WORKER)
    body = {"code": "north", "name": "North"}
    created = await client.post("/v1/teams", json=body, headers={"Idempotency-Key": KEY})
    marked = await client.post("/v1/teams/a/death", headers={"Idempotency-Key": KEY})
    plainly = await client.put("/v1/teams/south")
    assert (created.status_code, marked.status_code, plainly.status_code) == (500, 500, 500)
    assert await rows(databases, "SELECT count(*) FROM team") == 0
    assert await rows(databases, "SELECT count(*) FROM audit_entry") == 0


async def test_a_streamed_answer_opens_its_own_session_and_a_failure_within_cuts_it(client_of: ClientOf) -> None:
    with pytest.raises(edge.AnswerBrokenOffError):
        await client_of(Role.CARE_WORKER).get("/v1/teams/stream/all")


async def test_a_creating_post_needs_a_key_and_says_why(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    without = await client.post("/v1/teams", json={"code": "n", "name": "N"})
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")
    for malformed in ("short", "with a blank in it", "x" * 256):
        found = await client.post("/v1/teams", json={"code": "n", "name": "N"}, headers={"Idempotency-Key": malformed})
        assert (found.status_code, found.json()["code"]) == (400, "malformed_idempotency_key")
    assert (await client.post("/v1/teams/a/death")).status_code == 400


async def test_the_same_request_again_gets_the_same_answer_and_no_second_effect(
    client_of: ClientOf, databases: Databases
) -> None:
    client = client_of(Role.CARE_WORKER)
    body = {"code": "north", "name": "Nörth"}
    first = await client.post("/v1/teams", json=body, headers={"Idempotency-Key": KEY})
    again = await client.post("/v1/teams", json=body, headers={"Idempotency-Key": KEY})
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again.headers["Location"]) == (first.json(), "/v1/teams/north")
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert await rows(databases, "SELECT count(*) FROM audit_entry") == 1
    async with databases.superuser() as connection:
        stored = await connection.fetchval("SELECT body_encrypted FROM idempotency_record")
    assert "Nörth".encode() not in stored


async def test_a_key_belongs_to_its_caller_operation_and_request(client_of: ClientOf, databases: Databases) -> None:
    client, other = client_of(Role.CARE_WORKER, name="1"), client_of(Role.CARE_WORKER, name="2")
    header = {"Idempotency-Key": KEY}
    await client.post("/v1/teams", json={"code": "north", "name": "N"}, headers=header)
    reused = await client.post("/v1/teams", json={"code": "south", "name": "S"}, headers=header)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert (await client.post("/v1/teams/a/death", headers=header)).status_code == 200
    assert (await client.post("/v1/teams/b/death", headers=header)).status_code == 422
    assert (await other.post("/v1/teams", json={"code": "east", "name": "E"}, headers=header)).status_code == 201
    assert await rows(databases, "SELECT count(*) FROM team") == 3


async def test_a_caller_whose_teams_have_changed_is_not_given_the_old_answer(client_of: ClientOf) -> None:
    header, body = {"Idempotency-Key": KEY}, {"code": "north", "name": "N"}
    before = client_of(Role.CARE_WORKER, name="1", teams=["north", "east"])
    assert (await before.post("/v1/teams", json=body, headers=header)).status_code == 201
    reordered = client_of(Role.CARE_WORKER, name="1", teams=["east", "north"])
    assert (await reordered.post("/v1/teams", json=body, headers=header)).status_code == 201
    moved = client_of(Role.CARE_WORKER, name="1", teams=["south"])
    found = await moved.post("/v1/teams", json=body, headers=header)
    assert (found.status_code, found.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("team", "kind", "shown"),
    [("person", "recipient", small_app.RECIPIENT), ("none", "agreement", small_app.AGREEMENT)],
)
async def test_an_answer_given_again_is_in_the_read_log(
    client_of: ClientOf, databases: Databases, team: str, kind: str, shown: str
) -> None:
    client, header = client_of(Role.CARE_WORKER, name="1"), {"Idempotency-Key": KEY}
    await client.post(f"/v1/teams/{team}/agreements", headers=header)
    assert await rows(databases, "SELECT count(*) FROM read_log") == 0
    again = await client.post(f"/v1/teams/{team}/agreements", headers=header)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    async with databases.superuser() as connection:
        (read,) = await connection.fetch("SELECT * FROM read_log")
    assert (read["actor"], read["action"], read["subject_kind"]) == ("1", "open_agreement", kind)
    assert [str(each) for each in read["subject_ids"]] == [shown]
    assert read["request_id"] == again.headers["X-Request-ID"]


async def test_a_secret_is_shown_once_and_not_kept(client_of: ClientOf, databases: Databases) -> None:
    client, header = client_of(Role.CARE_WORKER), {"Idempotency-Key": KEY}
    first = await client.post("/v1/teams/a/keys", headers=header)
    assert first.json()["secret"] == small_app.SECRET
    async with databases.superuser() as connection:
        stored = await connection.fetchval("SELECT body_encrypted FROM idempotency_record")
    assert b"secret" not in databases.dp_api.ciphers.decrypt(stored)
    again = await client.post("/v1/teams/a/keys", headers=header)
    assert (again.status_code, again.json()["code"]) == (409, "secret_shown_once")
    assert small_app.SECRET not in again.text
    assert await rows(databases, "SELECT count(*) FROM audit_entry") == 1


async def test_an_act_done_once_that_leaves_no_entry_is_not_answered_with_success(
    client_of: ClientOf, databases: Databases
) -> None:
    found = await client_of(Role.CARE_MANAGER).post("/v1/teams/a/nothing", headers={"Idempotency-Key": KEY})
    assert found.status_code == 500
    assert await rows(databases, "SELECT count(*) FROM idempotency_record") == 0


def test_an_act_done_once_cannot_write_elsewhere_than_in_the_session_of_its_answer() -> None:
    router = routing.Router(prefix="/v1/x", tags=["x"])

    async def run_clawback(store: Store) -> None: ...

    with pytest.raises(routing.ActElsewhereError, match="run_clawback"):
        router.post("", status_code=201)(run_clawback)
    router.post("")(run_clawback)


async def test_only_success_is_stored(client_of: ClientOf, databases: Databases) -> None:
    client, header = client_of(Role.CARE_WORKER), {"Idempotency-Key": KEY}
    assert (await client.post("/v1/teams", json={"code": 5, "name": "N"}, headers=header)).status_code == 422
    assert (await client.post("/v1/teams", json={"code": "n", "name": "N"}, headers=header)).status_code == 201


async def test_of_twenty_at_once_with_one_key_one_has_an_effect(client_of: ClientOf, databases: Databases) -> None:
    client, header = client_of(Role.CARE_WORKER), {"Idempotency-Key": KEY}
    found = await asyncio.gather(*(client.post("/v1/teams/a/death", headers=header) for _ in range(20)))
    assert {each.status_code for each in found} <= {200, 409}
    assert sum(each.status_code == 200 and "Idempotent-Replayed" not in each.headers for each in found) == 1
    assert {each.json()["code"] for each in found if each.status_code == 409} <= {"in_progress"}
    assert await rows(databases, "SELECT count(*) FROM team") == 1
    assert await rows(databases, "SELECT count(*) FROM audit_entry") == 1


async def test_while_another_request_holds_the_key_the_answer_is_409(
    client_of: ClientOf, databases: Databases, small: FastAPI
) -> None:
    held = idempotency.Key(caller="1", operation="record_death", key=KEY)
    async with databases.superuser() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", held.lock)
        found = await client_of(Role.CARE_WORKER, name="1").post("/v1/teams/a/death", headers={"Idempotency-Key": KEY})
    assert (found.status_code, found.json()["code"]) == (409, "in_progress")
    assert await rows(databases, "SELECT count(*) FROM team") == 0


async def test_stored_answers_go_after_a_month_and_not_before(client_of: ClientOf, databases: Databases) -> None:
    client = client_of(Role.CARE_WORKER)
    for key, days in ((KEY, 32), (KEY + "b", 30)):
        await client.post(f"/v1/teams/{days}/death", headers={"Idempotency-Key": key})
        async with databases.superuser() as connection:
            await connection.execute(
                "UPDATE idempotency_record SET created_at = now() - make_interval(days => $2) WHERE key = $1", key, days
            )
    assert await jobs.run(idempotency.EXPIRE_ANSWERS, databases.dp_api, now=clock.now())
    async with databases.superuser() as connection:
        assert [row["key"] for row in await connection.fetch("SELECT key FROM idempotency_record")] == [KEY + "b"]
