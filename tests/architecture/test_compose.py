"""There is no Docker engine where the tests run, so these hold the files to what a start depends on."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.shared.settings.installation import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
OUR_SERVICES = ("dp_api", "card_ingest", "clawback")
OURS = (*OUR_SERVICES, "migrate", "jobs")
INTERNAL = ("/metrics", "/health/ready")
LOCATION = re.compile(r"location ~ (\S+) \{\s*proxy_pass http://(\w+)(/\$page)?;\s*\}")


def _names_of_settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        yield str(field.validation_alias or f"DP_{name}").upper()


def _route(path: str) -> tuple[str, str] | None:
    for expression, upstream, stripped in LOCATION.findall(NGINX):
        if found := re.search(expression.replace("(?<", "(?P<"), path):
            return upstream, f"/{found['page']}" if stripped else path
    return None


def test_every_part_of_the_house_has_its_container() -> None:
    assert set(SERVICES) == {"postgres", "migrate", *OUR_SERVICES, "jobs", "proxy"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert "privileged" not in service
    assert service["pids_limit"] > 0


@pytest.mark.parametrize(
    "image", [*(service["image"] for service in SERVICES.values()), *re.findall("FROM (\\S+)", DOCKERFILE)]
)
def test_every_image_names_its_version(image: str) -> None:
    assert re.search(r":\d+[.\w-]*$", image), image
    assert "latest" not in image


@pytest.mark.parametrize("name", ["postgres", *OUR_SERVICES, "proxy"])
def test_whatever_others_wait_for_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_the_image_itself_asks_whether_it_lives_and_runs_as_nobody_special() -> None:
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/health/live" in DOCKERFILE
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_the_database_of_version_18_is_mounted_one_level_up() -> None:
    assert SERVICES["postgres"]["image"].startswith("postgres:18")
    assert SERVICES["postgres"]["volumes"] == ["database:/var/lib/postgresql"]


def test_nothing_starts_before_what_it_needs() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"
    for name in (*OUR_SERVICES, "jobs"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in OUR_SERVICES:
        assert SERVICES["proxy"]["depends_on"][name] == {"condition": "service_healthy"}


def test_only_the_proxy_is_reached_from_outside_and_the_database_reaches_nothing() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["postgres"]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert SERVICES["proxy"]["networks"] == ["front"]


def test_each_service_serves_itself_and_the_jobs_run_once() -> None:
    for name in OUR_SERVICES:
        assert SERVICES[name]["command"] == ["serve", "--service", name, "--host", "0.0.0.0", "--port", "8000"]
        assert SERVICES[name]["environment"]["DP_RUN_JOBS"] == "false"
    assert (SERVICES["jobs"]["command"], SERVICES["migrate"]["command"]) == (["jobs"], ["migrate"])
    assert SERVICES["jobs"]["volumes"] == ["seals:/var/lib/direct-payments"]
    assert "DP_DATA_DIR=/var/lib/direct-payments" in DOCKERFILE


def test_secrets_come_by_file_and_to_those_alone_who_need_them() -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    for name, service in SERVICES.items():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"]), name
    holders = [name for name, service in SERVICES.items() if "dp_database_admin_url" in service["secrets"]]
    assert holders == ["migrate"]
    for name in OUR_SERVICES:
        passwords = {secret for secret in SERVICES[name]["secrets"] if "password" in secret}
        assert passwords == {f"dp_database_password_{name}"}


def test_no_password_or_key_stands_in_the_environment() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|KEY|SECRET|TOKEN", name) and name != "DP_JWKS_URL":
                assert value.startswith("/run/secrets/"), name


def test_what_only_the_council_knows_has_no_default() -> None:
    environment = SERVICES["dp_api"]["environment"]
    for name in ("DP_ALLOWED_HOSTS", "DP_ISSUER", "DP_AUDIENCE", "DP_JWKS_URL"):
        assert ":?" in environment[name], name
    assert environment["DP_ENVIRONMENT"] == "production"


def test_every_setting_and_secret_is_one_the_software_reads() -> None:
    known = set(_names_of_settings())
    for name in OURS:
        given = {key for key in SERVICES[name]["environment"] if key.startswith("DP_")}
        given |= {secret.upper() for secret in SERVICES[name]["secrets"]}
        assert given <= known, name


@pytest.mark.parametrize(
    ("path", "upstream", "handed_on"),
    [
        ("/v1/feeds", "card_ingest", "/v1/feeds"),
        ("/v1/feeds/bank/deliveries", "card_ingest", "/v1/feeds/bank/deliveries"),
        ("/v1/feedstuff", "dp_api", "/v1/feedstuff"),
        ("/v1/clawback/cases", "clawback", "/v1/clawback/cases"),
        ("/v1/agreements/x/reviews", "dp_api", "/v1/agreements/x/reviews"),
        ("/dp_api/health/live", "dp_api", "/health/live"),
        ("/card_ingest/static/swagger-ui.css", "card_ingest", "/static/swagger-ui.css"),
        ("/problems", "dp_api", "/problems"),
        ("/problems/not-found", "dp_api", "/problems/not-found"),
        ("/clawback/problems/too-many-requests", "clawback", "/problems/too-many-requests"),
        ("/clawback/openapi.json", "clawback", "/openapi.json"),
        ("/clawback/docs", "clawback", "/docs"),
    ],
)
def test_the_proxy_sends_each_path_to_its_service(path: str, upstream: str, handed_on: str) -> None:
    assert _route(path) == (upstream, handed_on)


@pytest.mark.parametrize(
    "path",
    [
        *(f"{service}{path}" for service in ("", *(f"/{name}" for name in OUR_SERVICES)) for path in INTERNAL),
        "/",
        "/v2/agreements",
        "/dp_api/v1/agreements",
        "/dp_api/health",
        "/dp_api/static/../metrics",
        "/problems/../metrics",
        "/postgres/metrics",
    ],
)
def test_the_proxy_sends_nothing_else_on(path: str) -> None:
    assert _route(path) is None


def test_the_proxy_speaks_tls_and_keeps_no_body() -> None:
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in NGINX
    assert "proxy_request_buffering off;" in NGINX
    assert "$args" not in NGINX
    assert "$request " not in NGINX
    assert SERVICES["proxy"]["ports"] == ["${DP_PUBLIC_PORT:-443}:8443"]


def test_client_certificates_are_handed_on_with_the_proxys_secret_and_only_where_they_are_wanted() -> None:
    extra: Mapping[str, Any] = yaml.safe_load((ROOT / "deploy" / "mutual-tls.compose.yml").read_text())
    lines = (ROOT / "deploy" / "mutual-tls.conf").read_text()
    header = extra["services"]["card_ingest"]["environment"]["DP_CLIENT_CERTIFICATE_HEADER"]
    assert f"proxy_set_header {header} $ssl_client_escaped_cert;" in lines
    assert "ssl_verify_client optional_no_ca;" in lines
    assert "include /run/secrets/proxy_secret_header;" in lines
    assert extra["services"]["card_ingest"]["secrets"] == ["dp_proxy_secret"]
    assert extra["services"]["proxy"]["secrets"] == ["proxy_secret_header"]
    assert set(extra["services"]) == {"card_ingest", "proxy"}
    mounted = extra["services"]["proxy"]["volumes"][0].split(":")[1]
    assert f"include {mounted.rsplit('/', 1)[0]}/*.conf;" in NGINX
    assert all("CLIENT_CERTIFICATE" not in name for name in SERVICES["card_ingest"]["environment"])
