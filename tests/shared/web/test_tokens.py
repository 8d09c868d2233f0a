import asyncio
import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.shared.errors import Forbidden, Unavailable
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.web import actors, tokens
from services.shared.web.errors import Unauthenticated
from tests.databases import Databases

TENANT = "https://login.example/11111111-2222-3333-4444-555555555555/v2.0"
AUDIENCE = "66666666-7777-8888-9999-000000000000"
JWKS = "https://login.example/keys"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def published(*, kid: str = "one", **members: Any) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": kid, **members}


def entra(**changes: Any) -> dict[str, Any]:
    """A token of Microsoft Entra ID v2 for a person with an app role."""
    return {
        "iss": TENANT,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 600,
        "sub": "pairwise-subject",
        "oid": "aaaaaaaa-0000-0000-0000-000000000001",
        "azp": "client-app",
        "scp": "access_as_user",
        "roles": ["finance_officer"],
        "staff_number": "3003",
        **changes,
    }


def keycloak(**changes: Any) -> dict[str, Any]:
    """A token of Keycloak for a person with realm roles."""
    bare = {name: value for name, value in entra().items() if name not in ("roles", "scp", "oid")}
    return {**bare, "azp": "console", "realm_access": {"roles": ["offline_access", "care_worker"]}, **changes}


def signed(claims: dict[str, Any], *, kid: str | None = "one") -> str:
    return "Bearer " + jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": kid} if kid else None)


@pytest.fixture
def council(databases: Databases) -> Settings:
    """Settings that trust the council's own issuer alone."""
    changes = {"issuer": TENANT, "audience": AUDIENCE, "jwks_url": JWKS, "dev_issuer": False}
    return databases.settings.model_copy(update=changes)


@respx.mock
async def test_an_entra_id_person_and_machine_are_read(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published()]})
    who = actors.Actors(council, databases.dp_api)
    person = await who.actor(signed(entra()))
    assert (person.name, person.roles, person.client) == ("3003", frozenset({Role.FINANCE_OFFICER}), "client-app")
    machine_claims = entra(roles=["feed"], provider="acme", azp="feed-app")
    machine = await who.actor(signed({name: machine_claims[name] for name in machine_claims if name != "scp"}))
    assert (machine.name, machine.provider) == ("machine:acme:feed-app", "acme")


@respx.mock
async def test_keycloak_roles_are_found_at_their_dotted_path(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published()]})
    settings = council.model_copy(update={"roles_claim": "realm_access.roles"})
    person = await actors.Actors(settings, databases.dp_api).actor(signed(keycloak(teams="north, east")))
    assert (person.roles, person.client) == (frozenset({Role.CARE_WORKER}), "console")
    assert person.teams == frozenset({"north", "east"})


@respx.mock
async def test_the_register_knows_a_person_by_issuer_and_subject(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published()]})
    claims = {name: value for name, value in entra().items() if name != "staff_number"}
    with pytest.raises(Forbidden):
        await actors.Actors(council, databases.dp_api).actor(signed(claims))
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO staff_member VALUES ('3003', 'A', true, 1, now())")
        await connection.execute("INSERT INTO staff_login VALUES ($1, 'pairwise-subject', '3003')", TENANT)
    assert (await actors.Actors(council, databases.dp_api).actor(signed(claims))).name == "3003"


@respx.mock
async def test_keys_are_fetched_once_and_again_for_an_unknown_key_after_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route = respx.get(JWKS).respond(json={"keys": [published()]})
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    keys = tokens.PublishedKeys(JWKS)
    assert await keys.key("one") is not None
    assert await keys.key("one") is not None
    assert await keys.key("two") is None
    assert route.call_count == 1
    route.respond(json={"keys": [published(), published(kid="two")]})
    now += tokens.UNKNOWN_KEY_COOLDOWN_SECONDS + 1
    assert await keys.key("two") is not None
    assert route.call_count == 2
    now += tokens.KEYS_HOLD_SECONDS + 1
    route.mock(side_effect=httpx.ConnectError("gone"))
    assert await keys.key("two") is not None
    assert route.call_count == 3


