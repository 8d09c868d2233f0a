import httpx

from services import together
from services.shared import clock, dev_tokens, jobs
from services.shared.identity.roles import Role
from services.shared.vocabulary.records import Service
from services.shared.web import idempotency, problems
from tests.databases import Databases
from tests.http import ORIGIN, Clients


async def test_the_root_says_what_this_is_and_where_the_documents_are(clients: Clients) -> None:
    about = (await clients.anonymous().get("/")).json()
    assert set(about["services"]) == {service.value for service in Service}
    for service in about["services"].values():
        assert (await clients.anonymous().get(service["openapi"])).json()["openapi"].startswith("3.1")
        assert "swagger-ui" in (await clients.anonymous().get(service["documentation"])).text
    index = await clients.anonymous().get(about["documentation"])
    assert 'href="dp_api/docs"' in index.text


async def test_each_services_own_files_are_found_beside_its_documentation(clients: Clients) -> None:
    for service in Service:
        assert (await clients.anonymous().get(f"/{service.value}/static/swagger-ui.css")).status_code == 200
        assert (await clients.anonymous().get(f"/{service.value}/health/live")).status_code == 200
        assert (await clients.anonymous().get(f"/{service.value}")).json()["service"] == service.value


async def test_every_service_answers_under_one_origin(clients: Clients) -> None:
    finance = clients.of(Role.FINANCE_OFFICER)
    assert (await finance.get("/v1/clawback/cases")).status_code == 200
    assert (await finance.get("/v1/me")).json()["roles"] == ["finance_officer"]
    assert (await clients.of(Role.FEED, provider="acme").get("/v1/clawback/cases")).status_code == 403
    assert (await clients.anonymous().get("/v1/clawback/cases")).status_code == 401


async def test_an_address_that_no_service_has_is_a_problem_too(clients: Clients) -> None:
    for path in ("/nothing", "/dp_apiary", "/v2/recipients"):
        found = await clients.anonymous().get(path)
        assert (found.status_code, found.headers["Content-Type"]) == (404, "application/problem+json")
    assert (await clients.anonymous().get("/problems/not-found")).status_code == 200
    assert (await clients.anonymous().get("/problems/nonsense")).status_code == 404
    assert (await clients.anonymous().get("/", headers={"Host": "evil.example"})).status_code == 400


async def test_every_kind_of_problem_has_its_page_where_its_type_points(clients: Clients) -> None:
    client = clients.anonymous()
    for prefix in ("", *(f"/{service.value}" for service in Service)):
        assert (await client.get(f"{prefix}{problems.PATH}")).status_code == 200
        for status in problems.MEANINGS:
            page = await client.get(f"{prefix}{problems.PATH}/{problems.kind_of(status)}")
            assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    told = (await client.get("/v1/recipients")).json()["type"]
    assert (await client.get(told)).status_code == 200


async def test_without_jobs_of_its_own_it_serves_while_the_scheduler_is_dead(databases: Databases) -> None:
    settings = databases.settings.model_copy(update={"run_jobs": False})
    app = together.Together(settings, databases={service: databases.of(service) for service in Service})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ORIGIN) as client:
        found = await client.get("/health/ready")
    assert (found.status_code, found.json()["status"]) == (200, "ok")
    assert {checks["scheduler"] for checks in found.json()["services"].values()} == {"never ran"}


def test_stored_answers_are_removed_by_a_job_that_is_declared() -> None:
    assert idempotency.EXPIRE_ANSWERS in together.JOBS[Service.DP_API]
    assert idempotency.EXPIRE_ANSWERS.service is Service.DP_API


async def test_readiness_and_figures_are_of_all_three(clients: Clients, databases: Databases) -> None:
    assert (await clients.anonymous().get("/health/ready")).status_code == 503
    for service in Service:
        await jobs.beat(databases.of(service), now=clock.now())
    found = await clients.anonymous().get("/health/ready")
    assert (found.status_code, set(found.json()["services"])) == (200, {service.value for service in Service})
    await clients.of(Role.AUDITOR).get("/v1/me")
    await clients.of(Role.AUDITOR).get("/v1/clawback/runs")
    figures = (await clients.anonymous().get("/metrics")).text
    assert 'service="dp_api"' in figures
    assert 'service="clawback"' in figures
    assert figures.count("# TYPE dp_http_request_seconds histogram") == 1


async def test_the_dev_issuers_key_is_published(clients: Clients) -> None:
    published = (await clients.anonymous().get(dev_tokens.JWKS_PATH)).json()
    assert [key["kid"] for key in published["keys"]] == [dev_tokens.KEY_ID]
    assert "d" not in published["keys"][0]


async def test_what_is_in_flight_is_counted_over_all_services_of_a_process(clients: Clients) -> None:
    assert [app.state.load for app in clients.apps.values()] == [clients.app.load] * len(Service)
    clients.app.load.requests = clients.settings.max_requests_at_once
    for path in ("/v1/me", "/v1/clawback/cases", "/v1/feeds", "/", "/docs", "/nothing"):
        found = await clients.of(Role.FINANCE_OFFICER).get(path)
        assert (found.status_code, found.json()["code"]) == (503, "overloaded"), path
    for path in ("/health/live", "/metrics", "/dp_api/health/live"):
        assert (await clients.anonymous().get(path)).status_code == 200, path
