import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.card_ingest import pipeline, queries
from services.card_ingest.reconciliation import proof
from services.card_ingest.schemas import Receipt
from services.shared import dev_tokens
from services.shared.identity.roles import Role
from tests import http
from tests.builders import commits
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest import test_payees as payees
from tests.card_ingest.conftest import Feed
from tests.http import Clients

REASON = {"reason": "the provider says so in writing"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Two people at the council, and the one row that waits."""

    feed: Feed
    first: httpx.AsyncClient
    second: httpx.AsyncClient
    auditor: httpx.AsyncClient

    async def waiting_row(self) -> UUID:
        rows = await self.feed.connection.fetch("SELECT id FROM quarantined_row WHERE status = 'waiting'")
        assert len(rows) == 1
        return UUID(str(rows[0]["id"]))

    async def propose(self, resolution: str) -> httpx.Response:
        address = f"/v1/feeds/quarantine/{await self.waiting_row()}/resolutions"
        return await self.first.post(address, json={"resolution": resolution, **REASON})

    async def decide(self, resolution: str) -> httpx.Response:
        proposed = await self.propose(resolution)
        assert proposed.status_code == 201, proposed.json()
        return await self.second.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/confirmation", json=REASON)

    async def receipt(self, receipt: Receipt) -> Receipt:
        async with self.feed.database.read() as session:
            found = await queries.receipt(session, receipt.delivery_id)
        build.require_whole(found)
        return found

    async def posted(self) -> dict[str, int]:
        rows = await self.feed.connection.fetch(
            "SELECT provider_transaction_id AS id, amount_pence FROM card_transaction"
        )
        return {row["id"]: row["amount_pence"] for row in rows}


@pytest.fixture
async def desk(feed: Feed, clients: Clients) -> Desk:
    return Desk(
        feed,
        clients.of(Role.FINANCE_OFFICER, name="F1"),
        clients.of(Role.FINANCE_APPROVER, name="F2"),
        clients.of(Role.AUDITOR),
    )


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def two_versions(feed: Feed, **changes: Any) -> Receipt:
    await feed.send(build.an_event("t1", amount_pence=1000))
    return await feed.send(build.an_event("t1", amount_pence=700, **changes))


async def test_both_versions_stand_side_by_side_and_who_looked_is_on_record(desk: Desk) -> None:
    await two_versions(desk.feed, mcc="5812")
    row_id = await desk.waiting_row()
    shown = (await desk.second.get(f"/v1/feeds/quarantine/{row_id}")).json()
    fields = {field["name"]: (field["waiting"], field["earlier"], field["differs"]) for field in shown["fields"]}
    assert fields["amount_pence"] == ("700", "1000", True)
    assert fields["mcc"] == ("5812", "5411", True)
    assert fields["account_ref"] == ("ACC-1", "ACC-1", False)
    assert {name for name, pair in fields.items() if pair[2]} == {"amount_pence", "effect_pence", "mcc"}
    assert (shown["transaction_id"], shown["has_earlier"], shown["code"]) == ("t1", True, "same_id_other_content")
    assert shown["possible"] == ["already_posted", "no_money", "post", "replace"]
    log = await desk.feed.connection.fetchrow("SELECT actor, action, subject_ids FROM read_log")
    assert log is not None
    assert (log["actor"], log["action"], log["subject_ids"]) == ("F2", "read_quarantined_row", [row_id])
    assert (await desk.auditor.get(f"/v1/feeds/quarantine/{row_id}")).status_code == 403


async def test_an_authorisation_is_compared_with_the_one_that_stands(desk: Desk) -> None:
    await desk.feed.send(build.an_event("h1", status="authorised", amount_pence=1000))
    await desk.feed.send(build.an_event("h1", status="authorised", amount_pence=900))
    shown = (await desk.first.get(f"/v1/feeds/quarantine/{await desk.waiting_row()}")).json()
    assert [field["name"] for field in shown["fields"] if field["differs"]] == ["amount_pence"]
    assert shown["possible"] == ["already_posted", "no_money"]


async def test_a_replaced_transaction_is_taken_back_by_a_row_of_its_own(desk: Desk) -> None:
    receipt = await two_versions(desk.feed)
    assert (await desk.decide("replace")).json()["status"] == "confirmed"
    assert await desk.posted() == {"t1": -1000, "t1:withdrawn": 1000, "t1:replaced": -700}
    assert await desk.feed.books() == Books(-700, 0, 3)
    found = await desk.receipt(receipt)
    assert (found.posted.rows, found.posted.pence, found.quarantined.rows) == (1, 700, 0)
    link = "SELECT reverses_transaction_id FROM card_transaction WHERE provider_transaction_id = 't1:withdrawn'"
    assert await desk.feed.connection.fetchval(link) == "t1"
    spend = await desk.feed.connection.fetch("SELECT sum(amount_pence) AS pence FROM spend_delta GROUP BY category")
    assert [row["pence"] for row in spend] == [-700]
    await desk.feed.send(build.an_event("t1", amount_pence=500))
    assert code(await desk.decide("replace")) == (409, "nothing_to_replace")


async def test_a_decision_whose_commit_fails_has_moved_nothing_and_may_be_taken_again(desk: Desk) -> None:
    await two_versions(desk.feed)
    proposed = (await desk.propose("replace")).json()["id"]
    confirmation = f"/v1/feeds/resolutions/{proposed}/confirmation"
    async with commits.failing(desk.feed.connection, "card_transaction"):
        assert (await desk.second.post(confirmation, json=REASON)).status_code in (500, 503)
    assert await desk.posted() == {"t1": -1000}
    assert await desk.feed.books() == Books(-1000, 0, 1)
    assert (await desk.second.post(confirmation, json=REASON)).json()["status"] == "confirmed"
    assert await desk.feed.books() == Books(-700, 0, 3)


@pytest.mark.parametrize("pence", [1000, 300], ids=["whole", "part"])
async def test_what_posted_money_has_taken_back_is_not_taken_back_twice(desk: Desk, pence: int) -> None:
    await two_versions(desk.feed)
    await desk.feed.send(build.an_event("v1", type="reversal", reverses_transaction_id="t1", amount_pence=pence))
    assert code(await desk.decide("replace")) == (409, "nothing_to_replace")
    assert await desk.posted() == {"t1": -1000, "v1": pence}
    assert await desk.feed.books() == Books(pence - 1000, 0, 2)


@pytest.mark.parametrize(
    ("resolution", "again"),
    [
        ("replace", "already_posted"),
        ("post", "already_posted"),
        ("already_posted", "already_posted"),
        ("no_money", "no_money"),
    ],
)
async def test_a_version_that_was_decided_about_is_known_again_and_another_waits(
    desk: Desk, resolution: str, again: str
) -> None:
    await two_versions(desk.feed)
    assert (await desk.decide(resolution)).status_code == 200
    books, version = await desk.feed.books(), build.an_event("t1", amount_pence=700)
    receipt = await desk.feed.send(version, build.an_event("t2"), version)
    found = {1: (again, "decided_before"), 3: (again, "decided_before")}
    assert await desk.feed.rows(receipt) == found
    receipt = await desk.feed.send(build.an_event("t1", amount_pence=699), build.an_event("t1", amount_pence=1000))
    assert await desk.feed.rows(receipt) == {1: ("quarantined", "same_id_other_content"), 2: ("already_posted", None)}
    assert await desk.feed.books() == Books(books.posted_pence - 1234, 0, books.transactions + 1)


async def test_what_was_taken_back_before_it_came_posts_once_two_people_say_so(desk: Desk) -> None:
    event = build.an_event("t1", amount_pence=1000)
    await desk.feed.send(event | {"status": "reversed"})
    receipt = await desk.feed.send(event)
    assert await desk.feed.books() == Books(0, 0, 0)
    assert await pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW) == 0
    assert (await desk.decide("post")).status_code == 200
    assert await desk.posted() == {"t1": -1000}
    assert (await desk.receipt(receipt)).posted.rows == 1
    assert (await desk.feed.send(event, build.an_event("t2"))).already_posted.rows == 1


async def test_after_every_decision_the_nightly_proof_finds_nothing(desk: Desk) -> None:
    for resolution in ("replace", "post", "no_money", "already_posted"):
        await desk.feed.send(build.an_event(resolution, amount_pence=1000))
        await desk.feed.send(build.an_event(resolution, amount_pence=700), build.an_event(f"{resolution} beside"))
        assert (await desk.decide(resolution)).status_code == 200
    for name, check in proof.CHECKS.items():
        assert await desk.feed.connection.fetchval(check) == 0, name


async def test_two_who_confirm_at_once_and_the_job_move_the_money_once(desk: Desk, clients: Clients) -> None:
    await two_versions(desk.feed)
    proposed = (await desk.propose("replace")).json()["id"]
    third = clients.of(Role.FINANCE_APPROVER, name="F3")
    address = f"/v1/feeds/resolutions/{proposed}/confirmation"
    acts = [client.post(address, json=REASON) for client in (desk.second, third)]
    job = pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW)
    (one, other), _ = await asyncio.gather(asyncio.gather(*acts), job)
    assert sorted((one.status_code, other.status_code)) == [200, 409]
    assert await desk.posted() == {"t1": -1000, "t1:withdrawn": 1000, "t1:replaced": -700}


async def test_a_replaced_wage_stays_a_wage(desk: Desk) -> None:
    recipient_id = await payees.an_agreement(desk.feed.connection, desk.feed.account_id)
    await payees.an_assistant(desk.feed.connection, recipient_id, "Jane Derby")
    await desk.feed.send(payees.a_transfer("t1", "JANE DERBY", amount_pence=1000))
    await desk.feed.send(payees.a_transfer("t1", "JANE DERBY", amount_pence=700))
    assert (await desk.decide("replace")).status_code == 200
    found = [await payees.category(desk.feed, each) for each in ("t1", "t1:withdrawn", "t1:replaced")]
    assert found == [payees.WAGES] * 3


async def test_money_in_is_taken_back_too(desk: Desk) -> None:
    await desk.feed.send(build.an_event("t1", type="load", amount_pence=1000))
    await desk.feed.send(build.an_event("t1", type="load", amount_pence=400))
    assert (await desk.decide("replace")).status_code == 200
    assert await desk.feed.books() == Books(400, 0, 3)


async def test_a_second_purchase_under_a_used_id_posts_under_one_of_its_own(desk: Desk) -> None:
    receipt = await two_versions(desk.feed)
    assert (await desk.decide("post")).status_code == 200
    number = await desk.feed.connection.fetchval("SELECT max(number) FROM feed_delivery")
    assert await desk.posted() == {"t1": -1000, f"t1@{number}-1": -700}
    assert (await desk.receipt(receipt)).posted.rows == 1


async def test_a_row_that_takes_back_what_never_came_can_be_posted_as_it_is(desk: Desk) -> None:
    await desk.feed.send(build.an_event("v1", type="reversal", reverses_transaction_id="t1", amount_pence=500))
    assert (await desk.decide("post")).status_code == 200
    assert await desk.posted() == {"v1": 500}
    assert await pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW) == 0


@pytest.mark.parametrize("resolution", ["already_posted", "no_money"])
@pytest.mark.parametrize("row", [{"mcc": "no"}, {"card_ref": "CARD-9"}], ids=["unreadable", "unregistered"])
async def test_a_row_can_be_ended_without_posting(desk: Desk, resolution: str, row: Mapping[str, str]) -> None:
    receipt = await desk.feed.send(build.an_event("t1") | dict(row), build.an_event("t2"))
    assert (await desk.decide(resolution)).status_code == 200
    found = await desk.receipt(receipt)
    assert (getattr(found, resolution).rows, getattr(found, resolution).pence, found.quarantined.rows) == (1, 1234, 0)
    assert await desk.feed.books() == Books(-1234, 0, 1)


@pytest.mark.parametrize(
    "row", [b"{broken", build.an_event("t1", card_ref="CARD-9")], ids=["unreadable", "unregistered"]
)
async def test_what_cannot_be_read_or_has_no_account_cannot_be_posted(desk: Desk, row: Any) -> None:
    await desk.feed.send(row)
    assert code(await desk.propose("post")) == (409, "resolution_not_possible")
    assert code(await desk.propose("replace")) == (409, "resolution_not_possible")


async def test_nobody_decides_alone(desk: Desk, clients: Clients) -> None:
    await two_versions(desk.feed)
    row_id = await desk.waiting_row()
    approver = clients.of(Role.FINANCE_APPROVER, name="F1")
    proposed = (await desk.propose("replace")).json()
    assert code(await approver.post(f"/v1/feeds/resolutions/{proposed['id']}/confirmation", json=REASON)) == (
        409,
        "same_person",
    )
    assert (
        await desk.first.post(f"/v1/feeds/resolutions/{proposed['id']}/confirmation", json=REASON)
    ).status_code == 403
    assert code(await desk.propose("post")) == (409, "proposed_already")
    with pytest.raises(Exception, match="ck_quarantine_resolution_two_people"):
        await desk.feed.connection.execute(
            "UPDATE quarantine_resolution SET status = 'confirmed', decided_by = proposed_by, decided_at = now()"
        )
    assert await desk.feed.books() == Books(-1000, 0, 1)
    assert await desk.waiting_row() == row_id


@pytest.mark.parametrize("spelling", ["f1", "\uff261", "F\uff11"])
async def test_nobody_confirms_their_own_proposal_under_another_spelling(
    desk: Desk, clients: Clients, spelling: str
) -> None:
    await two_versions(desk.feed)
    proposed = (await desk.propose("replace")).json()
    signed = dev_tokens.sign(clients.settings, role=Role.FINANCE_APPROVER, name="F1")
    token = http.with_claims(clients.settings, signed, staff_number=spelling)
    address = f"/v1/feeds/resolutions/{proposed['id']}/confirmation"
    answer = await clients.anonymous().post(
        address, json=REASON, headers={**http.bearer(token), "Idempotency-Key": "x" * 8}
    )
    assert code(answer) == (409, "same_person")


async def test_a_rejected_proposal_leaves_the_row_and_another_may_follow(desk: Desk) -> None:
    await two_versions(desk.feed)
    proposed = (await desk.propose("replace")).json()
    address = f"/v1/feeds/resolutions/{proposed['id']}/rejection"
    rejected = (await desk.second.post(address, json=REASON)).json()
    assert (rejected["status"], rejected["decided_by"]) == ("rejected", "F2")
    assert code(await desk.second.post(address, json=REASON)) == (409, "illegal_move")
    assert (await desk.decide("no_money")).status_code == 200
    listed = (await desk.auditor.get("/v1/feeds/resolutions")).json()["items"]
    assert [item["status"] for item in listed] == ["confirmed", "rejected"]
    only = (await desk.auditor.get("/v1/feeds/resolutions", params={"status": "rejected", "limit": 1})).json()
    assert [item["id"] for item in only["items"]] == [proposed["id"]]


async def test_what_posts_by_itself_meanwhile_is_no_longer_decided(desk: Desk) -> None:
    await desk.feed.send(build.an_event("t1", card_ref="CARD-9"))
    proposed = (await desk.propose("no_money")).json()
    await build.a_card(desk.feed.connection, desk.feed.account_id, "CARD-9")
    assert await pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW) == 1
    answer = await desk.second.post(f"/v1/feeds/resolutions/{proposed['id']}/confirmation", json=REASON)
    assert code(answer) == (409, "illegal_move")
    assert await desk.feed.books() == Books(-1234, 0, 1)


async def test_a_decided_row_that_no_account_takes_changes_nothing(desk: Desk) -> None:
    await two_versions(desk.feed, booked_on="2026-11-15", occurred_at="2026-11-14T10:00:00Z")
    proposed = (await desk.propose("post")).json()
    await desk.feed.connection.execute("SET session_replication_role = replica")
    await desk.feed.connection.execute("UPDATE account SET status = 'closed', closed_on = '2026-11-13'")
    answer = await desk.second.post(f"/v1/feeds/resolutions/{proposed['id']}/confirmation", json=REASON)
    assert code(answer) == (409, "decided_row_cannot_post")
    assert await desk.feed.books() == Books(-1000, 0, 1)
    status = "SELECT status FROM quarantine_resolution"
    assert await desk.feed.connection.fetchval(status) == "proposed"


async def test_every_step_is_in_the_trail_with_its_reason(desk: Desk) -> None:
    await two_versions(desk.feed)
    await desk.decide("replace")
    entries = await desk.feed.connection.fetch(
        "SELECT actor, action, reason FROM audit_entry WHERE action LIKE '%resolution' ORDER BY id"
    )
    assert [tuple(row) for row in entries] == [
        ("F1", "propose_resolution", REASON["reason"]),
        ("F2", "confirm_resolution", REASON["reason"]),
    ]


async def test_the_posted_version_is_shown_as_disputed_while_another_waits(desk: Desk) -> None:
    await two_versions(desk.feed)
    await desk.feed.send(build.an_event("t2"))
    address = f"/v1/accounts/{desk.feed.account_id}/transactions"

    async def disputed() -> dict[str, bool]:
        items = (await desk.first.get(address)).json()["items"]
        return {item["provider_transaction_id"]: item["is_disputed"] for item in items}

    assert await disputed() == {"t1": True, "t2": False}
    await desk.decide("already_posted")
    assert await disputed() == {"t1": False, "t2": False}


HEADING = "TRANS DATE,ORIGINAL GROSS AMT,MERCHANT NAME,CARD NUMBER,Directorate\n"
LINE = "02/12/2019,{pence},{name},************1234,Adult Social Care\n"


async def test_a_row_of_a_day_that_was_complete_posts_once_two_people_say_so(desk: Desk) -> None:
    one, new = LINE.format(pence="12.50", name="SHOP"), LINE.format(pence="3.00", name="CAFE")
    whole_file = {"profile": "birmingham", "account_ref": "ACC-1"}
    await build.receive(desk.feed.database, (HEADING + one).encode(), **whole_file)  # type: ignore[arg-type]
    receipt = await build.receive(desk.feed.database, (HEADING + one + new).encode(), **whole_file)  # type: ignore[arg-type]
    assert await desk.feed.books() == Books(-1250, 0, 1)
    assert [each.code for each in receipt.waiting] == ["complete_day_changed"]
    rows = await desk.feed.connection.fetch("SELECT id, delivered_pence FROM quarantined_row ORDER BY row_number")
    row_id = next(row["id"] for row in rows if row["delivered_pence"] == 300)
    made = await desk.first.post(f"/v1/feeds/quarantine/{row_id}/resolutions", json={"resolution": "post", **REASON})
    answer = await desk.second.post(f"/v1/feeds/resolutions/{made.json()['id']}/confirmation", json=REASON)
    assert answer.status_code == 200, answer.json()
    assert await desk.feed.books() == Books(-1550, 0, 2)
    assert (await desk.receipt(receipt)).posted.rows == 1


async def test_two_people_post_a_row_whose_card_number_was_destroyed_under_its_own_id(desk: Desk) -> None:
    spoilt = build.an_event("t1", reference="paid by 4111 1111 1111 1111")
    receipt = await desk.feed.send(spoilt)
    shown = await desk.first.get(f"/v1/feeds/quarantine/{await desk.waiting_row()}")
    assert shown.json()["possible"] == ["already_posted", "no_money", "post"]
    assert "4111" not in shown.text
    assert (await desk.decide("post")).status_code == 200
    assert await desk.posted() == {"t1": -1234}
    assert (await desk.receipt(receipt)).posted.pence == 1234
    again = await desk.feed.send(build.an_event("t1"))
    assert await desk.feed.rows(again) == {1: ("quarantined", "same_id_other_content")}


async def test_rows_whose_ids_were_card_numbers_post_beside_each_other(desk: Desk) -> None:
    for number in ("4111111111111111", "5500000000000004"):
        receipt = await desk.feed.send(build.an_event(number))
        assert (await desk.decide("post")).status_code == 200
        assert (await desk.receipt(receipt)).posted.rows == 1
    assert sorted(await desk.posted()) == ["9999999999999999@1-1", "9999999999999999@2-1"]


async def test_a_row_that_names_its_card_by_the_number_can_only_be_ended(desk: Desk) -> None:
    receipt = await desk.feed.send(build.an_event("t1", card_ref="4111111111111111"))
    assert await desk.feed.rows(receipt) == {1: ("quarantined", "card_number_as_account")}
    assert code(await desk.propose("post")) == (409, "resolution_not_possible")
    assert (await desk.decide("no_money")).status_code == 200
