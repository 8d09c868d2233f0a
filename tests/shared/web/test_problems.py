import pytest
from fastapi import FastAPI

from services.shared import database
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import app
from tests.databases import Databases
from tests.shared.web import small_app
from tests.shared.web.conftest import ClientOf

MEMBERS = {"type", "title", "status", "detail", "instance", "trace_id", "code", "errors"}


TROUBLES = (
    ("not_found", 404, "not_found"),
    ("refused", 409, "too_soon"),
    ("conflict", 409, "conflict"),
    ("stale", 412, "stale_version"),
    ("invalid", 422, "invalid"),
    ("unexpected", 500, "unexpected"),
    ("unreachable", 503, "unavailable"),
)
REFUSED_BY_THE_DATABASE = (
    ("SELECT 'Featherstonehaugh'::int", 500, "unexpected"),
    ("SELECT 9223372036854775807 + 1", 422, "unstorable_value"),
    ("DO $$ BEGIN RAISE deadlock_detected; END $$", 503, "overtaken"),
    ("DO $$ BEGIN RAISE serialization_failure; END $$", 503, "overtaken"),
    ("DO $$ BEGIN RAISE unique_violation USING CONSTRAINT = 'uq_x'; END $$", 409, "uq_x"),
)


async def test_every_kind_of_trouble_has_its_status_and_one_shape(client_of: ClientOf) -> None:
    for trouble, status, code in TROUBLES:
        found = await client_of(Role.CARE_WORKER).get(f"/v1/teams/north/troubles/{trouble}")
        body = found.json()
        assert (found.status_code, body["status"], body["code"]) == (status, status, code)
        assert found.headers["Content-Type"] == "application/problem+json"
        assert body.keys() - {"legal_source"} == MEMBERS
        assert body["trace_id"] == found.headers["X-Request-ID"]
        assert small_app.SECRET not in found.text
        assert (await client_of().get(body["type"])).status_code == 200


async def test_a_refusal_says_where_it_stands_and_is_on_record(client_of: ClientOf, databases: Databases) -> None:
    team_id = "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10"
    found = await client_of(Role.CARE_WORKER, name="1").get(f"/v1/teams/{team_id}/troubles/refused")
    assert found.json()["legal_source"].endswith("reg. 3")
    async with databases.superuser() as connection:
        entry = await connection.fetchrow("SELECT * FROM audit_entry")
    assert entry is not None
    assert (entry["outcome"], entry["reason"], entry["actor_role"]) == ("refused", "too_soon", "care_worker")
    assert (entry["subject_kind"], entry["subject_id"]) == ("team", team_id)
    assert entry["legal_source"] == found.json()["legal_source"]


async def test_what_is_no_id_in_an_address_is_not_put_on_record(client_of: ClientOf, databases: Databases) -> None:
    await client_of(Role.CARE_WORKER).get("/v1/teams/9434765919/troubles/refused")
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT subject_id FROM audit_entry") == ""


async def test_an_invalid_field_is_named_by_its_pointer(client_of: ClientOf) -> None:
    found = await client_of(Role.CARE_WORKER).get("/v1/teams/north/troubles/invalid")
    assert found.json()["errors"] == [{"pointer": "/name", "detail": "not so"}]


async def test_an_address_that_is_none_and_a_method_that_is_not_taken(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    none = await client.get("/v1/9434765919")
    assert (none.status_code, none.headers["Content-Type"]) == (404, "application/problem+json")
    assert "9434765919" not in none.text
    wrong = await client.delete("/v1/teams")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, POST")
    assert (await client.delete("/v1/teams/x")).headers["Allow"] == "PATCH, PUT"


async def test_a_query_value_that_breaks_a_rule_is_not_repeated(client_of: ClientOf) -> None:
    found = await client_of(Role.CARE_WORKER).get("/v1/teams?limit=9434765919")
    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"] == "query/limit"
    assert "9434765919" not in found.text


async def test_what_the_database_refuses_is_told_without_a_value(client_of: ClientOf) -> None:
    for statement, status, code in REFUSED_BY_THE_DATABASE:
        found = await client_of(Role.CARE_WORKER).post("/v1/teams/sql", json={"sql": statement})
        assert (found.status_code, found.json()["code"]) == (status, code)
        assert "Featherstonehaugh" not in found.text
        assert ("Retry-After" in found.headers) == (status == 503)


async def test_a_statement_that_takes_too_long_is_503(
    client_of: ClientOf, small: FastAPI, databases: Databases
) -> None:
    hasty = databases.settings.model_copy(update={"statement_timeout_ms": 100})
    store = await database.connect(hasty, service=Service.DP_API)
    app.attach(small, settings=hasty, database=store)
    found = await client_of(Role.CARE_WORKER).post("/v1/teams/sql", json={"sql": "SELECT pg_sleep(5)"})
    assert (found.status_code, found.json()["code"]) == (503, "unavailable")
    await store.close()


async def test_the_log_of_what_nobody_expected_tells_where_and_no_value(
    client_of: ClientOf, small: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    await client_of(Role.CARE_WORKER).get("/v1/teams/north/troubles/unexpected")
    await client_of(Role.CARE_WORKER).post("/v1/teams/sql", json={"sql": "SELECT 'Featherstonehaugh'::int"})
    told = capsys.readouterr()
    said = told.out + told.err
    assert "RuntimeError" in said
    assert "small_app.py" in said
    assert "22P02" in said
    assert "Featherstonehaugh" not in said
    assert said.count("unexpected ") == 2
