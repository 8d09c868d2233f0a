"""Every operation of every service, found in its OpenAPI document: closed without a token, open to its roles alone."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from openapi_spec_validator import validate

from services import together
from services.shared.identity.permissions import GRANTED_TO, NAMED
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import openapi
from tests.http import Clients

DOCUMENTS = Path(__file__).resolve().parents[2] / "openapi"
SOME_ID = "7f3c0a52-6a53-4d7c-9a55-0c9d2f6b1e10"
HARMLESS = {"If-Match": '"999"', "Content-Type": "application/json", "Idempotency-Key": "architecture-test"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as its document has it."""

    service: Service
    method: str
    path: str
    name: str
    document: dict[str, Any]

    @property
    def address(self) -> str:
        """An address of the operation, with an id that nothing has."""
        return re.sub(r"\{[^}]*\}", SOME_ID, self.path)


def documents() -> dict[Service, dict[str, Any]]:
    return {service: create(settings=Settings()).openapi() for service, create in together.CREATE.items()}


def operations() -> Iterator[Operation]:
    for service, document in documents().items():
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                yield Operation(service, method.upper(), path, operation["operationId"], operation)


async def ask(client: httpx.AsyncClient, operation: Operation) -> httpx.Response:
    content = None if operation.method == "GET" else b"{}"
    return await client.request(operation.method, operation.address, content=content, headers=HARMLESS)


async def test_without_a_token_every_operation_is_401(clients: Clients) -> None:
    client, found = clients.anonymous(), list(operations())
    answers = {f"{each.method} {each.path}": (await ask(client, each)).status_code for each in found}
    assert len(found) > 40
    assert {operation: status for operation, status in answers.items() if status != 401} == {}


async def test_every_operation_is_open_to_exactly_the_roles_of_the_table(clients: Clients) -> None:
    wrong = []
    for role in Role:
        client = clients.bare(role, name=f"matrix-{role.value.replace('_', '-')}", provider="acme")
        for operation in operations():
            answer = await ask(client, operation)
            is_open = answer.status_code != 403
            assert answer.status_code not in (401, 429), answer.text
            if is_open != (role in GRANTED_TO[NAMED[operation.name]]):
                wrong.append((role.value, operation.name, answer.status_code))
    assert wrong == []


def test_every_permission_is_an_operation_and_every_operation_a_permission() -> None:
    names = [operation.name for operation in operations()]
    assert sorted(names) == sorted(permission.value for permission in GRANTED_TO)


def test_every_path_lies_where_its_service_is_looked_for() -> None:
    for operation in operations():
        first = next(service for prefix, service in together.PREFIXES if operation.path.startswith(prefix))
        assert first is operation.service, operation.path


def test_every_document_is_valid_openapi() -> None:
    for document in documents().values():
        validate(document)


def test_every_operation_says_who_may_call_it_and_what_can_go_wrong() -> None:
    for operation in operations():
        assert operation.document["x-roles"], operation.name
        assert {"401", "403", "429", "500"} <= operation.document["responses"].keys(), operation.name
        assert operation.document["tags"], operation.name
        assert operation.document["description"].split("\n\nRoles:")[0], operation.name


def test_every_post_that_creates_asks_for_a_key() -> None:
    for operation in operations():
        if operation.method == "POST" and "201" in operation.document["responses"]:
            named = {parameter["name"] for parameter in operation.document["parameters"]}
            assert "Idempotency-Key" in named, operation.name


def test_no_address_carries_a_personal_value() -> None:
    personal = re.compile(r"nhs|name|birth|postcode|address|card_number|pan\b|email", re.IGNORECASE)
    for operation in operations():
        shown = [
            parameter["name"]
            for parameter in operation.document.get("parameters", [])
            if parameter["in"] in ("path", "query")
        ]
        assert not [name for name in (*shown, operation.path) if personal.search(name)], operation.path


def test_the_documents_in_the_repository_are_current() -> None:
    for service, create in together.CREATE.items():
        kept = (DOCUMENTS / f"{service.value}.json").read_text()
        made = openapi.as_text(create(settings=Settings()))
        assert json.loads(kept) == json.loads(made), f"run `dp openapi export`: {service.value} has changed"
        assert kept == made
