from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from services.card_ingest import pipeline
from services.shared import clock
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

NONE: Mapping[str, str] = {}
PUSH = "/v1/feeds/northbank/deliveries"
FILES = "/v1/feeds/northbank/files"
ENOUGH = "Transaction Date,Transaction number,Supplier Name,Net Amount,Merchant Category\n2026-05-01,1,A,1.00,\n"


@dataclass(frozen=True, slots=True)
class Sender:
    """A provider's machine, with its key."""

    client: httpx.AsyncClient
    secret: str

    async def push(
        self, body: bytes, *, id: str = "msg_1", at: datetime | None = None, headers: Mapping[str, str] = NONE
    ) -> httpx.Response:
        """Send a signed delivery; `headers` replace or add to those that go with it."""
        signed = build.signed(body, secret=self.secret, delivery_id=id, at=at or clock.now())
        return await self.client.post(PUSH, content=body, headers={**signed, **headers})


@pytest.fixture
async def sender(feed: Feed, clients: Clients) -> Sender:
    made = await clients.of(Role.ADMINISTRATOR).post("/v1/feeds/northbank/keys")
    assert made.status_code == 201
    return Sender(clients.bare(Role.FEED, provider="northbank"), made.json()["secret"])


def problem(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, body["code"]


async def nothing_was_stored(feed: Feed) -> bool:
    tables = ("feed_delivery", "feed_content", "feed_progress", "feed_batch", "feed_row", "quarantined_row")
    return sum([await feed.count(table) for table in (*tables, "card_transaction")]) == 0


async def test_a_signed_push_is_posted_before_the_receipt(feed: Feed, sender: Sender) -> None:
    sent = [build.an_event(f"t{number}", amount_pence=number + 1) for number in range(120)]
    answer = await sender.push(build.ndjson([*sent, b"{broken"]))
    receipt = answer.json()
    assert answer.status_code == 202
    assert (receipt["status"], receipt["rows"], receipt["unread_amounts"]) == ("posted", 121, 1)
    assert receipt["posted"] == {"rows": 120, "pence": sum(range(1, 121))}
    assert receipt["waiting"][0]["code"] == "broken_json_line"
    assert await feed.books() == Books(build.effect(sent), 0, 120)
    read = await sender.client.get(answer.headers["Location"])
    assert read.json() == receipt
    listed = (await sender.client.get(PUSH)).json()
    assert listed["items"] == [receipt]


@pytest.mark.parametrize("body", [b"[%s]", b'{"events": [%s]}', b'\n {"other": 1, "events":\n[%s]}'])
async def test_a_json_batch_is_taken_as_well(feed: Feed, sender: Sender, body: bytes) -> None:
    event = build.ndjson([build.an_event("t1")]).strip()
    answer = await sender.push(body % event, headers={"content-type": "application/json; charset=utf-8"})
    assert (answer.status_code, answer.json()["posted"]["rows"]) == (202, 1)


async def test_the_same_push_again_gets_the_same_receipt(feed: Feed, sender: Sender) -> None:
    body = build.ndjson([build.an_event("t1")])
    first = (await sender.push(body)).json()
    same_id = await sender.push(body, at=clock.now() + timedelta(seconds=20))
    same_bytes = await sender.push(body, id="msg_2")
    for again in (same_id, same_bytes):
        assert (again.status_code, again.json()) == (202, first | {"already_received": True})
    other = await sender.push(build.ndjson([build.an_event("t2")]))
    assert problem(other) == (409, "delivery_id_reused")
    assert await feed.books() == Books(-1234, 0, 1)


async def test_an_unproved_push_is_refused_recorded_and_not_stored(
    feed: Feed, sender: Sender, clients: Clients
) -> None:
    body = build.ndjson([build.an_event("t1")])
    stale = await sender.push(body, at=clock.now() - timedelta(seconds=400))
    forged = await sender.push(body, headers={"webhook-signature": "v1,AAAA"})
    unsigned = await sender.client.post(PUSH, content=body, headers={"content-type": "application/x-ndjson"})
    assert [problem(each) for each in (stale, forged, unsigned)] == [
        (401, "timestamp_stale"), (401, "signature_wrong"), (401, "signature_missing")
    ]  # fmt: skip
    assert await nothing_was_stored(feed)
    entries = await feed.connection.fetch(
        "SELECT reason, subject_id FROM audit_entry WHERE outcome = 'refused' ORDER BY id"
    )
    assert [tuple(entry) for entry in entries] == [
        (code, "northbank") for code in ("timestamp_stale", "signature_wrong", "signature_missing")
    ]
    figures = await clients.anonymous().get("/card_ingest/metrics")
    assert 'route="/v1/feeds/{provider}/deliveries"' in figures.text
    assert 'status="401"' in figures.text


async def test_keys_are_rotated_with_both_live_for_a_while(feed: Feed, sender: Sender, clients: Clients) -> None:
    admin = clients.of(Role.ADMINISTRATOR)
    new = (await admin.post("/v1/feeds/northbank/keys")).json()
    with_new = Sender(sender.client, new["secret"])
    assert (await sender.push(build.ndjson([build.an_event("t1")]), id="a")).status_code == 202
    assert (await with_new.push(build.ndjson([build.an_event("t2")]), id="b")).status_code == 202
    listed = (await admin.get("/v1/feeds")).json()["items"][0]
    assert "secret" not in str(listed)
    old_id = next(key["id"] for key in listed["keys"] if key["id"] != new["id"])
    assert (await admin.delete(f"/v1/feeds/northbank/keys/{old_id}")).status_code == 204
    refused = await sender.push(build.ndjson([build.an_event("t3")]), id="c")
    assert problem(refused) == (401, "signature_wrong")
    assert (await with_new.push(build.ndjson([build.an_event("t4")]), id="d")).status_code == 202
    assert problem(await admin.delete(f"/v1/feeds/northbank/keys/{old_id}")) == (409, "key_retired")


async def test_a_provider_sees_its_own_feed_and_no_other(feed: Feed, sender: Sender, clients: Clients) -> None:
    await build.a_provider(feed.connection, build.OTHER_PROVIDER)
    receipt = (await sender.push(build.ndjson([build.an_event("t1")]))).json()
    stranger = clients.bare(Role.FEED, provider=build.OTHER_PROVIDER)
    own = f"/v1/feeds/{build.OTHER_PROVIDER}/deliveries/{receipt['delivery_id']}"
    for path in (PUSH, f"{PUSH}/{receipt['delivery_id']}", receipt["rows_url"], own, f"{own}/rows"):
        assert problem(await stranger.get(path))[0] == 404
    body = build.ndjson([build.an_event("t2")])
    pushed = await Sender(stranger, sender.secret).push(body, id="x")
    assert pushed.status_code == 404
    assert await feed.count("feed_delivery") == 1


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (422, "empty_delivery")),
        (b"\n\n", {}, (422, "empty_delivery")),
        (b"[]", {"content-type": "application/json"}, (422, "empty_delivery")),
        (b'{"events": [', {"content-type": "application/json"}, (422, "broken_json")),
        (b'"text"', {"content-type": "application/json"}, (422, "wrong_shape")),
        (b"[{}]", {}, (422, "wrong_layout")),
        (b'{"merchant_name": "\xff"}', {}, (422, "wrong_encoding")),
        ('{"a": 1}\n'.encode("utf-16"), {}, (422, "wrong_encoding")),
        (b"{}", {"content-type": "text/plain"}, (415, "unsupported_media_type")),
        (b"{}", {"content-type": "application/json; charset=utf-16"}, (415, "unsupported_media_type")),
        (b"{}", {"content-encoding": "br"}, (415, "unsupported_media_type")),
        (b"{}", {"content-encoding": "gzip, gzip"}, (415, "unsupported_media_type")),
        (b"{}", {"content-encoding": "gzip"}, (422, "broken_gzip")),
    ],
)
async def test_a_push_that_cannot_be_read_is_refused_whole(
    feed: Feed, sender: Sender, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = await sender.push(body, headers=headers)
    assert problem(answer) == expected
    assert "nothing" in answer.json()["detail"]
    assert await nothing_was_stored(feed)


async def test_a_push_that_is_too_large_is_refused_before_it_is_read(feed: Feed, sender: Sender) -> None:
    answer = await sender.push(b" " * (feed.database.settings.max_body_bytes + 1))
    assert problem(answer) == (413, "body_too_large")
    assert await nothing_was_stored(feed)


async def test_a_large_push_is_stored_and_left_to_the_job(
    feed: Feed, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "POSTED_AT_ONCE", 10)
    answer = await sender.push(build.ndjson([build.an_event(f"t{number}") for number in range(11)]))
    assert (answer.status_code, answer.json()["status"], answer.json()["rows_done"]) == (202, "stored", 0)
    assert await pipeline.resume(feed.database, actor=build.ACTOR, now=clock.now()) == 1
    receipt = (await sender.client.get(answer.headers["Location"])).json()
    assert (receipt["status"], receipt["rows_done"], receipt["posted"]["rows"]) == ("posted", 11, 11)


@pytest.mark.parametrize("as_form", [False, True])
async def test_staff_upload_a_file_as_the_body_or_as_a_form(feed: Feed, clients: Clients, as_form: bool) -> None:
    officer = clients.of(Role.FINANCE_OFFICER)
    sent: dict[str, Any] = {"content": ENOUGH.encode(), "headers": {"content-type": "text/csv"}}
    if as_form:
        sent = {"files": {"file": ("statement.csv", ENOUGH.encode(), "text/csv")}}
    answer = await officer.post(FILES, params={"profile": "calderdale", "account": "ACC-1"}, **sent)
    assert answer.status_code == 202
    assert answer.json()["posted"] == {"rows": 1, "pence": 100}
    assert await feed.books() == Books(-100, 0, 1)


async def test_an_upload_that_cannot_be_read_is_refused_whole(feed: Feed, clients: Clients) -> None:
    officer = clients.of(Role.FINANCE_OFFICER)

    async def upload(body: bytes, profile: str = "calderdale", path: str = FILES) -> tuple[int, str]:
        headers = {"content-type": "text/csv"}
        return problem(await officer.post(path, params={"profile": profile}, content=body, headers=headers))

    assert await upload(b"") == (422, "empty_file")
    assert await upload(b"Date,Amount\n1,2\n") == (422, "wrong_heading")
    assert await upload(ENOUGH.encode("utf-16")) == (422, "wrong_encoding")
    assert await upload(ENOUGH.encode(), profile="elsewhere") == (404, "unknown_profile")
    assert await upload(ENOUGH.encode(), path="/v1/feeds/nobody/files") == (404, "unknown_provider")
    form = await officer.post(FILES, params={"profile": "calderdale"}, files={"other": ("x", b"y")})
    assert problem(form) == (422, "invalid")
    assert await nothing_was_stored(feed)


async def test_rows_are_paged_in_their_order(feed: Feed, sender: Sender) -> None:
    rows = [build.an_event(f"t{number // 2}", card_ref=f"CARD-{1 + number % 3}") for number in range(9)]
    receipt = (await sender.push(build.ndjson(rows))).json()
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = (
            await sender.client.get(receipt["rows_url"], params={"limit": 4} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [row["row_number"] for row in seen] == list(range(1, 10))
    counted = {outcome: sum(row["outcome"] == outcome for row in seen) for outcome in ("posted", "quarantined")}
    assert counted == {"posted": receipt["posted"]["rows"], "quarantined": receipt["quarantined"]["rows"]}


async def test_the_quarantine_shows_reason_remedy_and_age_and_no_content(feed: Feed, clients: Clients) -> None:
    await feed.send(build.an_event("t1", card_ref="SECRET-REF"), build.an_event("t2", merchant_name="x" * 600))
    auditor = clients.of(Role.AUDITOR)
    first = (await auditor.get("/v1/feeds/quarantine", params={"limit": 1})).json()
    second = (await auditor.get("/v1/feeds/quarantine", params={"cursor": first["next_cursor"]})).json()
    assert {each["code"]: each["rows"] for each in first["waiting"]} == {"unknown_card": 1, "wrong_length": 1}
    items = [*first["items"], *second["items"]]
    assert {item["code"]: item["waits_for_registration"] for item in items} == {
        "unknown_card": True,
        "wrong_length": False,
    }
    assert all(item["message"] and item["remedy"] and item["age_days"] >= 0 for item in items)
    assert "SECRET-REF" not in str(first) + str(second)
    assert second["next_cursor"] is None


async def test_a_provider_is_registered_once(clients: Clients) -> None:
    admin = clients.of(Role.ADMINISTRATOR)
    body = {"code": "pennybank", "name": "Penny Bank"}
    assert (await admin.post("/v1/feeds", json=body)).status_code == 201
    assert problem(await admin.post("/v1/feeds", json=body)) == (409, "provider_taken")
    assert (await admin.post("/v1/feeds", json=body | {"code": "Penny Bank"})).status_code == 422
    assert problem(await admin.post("/v1/feeds/nobody/keys"))[0] == 404
    assert [each["code"] for each in (await admin.get("/v1/feeds")).json()["items"]] == ["pennybank"]
