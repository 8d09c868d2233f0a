import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from openapi_spec_validator import validate
from starlette.requests import Request
from starlette.responses import Response

from services.shared import clock, jobs, logs, migrate
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import app, headers, rates, routing
from services.shared.web.errors import TooManyRequests
from tests.databases import Databases
from tests.shared.web import small_app
from tests.shared.web.conftest import ClientOf


async def test_every_answer_carries_the_security_headers_and_the_request_id(client_of: ClientOf) -> None:
    for path in ("/v1/teams", "/nowhere", "/health/live", "/openapi.json"):
        found = await client_of().get(path)
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert found.headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in found.headers["Content-Security-Policy"]
        assert found.headers["Cache-Control"] == "no-store"
        assert len(found.headers["X-Request-ID"]) == 32
        assert "Access-Control-Allow-Origin" not in found.headers


async def test_a_request_id_of_the_clients_own_is_kept_if_it_is_one(client_of: ClientOf) -> None:
    own = "7f3c0a526a534d7c9a550c9d2f6b1e10"
    assert (await client_of().get("/", headers={"X-Request-ID": own})).headers["X-Request-ID"] == own
    written = "7F3C0A52-6A53-4D7C-9A55-0C9D2F6B1E10"
    assert (await client_of().get("/", headers={"X-Request-ID": written})).headers["X-Request-ID"] == own


@pytest.mark.parametrize(
    "given", ["NHS 9434765919", "{" * 8_000 + "7f3c0a526a534d7c9a550c9d2f6b1e10", "urn:uuid:" + "0" * 32, "-" * 36]
)
async def test_what_is_no_request_id_is_not_kept(client_of: ClientOf, given: str) -> None:
    made = (await client_of().get("/", headers={"X-Request-ID": given})).headers["X-Request-ID"]
    assert len(made) == 32
    assert made not in given


async def test_behind_tls_browsers_are_told_to_stay_there(databases: Databases) -> None:
    behind = databases.settings.model_copy(update={"tls_terminating_proxy": True})
    assert b"strict-transport-security" in dict(headers.of_answers(behind))
    assert b"strict-transport-security" not in dict(headers.of_answers(databases.settings))


async def test_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(
    small: FastAPI, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reads_whole(request: Request) -> Response:
        return Response(await request.body())

    small.router.add_route("/reads", reads_whole, methods=["POST"])
    noted: list[tuple[str, str, Any]] = []
    for level in ("info", "error"):
        note = partial(lambda of, event, **about: noted.append((of, event, about.get("status"))), level)
        monkeypatch.setattr(logs.log, level, note)
    coming = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/reads", "headers": [(b"host", b"localhost")]}
    await small({**scope, "query_string": b"", "asgi": {"version": "3.0"}, "http_version": "1.1"}, receive, send)
    assert noted == [("info", "request", 499)]
    assert sent == []


async def test_only_our_own_hosts_are_answered(client_of: ClientOf) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"):
        assert (await client_of().get("/", headers={"Host": host})).status_code == 200, host
    for host in ("evil.example", "localhost.evil.example", ""):
        found = await client_of().get("/", headers={"Host": host})
        assert (found.status_code, found.json()["code"]) == (400, "unknown_host"), host


async def test_probes_ask_by_whatever_address_they_know(client_of: ClientOf) -> None:
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await client_of().get(path, headers={"Host": "10.1.2.3:8000"})).status_code in (200, 503), path


async def test_a_body_that_is_too_large_is_413_whether_it_says_so_or_not(
    client_of: ClientOf, small: FastAPI, databases: Databases
) -> None:
    large = b'{"name":"' + b"x" * databases.settings.max_json_bytes + b'"}'

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 100_000):
            yield large[start : start + 100_000]

    client = client_of(Role.CARE_WORKER)
    common = {"Content-Type": "application/json", "Idempotency-Key": "12345678"}
    declared = await client.post("/v1/teams", content=large, headers=common)
    undeclared = await client.post("/v1/teams", content=in_pieces(), headers=common)
    for found in (declared, undeclared):
        assert (found.status_code, found.json()["code"]) == (413, "body_too_large")
        assert found.headers["Content-Type"] == "application/problem+json"


async def test_when_the_share_is_used_up_the_answer_is_429_and_says_when_to_come_again(
    client_of: ClientOf, small: FastAPI
) -> None:
    small.state.rates = rates.Rates("2/minute")
    client, other = client_of(Role.CARE_WORKER, name="1"), client_of(Role.CARE_WORKER, name="2")
    first, _, third = [await client.get("/v1/teams") for _ in range(3)]
    assert first.headers["RateLimit-Policy"] == '"caller";q=2;w=60'
    assert first.headers["RateLimit"].startswith('"caller";r=1;t=')
    assert third.status_code == 429
    assert 1 <= int(third.headers["Retry-After"]) <= 60
    assert (await other.get("/v1/teams")).status_code == 200
    assert [(await client_of().get("/v1/teams")).status_code for _ in range(3)] == [401, 401, 429]
    assert (await client.get("/health/live")).status_code == 200


def test_a_share_comes_back_with_the_next_window() -> None:
    shares = rates.Rates("1/second")
    assert shares.take("a").remaining == 0
    with pytest.raises(TooManyRequests) as caught:
        shares.take("a")
    assert caught.value.retry_after == 1


