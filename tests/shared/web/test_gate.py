import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI

from services.shared import audit, dev_tokens
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError
from services.shared.web import actors
from tests.databases import Databases
from tests.shared.web.conftest import ClientOf

ME = "/v1/teams/me/today"


def signed(settings: Settings, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = jwt.decode(
        dev_tokens.sign(settings, role=Role.CARE_WORKER, name="1001"), options={"verify_signature": False}
    )
    changed = {name: value for name, value in (claims | changes).items() if value is not None}
    headers = {"kid": dev_tokens.KEY_ID, **(header or {})}
    return jwt.encode(changed, dev_tokens.signing_key(settings), algorithm="ES256", headers=headers)


async def answer(client_of: ClientOf, authorization: str | None) -> tuple[int, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    found = await client_of().get(ME, headers=httpx.Headers(headers, encoding="latin-1"))
    return found.status_code, found.json().get("code", "")


async def test_without_a_token_the_answer_is_401_with_a_challenge(client_of: ClientOf) -> None:
    found = await client_of().get(ME)
    assert found.status_code == 401
    assert found.headers["WWW-Authenticate"] == "Bearer"
    assert found.json()["code"] == "no_token"


async def test_what_is_no_token_is_401(client_of: ClientOf) -> None:
    for given in ("", "Basic YTpi", "bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer \xff"):
        assert (await answer(client_of, given))[0] == 401, given


async def test_a_token_is_held_to_its_time_issuer_audience_and_subject(
    client_of: ClientOf, databases: Databases
) -> None:
    wrong: list[dict[str, Any]] = [
        {"exp": 1},
        {"exp": None},
        {"nbf": 99_999_999_999},
        {"iss": "urn:somebody-else"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
    ]
    for changes in wrong:
        found = await answer(client_of, f"Bearer {signed(databases.settings, **changes)}")
        assert found[0] == 401, changes
    assert (await answer(client_of, f"Bearer {signed(databases.settings, exp=1)}"))[1] == "expired_token"
    assert (await answer(client_of, f"Bearer {signed(databases.settings)}"))[0] == 200


async def test_a_token_signed_otherwise_than_its_issuer_signs_is_401(client_of: ClientOf, databases: Databases) -> None:
    settings = databases.settings
    claims = jwt.decode(signed(settings), options={"verify_signature": False})
    kid = {"kid": dev_tokens.KEY_ID}
    strangers = [
        jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=kid),
        jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers=kid),
        jwt.encode(claims, "a secret as long as such secrets should be", algorithm="HS256", headers=kid),
        jwt.encode(claims, "", algorithm="none", headers=kid),
        signed(settings, header={"kid": "unknown"}),
        signed(settings)[:-4] + "AAAA",
    ]
    for token in strangers:
        assert (await answer(client_of, f"Bearer {token}"))[0] == 401


async def test_a_role_that_does_not_grant_is_403_and_on_record(client_of: ClientOf, databases: Databases) -> None:
    found = await client_of(Role.AUDITOR, name="2002").get("/v1/teams/stream/all")
    assert found.status_code == 403
    assert found.json()["code"] == "no_permission"
    async with databases.superuser() as connection:
        entry = await connection.fetchrow("SELECT * FROM audit_entry")
    assert entry is not None
    assert (entry["actor"], entry["action"], entry["outcome"]) == ("2002", "list_recipients", audit.REFUSED)
    assert entry["request_id"] == found.headers["X-Request-ID"]


async def test_401_is_not_on_record(client_of: ClientOf, databases: Databases) -> None:
    await client_of().get(ME)
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_entry") == 0


async def test_a_role_that_is_none_of_ours_is_403(client_of: ClientOf, databases: Databases) -> None:
    token = signed(databases.settings, roles=["director", 5])
    assert await answer(client_of, f"Bearer {token}") == (403, "no_permission")


async def test_a_person_is_their_staff_number_and_sees_the_teams_of_the_token(client_of: ClientOf) -> None:
    found = (await client_of(Role.CARE_WORKER, name="1001", teams=["north", "east"]).get(ME)).json()
    assert (found["name"], found["teams"]) == ("1001", ["east", "north"])
    assert (await client_of(Role.AUDITOR, name="2002").get(ME)).json()["teams"] is None


async def test_without_the_claims_our_own_register_says_who_it_is_and_which_teams(
    client_of: ClientOf, databases: Databases
) -> None:
    token = signed(databases.settings, sub="oid-1", staff_number=None, teams=None)
    assert await answer(client_of, f"Bearer {token}") == (403, "not_staff")
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO staff_member VALUES ('4711', 'A', true, 1, now())")
        await connection.execute("INSERT INTO staff_login VALUES ($1, 'oid-1', '4711')", dev_tokens.NAME)
        await connection.execute("INSERT INTO team VALUES ('west', 'West')")
        await connection.execute("INSERT INTO staff_team VALUES ('4711', 'west')")
    found = (await client_of().get(ME, headers={"Authorization": f"Bearer {token}"})).json()
    assert (found["name"], found["teams"]) == ("4711", ["west"])


async def test_a_leaver_is_refused_within_a_minute_although_the_token_still_holds(
    client_of: ClientOf, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = {"Authorization": f"Bearer {signed(databases.settings)}"}
    assert (await client_of().get(ME, headers=header)).status_code == 200
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO staff_member VALUES ('1001', 'A', false, 1, now())")
    later = time.time() + actors.STANDING_HOLDS_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    found = await client_of().get(ME, headers=header)
    assert (found.status_code, found.json()["code"]) == (403, "staff_inactive")
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT actor FROM audit_entry WHERE reason = 'staff_inactive'") == "1001"


@pytest.mark.parametrize(
    "number",
    [
        *("machine:scheduler", "unknown:x", "1001\n", "a b", "-1", "x" * 41, "j.o_e-2", 1001, ["1001"]),
        *("\u0661", "F\u0410" + "4001", "FA\u200b4001", "f\u0131nance", "FA\u20104001", "\xdf1"),
    ],
)
async def test_a_staff_number_is_one_or_the_refusal_is_on_record(
    client_of: ClientOf, databases: Databases, number: object
) -> None:
    token = signed(databases.settings, sub="\n" + "s" * 4_000, azp="console\n" + "c" * 4_000, staff_number=number)
    assert await answer(client_of, f"Bearer {token}") == (403, "staff_number_malformed")
    async with databases.superuser() as connection:
        entry = await connection.fetchrow("SELECT * FROM audit_entry")
    assert entry is not None
    assert (entry["actor"], entry["reason"]) == (f"unknown:{'s' * 200}", "staff_number_malformed")


async def test_a_staff_number_is_one_number_however_it_is_written(client_of: ClientOf, databases: Databases) -> None:
    spellings = {
        "1": "1",
        "CW1001": "CW1001",
        "cw1001": "CW1001",
        "\uff23\uff371\uff1000\uff11": "CW10001",
        "x" * 40: "X" * 40,
    }
    for spelling, number in spellings.items():
        token = signed(databases.settings, staff_number=spelling)
        found = await client_of().get(ME, headers={"Authorization": f"Bearer {token}"})
        assert (found.status_code, found.json()["name"]) == (200, number)


async def test_a_token_that_names_another_number_than_its_log_in_is_refused(
    client_of: ClientOf, databases: Databases
) -> None:
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO staff_member VALUES ('4711', 'A', true, 1, now())")
        await connection.execute("INSERT INTO staff_login VALUES ($1, 'oid-1', '4711')", dev_tokens.NAME)
    theirs, others = (signed(databases.settings, sub="oid-1", staff_number=number) for number in ("4711", "4712"))
    assert await answer(client_of, f"Bearer {theirs}") == (200, "")
    assert await answer(client_of, f"Bearer {others}") == (403, "login_of_another")


@pytest.mark.parametrize("provider", ["acme:x", "a b", "", "x" * 41, 5])
async def test_a_provider_is_a_code_or_the_refusal_is_on_record(
    client_of: ClientOf, databases: Databases, provider: object
) -> None:
    token = signed(databases.settings, roles=["feed"], provider=provider)
    code = "provider_malformed" if provider else "provider_missing"
    assert await answer(client_of, f"Bearer {token}") == (403, code)
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT reason FROM audit_entry") == code


async def test_whoever_is_not_on_the_register_is_refused_on_record(client_of: ClientOf, databases: Databases) -> None:
    token = signed(databases.settings, sub="oid-1", staff_number=None)
    assert await answer(client_of, f"Bearer {token}") == (403, "not_staff")
    async with databases.superuser() as connection:
        entry = await connection.fetchrow("SELECT * FROM audit_entry")
    assert entry is not None
    assert (entry["actor"], entry["reason"], entry["outcome"]) == ("unknown:oid-1", "not_staff", audit.REFUSED)


async def test_a_time_of_expiry_may_be_written_as_text(client_of: ClientOf, databases: Databases) -> None:
    token = signed(databases.settings, exp=str(int(time.time()) + 600))
    for _ in range(2):
        assert await answer(client_of, f"Bearer {token}") == (200, "")


async def test_a_feed_is_a_machine_of_one_provider_and_nothing_else(client_of: ClientOf, databases: Databases) -> None:
    settings = databases.settings
    mixed = signed(settings, roles=["feed", "auditor"], provider="acme")
    nobodys = signed(settings, roles=["feed"])
    assert await answer(client_of, f"Bearer {mixed}") == (403, "feed_holds_other_roles")
    assert await answer(client_of, f"Bearer {nobodys}") == (403, "provider_missing")
    found = (await client_of(Role.FEED).get(ME)).json()
    assert found["name"] == "machine:acme:dp"


def test_production_signs_no_token(small: FastAPI, databases: Databases) -> None:
    production = databases.settings.model_copy(update={"environment": "production", "dev_issuer": True})
    with pytest.raises(UnsafeSettingsError):
        dev_tokens.sign(production, role=Role.AUDITOR)
    off = databases.settings.model_copy(update={"dev_issuer": False})
    with pytest.raises(UnsafeSettingsError):
        dev_tokens.sign(off, role=Role.AUDITOR)
    assert actors.trusted(off) == {}
