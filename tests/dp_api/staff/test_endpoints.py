from uuid import uuid4

from services.shared import dev_tokens
from services.shared.identity.permissions import GRANTED_TO
from services.shared.identity.roles import Role
from tests.dp_api.conftest import Callers


async def test_teams_are_named_and_listed(callers: Callers, north: str) -> None:
    administrator = callers.administrator()
    made = await administrator.put(f"/v1/teams/{north}", json={"name": "North"})
    assert (made.status_code, made.json()) == (200, {"code": north, "name": "North"})
    again = await administrator.put(f"/v1/teams/{north}", json={"name": "Far north"})
    assert again.json()["name"] == "Far north"
    seen, cursor = [], None
    while True:
        question = {"limit": "20"} | ({"cursor": cursor} if cursor else {})
        page = (await callers.care_worker(north).get("/v1/teams", params=question)).json()
        seen += [team["code"] for team in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == sorted(set(seen))
    assert north in seen


async def test_a_staff_member_is_set_whole_and_listed(callers: Callers, north: str, south: str) -> None:
    administrator, number = callers.administrator(), f"S{uuid4().hex[:8].upper()}"
    for code in (north, south):
        await administrator.put(f"/v1/teams/{code}", json={"name": code})
    login = {"issuer": "https://id.example.org", "subject": number}
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [south, north, north], "logins": [login]}
    address = f"/v1/staff/{number}"
    made = await administrator.put(address, json=whole)
    assert made.status_code == 200, made.text
    assert (made.json()["teams"], made.json()["logins"], made.json()["version"]) == ([north, south], [login], 1)
    fewer = await administrator.put(address, json=whole | {"teams": [north], "logins": [], "is_active": False})
    assert (fewer.json()["teams"], fewer.json()["logins"], fewer.json()["version"]) == ([north], [], 2)
    listed, cursor = [], None
    while True:
        page = (await administrator.get("/v1/staff", params={"cursor": cursor} if cursor else {})).json()
        listed += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert fewer.json() in listed


async def test_nobody_signs_in_with_anothers_account(callers: Callers) -> None:
    administrator = callers.administrator()
    login = {"issuer": "https://id.example.org", "subject": uuid4().hex}
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [], "logins": [login]}
    assert (await administrator.put(f"/v1/staff/A{uuid4().hex[:8]}", json=whole)).status_code == 200
    taken = await administrator.put(f"/v1/staff/B{uuid4().hex[:8]}", json=whole)
    assert (taken.status_code, taken.json()["code"]) == (409, "login_taken")
    assert login["subject"] not in taken.text


async def test_an_unknown_team_is_pointed_at(callers: Callers, north: str) -> None:
    administrator = callers.administrator()
    await administrator.put(f"/v1/teams/{north}", json={"name": north})
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [north, "nowhere"], "logins": []}
    answer = await administrator.put(f"/v1/staff/A{uuid4().hex[:8]}", json=whole)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/teams/1")


async def test_teams_on_our_register_count_where_the_token_names_none(callers: Callers, north: str) -> None:
    administrator, number = callers.administrator(), f"S{uuid4().hex[:8].upper()}"
    await administrator.put(f"/v1/teams/{north}", json={"name": north})
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [north], "logins": []}
    await administrator.put(f"/v1/staff/{number}", json=whole)
    me = (await callers.of(Role.CARE_WORKER, name=number).get("/v1/me")).json()
    assert (me["name"], me["display_name"], me["teams"]) == (number, "Ada Example", [north])
    await administrator.put(f"/v1/staff/{number}", json=whole | {"is_active": False})
    fresh = callers.of(Role.CARE_MANAGER, name=number)
    assert (await fresh.get("/v1/me")).json()["code"] == "staff_inactive"


async def test_everybody_learns_what_they_may_do(callers: Callers) -> None:
    for role in Role:
        if role is not Role.FEED:
            me = (await callers.of(role, teams=["north"]).get("/v1/me")).json()
            assert me["roles"] == [role.value]
            assert "read_me" in me["permissions"]
            assert set(me["permissions"]) <= {permission.value for permission in GRANTED_TO}
    worker = (await callers.care_worker("b", "a").get("/v1/me")).json()
    assert worker["teams"] == ["a", "b"]
    assert "register_recipient" in worker["permissions"]
    assert "activate_agreement" not in worker["permissions"]
    assert (await callers.finance().get("/v1/me")).json()["teams"] is None


async def test_only_administrators_set_staff_and_teams(callers: Callers, north: str) -> None:
    for caller in (callers.care_manager(north), callers.finance(), callers.auditor()):
        assert (await caller.put(f"/v1/teams/{north}", json={"name": "X"})).status_code == 403
        assert (await caller.get("/v1/staff")).status_code == 403


async def test_a_number_in_another_spelling_is_the_same_member_of_staff(callers: Callers) -> None:
    administrator, number = callers.administrator(), f"S{uuid4().hex[:8].upper()}"
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [], "logins": []}
    versions = [
        (await administrator.put(f"/v1/staff/{spelling}", json=whole)).json()
        for spelling in (number, number.lower(), number.replace("S", "\uff33"))
    ]
    assert [(found["staff_number"], found["version"]) for found in versions] == [(number, 1), (number, 2), (number, 3)]
    for spelling in ("j.doe", "a_b", f"{number}%E2%80%8B", "%D0%90B1"):
        refused = await administrator.put(f"/v1/staff/{spelling}", json=whole)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "path/staff_number"), refused.text


async def test_no_administrator_says_whose_their_own_account_is(callers: Callers) -> None:
    administrator = callers.administrator()
    own = {"issuer": dev_tokens.NAME, "subject": (await administrator.get("/v1/me")).json()["name"]}
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [], "logins": [own]}
    taken = await administrator.put(f"/v1/staff/B{uuid4().hex[:8]}", json=whole)
    assert (taken.status_code, taken.json()["code"]) == (409, "own_login")


async def test_the_trail_is_asked_for_a_number_in_any_spelling(callers: Callers) -> None:
    number = f"A{uuid4().hex[:8].upper()}"
    administrator = callers.of(Role.ADMINISTRATOR, name=number)
    whole = {"display_name": "Ada Example", "is_active": True, "teams": [], "logins": []}
    await administrator.put(f"/v1/staff/S{uuid4().hex[:8]}", json=whole)
    found = (await callers.auditor().get("/v1/audit-entries", params={"actor": number.lower()})).json()
    assert [entry["actor"] for entry in found["items"]] == [number]