async def test_readiness_names_each_check(client_of: ClientOf, small: FastAPI, databases: Databases) -> None:
    assert small.state.readiness.runs_jobs
    found = await client_of().get("/health/ready")
    assert found.status_code == 503
    assert found.json()["checks"] == {"database": "ok", "migrations": "ok", "scheduler": "never ran"}
    await jobs.beat(databases.dp_api, now=clock.now())
    assert (await client_of().get("/health/ready")).json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "scheduler": "ok"},
    }
    await jobs.beat(databases.dp_api, now=clock.now() - timedelta(seconds=61))
    assert "last alive" in (await client_of().get("/health/ready")).json()["checks"]["scheduler"]


async def test_a_process_without_jobs_tells_how_the_scheduler_is_and_goes_on_serving(databases: Databases) -> None:
    settings = databases.settings.model_copy(update={"run_jobs": False})
    alone = small_app.create(settings=settings, database=databases.dp_api)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=alone), base_url="http://localhost") as client:
        never = await client.get("/health/ready")
        await jobs.beat(databases.dp_api, now=clock.now() - timedelta(seconds=61))
        dead = await client.get("/health/ready")
    assert (never.status_code, never.json()["checks"]["scheduler"]) == (200, "never ran")
    assert (dead.status_code, dead.json()["status"]) == (200, "ok")
    assert "last alive" in dead.json()["checks"]["scheduler"]


async def test_a_schema_that_is_newer_than_this_software_serves_it_too(
    client_of: ClientOf, databases: Databases
) -> None:
    await jobs.beat(databases.dp_api, now=clock.now())
    async with databases.superuser() as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    found = await client_of().get("/health/ready")
    assert (found.status_code, found.json()["status"]) == (200, "ok")
    assert found.json()["checks"]["migrations"] == f"at 9999, newer than {migrate.head()}"


async def test_readiness_fails_on_an_old_schema_and_on_an_absent_database(
    client_of: ClientOf, databases: Databases
) -> None:
    async with databases.superuser() as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '0001'")
    await jobs.beat(databases.dp_api, now=clock.now())
    found = await client_of().get("/health/ready")
    assert found.status_code == 503
    assert found.json()["checks"]["migrations"] == f"at 0001, not at {migrate.head()}"
    async with databases.superuser() as connection:
        await connection.execute("REVOKE USAGE ON SCHEMA direct_payments FROM direct_payments_dp_api")
    assert (await client_of().get("/health/ready")).json()["checks"]["scheduler"] == "unreachable"


async def test_figures_are_by_route_template_and_never_by_path(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    await client.get("/v1/teams/9434765919/troubles/not_found")
    await client.get("/v1/9434765919")
    figures = (await client.get("/metrics")).text
    assert 'route="/v1/teams/{team_id}/troubles/{trouble}",service="dp_api",status="404"' in figures
    assert 'route="unmatched"' in figures
    assert "9434765919" not in figures


@contextmanager
def as_served() -> Iterator[None]:
    """Log as the software does when it serves, and as before afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logs.configure("info")
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def test_a_librarys_exception_is_logged_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    with as_served():
        try:
            raise RuntimeError("Featherstonehaugh")
        except RuntimeError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    said = capsys.readouterr().err
    assert json.loads(said)["error"] == ["builtins.RuntimeError"]
    assert "Featherstonehaugh" not in said


async def test_a_line_of_the_log_is_json_without_path_or_query(
    client_of: ClientOf, capsys: pytest.CaptureFixture[str]
) -> None:
    with as_served():
        await client_of(Role.CARE_WORKER).get("/v1/teams/9434765919/troubles/not_found?x=Featherstonehaugh")
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["route"], line["status"], line["role"]) == (
        "request",
        "/v1/teams/{team_id}/troubles/{trouble}",
        404,
        "care_worker",
    )
    assert not {"path", "query"} & line.keys()
    assert "9434765919" not in json.dumps(line)


async def test_the_documentation_loads_our_own_files_and_nothing_else(client_of: ClientOf) -> None:
    page = await client_of().get("/docs")
    assert "https://" not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for file in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-start.js"):
        assert f"static/{file}" in page.text
        assert (await client_of().get(f"/static/{file}")).status_code == 200


async def test_the_document_is_valid_and_says_what_the_frame_adds(client_of: ClientOf) -> None:
    document = (await client_of().get("/openapi.json")).json()
    validate(document)
    created = document["paths"]["/v1/teams"]["post"]
    assert created["x-roles"] == ["care_worker", "care_manager"]
    assert "Idempotency-Key" in {parameter["name"] for parameter in created["parameters"]}
    assert {"201", "400", "401", "403", "409", "413", "422", "429", "500", "503"} <= created["responses"].keys()
    amended = document["paths"]["/v1/teams/{team_id}"]["patch"]
    assert {"404", "412", "428"} <= amended["responses"].keys()
    assert created["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/NewTeam")
    assert document["security"] == [{"bearer": []}]


def test_an_endpoint_that_is_no_operation_of_the_table_cannot_be_written() -> None:
    router = routing.Router(prefix="/v1/x", tags=["x"])

    async def peek() -> None: ...

    with pytest.raises(routing.UnknownOperationError, match="peek"):
        router.get("")(peek)


def test_a_router_without_the_gate_cannot_be_served(databases: Databases) -> None:
    stray = APIRouter()

    async def list_teams() -> None: ...

    stray.get("/v1/x")(list_teams)
    with pytest.raises(app.OpenRouteError):
        app.create_app(
            service=Service.DP_API,
            title="Stray",
            description="",
            routers=(stray,),  # type: ignore[arg-type]
            jobs=(),
            settings=databases.settings,
        )


async def test_the_application_lives_with_its_own_database_and_jobs(databases: Databases, small: FastAPI) -> None:
    async with small.router.lifespan_context(small), databases.superuser() as connection:
        assert await connection.fetchval("SELECT count(*) FROM scheduler_heartbeat") == 1
