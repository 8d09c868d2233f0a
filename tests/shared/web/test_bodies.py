import json
from typing import Any

import pytest

from services.shared.identity.roles import Role
from services.shared.web import bodies, etags, validation
from services.shared.web.errors import PreconditionRequired
from tests.shared.web.conftest import ClientOf

JSON = {"Content-Type": "application/json", "Idempotency-Key": "12345678"}


BROKEN = (
    b"{",
    b'{"code":"a","code":"b","name":"N"}',
    b'{"code":"a","name":NaN}',
    b'{"code":"a","name":Infinity}',
    b'{"code":"a","name":"\xff"}',
    b'{"code":"a","name":"\\u0000"}',
    b"[" * 50_000,
    b'{"code":"a","name":' + b"1" * 5_000 + b"}",
    b'{"a":' * 30 + b"1" + b"}" * 30,
    b"{" + b",".join(b'"k%d":1' % key for key in range(20_000)) + b"}",
    b'{"code":[' + b",".join([b"1"] * 20_000) + b"]}",
    b'{"code":"' + b'\\"' * 100_000,
)
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"code": True}, "/code"),
    ({"code": 5}, "/code"),
    ({"name": None}, "/name"),
    ({"founded_on": 0}, "/founded_on"),
    ({"founded_on": "94347"}, "/founded_on"),
    ({"founded_on": "2020-02-30"}, "/founded_on"),
    ({"surname": "Featherstonehaugh"}, "/surname"),
    ({"9434765919": "x"}, "/?"),
)


async def test_a_body_that_is_not_strict_json_is_400_and_never_500(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    for body in BROKEN:
        found = await client.post("/v1/teams", content=body, headers=JSON)
        assert (found.status_code, found.headers["Content-Type"]) == (400, "application/problem+json"), body[:30]
    assert (await client.post("/v1/teams", content=b"", headers=JSON)).status_code == 422


async def test_a_field_that_is_wrong_is_named_and_its_value_is_not_repeated(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    for changes, pointer in WRONG:
        body = {"code": "north", "name": "North", **changes}
        found = await client.post("/v1/teams", content=json.dumps(body), headers=JSON)
        assert found.status_code == 422, changes
        assert [fault["pointer"] for fault in found.json()["errors"]] == [pointer]
        assert "9434765919" not in found.text
        assert "Featherstonehaugh" not in found.text


async def test_a_date_in_a_strict_body_is_written_as_text(client_of: ClientOf) -> None:
    body = {"code": "north", "name": " North ", "founded_on": "2018-10-01"}
    found = await client_of(Role.CARE_WORKER).post("/v1/teams", content=json.dumps(body), headers=JSON)
    assert (found.status_code, found.json()["name"]) == (201, "North")


async def test_a_body_without_its_content_type_is_not_read_as_json(client_of: ClientOf) -> None:
    found = await client_of(Role.CARE_WORKER).post(
        "/v1/teams", content=b'{"code":"a","name":"N"}', headers={"Idempotency-Key": "12345678"}
    )
    assert found.status_code == 422


async def test_without_a_token_not_even_a_broken_body_is_read(client_of: ClientOf) -> None:
    assert (await client_of().post("/v1/teams", content=b"{", headers=JSON)).status_code == 401


async def test_an_escaped_backslash_before_u0000_is_only_text() -> None:
    assert bodies.loads(b'{"a":"\\\\u0000"}') == {"a": "\\u0000"}


def test_what_the_validator_says_of_a_wrong_kind_or_id_repeats_nothing() -> None:
    said = validation.findings(
        [
            {"type": "union_tag_invalid", "loc": ("body", "x"), "msg": "Input tag 'Featherstonehaugh' found"},
            {"type": "uuid_parsing", "loc": ("path", "team_id"), "msg": "found `F` at 1"},
            {"type": "value_error", "loc": ("body", "items", 3, "name"), "msg": "Value error, is not a name"},
        ]
    )
    assert [fault["pointer"] for fault in said] == ["/x", "path/team_id", "/items/3/name"]
    assert "F" not in "".join(fault["detail"] for fault in said).replace("Field", "")
    assert said[2]["detail"] == "is not a name"


async def test_a_list_is_read_page_by_page_and_nothing_is_lost(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    for code in "edcba":
        headers = {"Idempotency-Key": f"make-{code}-1"}
        await client.post("/v1/teams", json={"code": code, "name": code}, headers=headers)
    seen, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"/v1/teams?limit=2{cursor and f'&cursor={cursor}'}")).json()
        seen.append([team["code"] for team in page["items"]])
        cursor = page["next_cursor"]
    assert seen == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_cursor_that_this_list_did_not_give_out_is_400(client_of: ClientOf) -> None:
    for cursor in ("x", "!!!!", "bnVsbA", "WzFd", "W10", "W1sxXV0", "eyJhIjoxfQ", "WyJhIiwiYiJd"):
        found = await client_of(Role.CARE_WORKER).get(f"/v1/teams?cursor={cursor}")
        assert (found.status_code, found.json()["code"]) == (400, "broken_cursor"), cursor


async def test_a_page_has_from_1_to_200_items(client_of: ClientOf) -> None:
    for limit in ("0", "201", "-1", "x", "1.5"):
        assert (await client_of(Role.CARE_WORKER).get(f"/v1/teams?limit={limit}")).status_code == 422, limit


async def test_an_amendment_names_its_version(client_of: ClientOf) -> None:
    client = client_of(Role.CARE_WORKER)
    without = await client.patch("/v1/teams/x")
    assert (without.status_code, without.json()["code"]) == (428, "if_match_required")
    for malformed in ("3", "*", 'W/"3"', '"x"', '"0"', '"3", "4"', f'"{"9" * 30}"'):
        found = await client.patch("/v1/teams/x", headers={"If-Match": malformed})
        assert (found.status_code, found.json()["code"]) == (400, "malformed_if_match")
    found = await client.patch("/v1/teams/x", headers={"If-Match": '"3"'})
    assert (found.status_code, found.headers["ETag"]) == (200, '"4"')


def test_an_etag_is_read_as_it_is_written() -> None:
    assert etags.version_of(etags.etag(17)) == 17
    with pytest.raises(PreconditionRequired):
        etags.version_of(None)


def test_what_stands_within_texts_counts_for_no_key_and_no_level() -> None:
    text = '{[:,"\\' * 20_000
    assert bodies.loads(json.dumps({"code": text}).encode()) == {"code": text}
    assert bodies.loads(json.dumps({"code": [0] * 9_000}).encode()) == {"code": [0] * 9_000}


async def test_an_answer_lists_twenty_errors_at_most_and_says_how_many_there_are(client_of: ClientOf) -> None:
    body = {"code": "a", "name": "N"} | {f"extra_{number}": "Featherstonehaugh" for number in range(3_000)}
    found = await client_of(Role.CARE_WORKER).post("/v1/teams", json=body, headers=JSON)
    assert found.status_code == 422
    assert len(found.json()["errors"]) == 20
    assert "3000" in found.json()["detail"]
    assert "Featherstonehaugh" not in found.text
    assert len(found.content) < 5_000


def test_a_pointer_is_short_whatever_was_sent() -> None:
    assert len(validation.pointer(["body", *["x" * 64] * 500])) < 600
    assert validation.pointer(["body", "x" * 65]) == "/?"