@respx.mock
@pytest.mark.parametrize("said", [{"keys": []}, {"keys": "x"}, {}, [], None])
async def test_an_issuer_that_publishes_no_keys_is_503(said: object) -> None:
    respx.get(JWKS).respond(json=said)
    with pytest.raises(Unavailable):
        await tokens.PublishedKeys(JWKS).key("one")


@respx.mock
async def test_an_issuer_that_does_not_answer_is_503_not_401(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(500)
    with pytest.raises(Unavailable):
        await actors.Actors(council, databases.dp_api).actor(signed(entra()))


@respx.mock
async def test_a_key_that_the_issuer_has_withdrawn_proves_nothing_after_the_next_fetch(
    council: Settings, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = respx.get(JWKS).respond(json={"keys": [published()]})
    who, token = actors.Actors(council, databases.dp_api), signed(entra(exp=int(time.time()) + 40_000))
    assert (await who.actor(token)).name == "3003"
    route.respond(json={"keys": [published(kid="two")]})
    now, wall = time.monotonic() + tokens.KEYS_HOLD_SECONDS + 1, time.time() + tokens.KEYS_HOLD_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "time", lambda: wall)
    with pytest.raises(Unauthenticated):
        await who.actor(token)


@respx.mock
async def test_an_issuer_that_cannot_be_reached_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    route = respx.get(JWKS).mock(side_effect=httpx.ConnectTimeout("no answer"))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    keys = tokens.PublishedKeys(JWKS)
    found = await asyncio.gather(*(keys.key("one") for _ in range(20)), return_exceptions=True)
    assert {type(each) for each in found} == {Unavailable}
    assert route.call_count == 1
    route.mock(return_value=httpx.Response(200, json={"keys": [published()]}))
    with pytest.raises(Unavailable):
        await keys.key("one")
    now += tokens.FAILURE_COOLDOWN_SECONDS + 0.1
    assert await keys.key("one") is not None
    assert route.call_count == 2


@respx.mock
async def test_a_key_for_encryption_verifies_nothing(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published(use="enc"), published(kid="two", use="sig")]})
    with pytest.raises(Unauthenticated):
        await actors.Actors(council, databases.dp_api).actor(signed(entra()))


@respx.mock
async def test_an_algorithm_that_the_settings_do_not_name_is_refused(council: Settings, databases: Databases) -> None:
    public = {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec"}
    respx.get(JWKS).respond(json={"keys": [published(), public]})
    only_rsa = council.model_copy(update={"token_algorithms": ("RS256",)})
    token = "Bearer " + jwt.encode(entra(), EC_KEY, algorithm="ES256", headers={"kid": "ec"})
    with pytest.raises(Unauthenticated):
        await actors.Actors(only_rsa, databases.dp_api).actor(token)
    assert (await actors.Actors(council, databases.dp_api).actor(token)).name == "3003"


@respx.mock
async def test_a_token_without_a_key_id_is_read_with_the_only_key(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published()]})
    assert (await actors.Actors(council, databases.dp_api).actor(signed(entra(), kid=None))).name == "3003"


@respx.mock
async def test_the_council_trusts_no_token_of_the_dev_issuer(council: Settings, databases: Databases) -> None:
    respx.get(JWKS).respond(json={"keys": [published()]})
    assert list(actors.trusted(council)) == [TENANT]


def test_claims_are_read_at_their_path_or_by_their_whole_name() -> None:
    assert actors.at({"https://council.example/roles": ["x"]}, "https://council.example/roles") == ["x"]
    assert actors.at({"a": {"b": 1}}, "a.b") == 1
    assert actors.at({"a": 1}, "a.b") is None
    assert actors.texts(["a", 1, None, "b"]) == ["a", "b"]
    assert actors.texts(7) == []


@pytest.mark.parametrize(
    "part", [b"[" * 9_000, b'{"iss":' * 1_500, b'{"iss":' + b"9" * 9_000 + b"}", b'{"iss":"\xff"}', b"[1]"]
)
async def test_a_token_that_is_hostile_inside_is_refused_like_any_other(council: Settings, part: bytes) -> None:
    made = base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    head = base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=").decode()
    for token in (f"{head}.{made}.AAAA", f"{made}.{made}.AAAA", made):
        with pytest.raises(Unauthenticated):
            await tokens.claims(token, issuers=actors.trusted(council))
