"""A corrected day that lacks what had posted: two people take it back with the whole day, and nobody does so alone."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.card_ingest import batches, pipeline, recomputing
from services.card_ingest.profiles import profile
from services.card_ingest.reconciliation import proof
from services.card_ingest.schemas import Receipt
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

HEADING = "TRANS DATE,BILLING GROSS AMT,MERCHANT NAME,CARD NUMBER,TRANS CAC CODE 1"
CAFE, TEA, BUS = "2026-11-10,3.50,cafe,CARD-1,x", "2026-11-10,2.00,tea room,CARD-1,x", "2026-11-11,1.80,bus,CARD-1,x"
MILK, BACK = "2026-11-10,0.90,dairy,CARD-1,x", "2026-11-10,-5.00,refunded,CARD-1,x"
REASON = {"reason": "the bank says so in writing"}


@dataclass(frozen=True, slots=True)
class Desk:
    """Two people at the council who decide about a feed whose rows have no ids."""

    feed: Feed
    first: httpx.AsyncClient
    second: httpx.AsyncClient

    async def send(self, *rows: str, account_ref: str | None = None) -> Receipt:
        body = "".join(f"{line}\n" for line in (HEADING, *rows)).encode()
        return await build.receive(self.feed.database, body, profile="birmingham", account_ref=account_ref)

    async def waiting(self) -> list[str]:
        found = await self.feed.connection.fetch(
            "SELECT id FROM quarantined_row WHERE status = 'waiting' ORDER BY delivery_number, row_number"
        )
        return [str(row["id"]) for row in found]

    async def day(self, place: int = 0) -> dict[str, Any]:
        answer = await self.second.get(f"/v1/feeds/quarantine/{(await self.waiting())[place]}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["day"]
        return found

    async def day_row(self, place: int) -> str:
        answer = await self.first.get(f"/v1/feeds/quarantine/{(await self.waiting())[place]}")
        return next(pair["waiting"] for pair in answer.json()["fields"] if pair["name"] == "merchant_name")  # type: ignore[no-any-return]

    async def propose(self, resolution: str = "replace", place: int = 0) -> httpx.Response:
        address = f"/v1/feeds/quarantine/{(await self.waiting())[place]}/resolutions"
        return await self.first.post(address, json={"resolution": resolution, **REASON})

    async def confirm(self, proposed: httpx.Response) -> httpx.Response:
        assert proposed.status_code == 201, proposed.text
        return await self.second.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/confirmation", json=REASON)

    async def decide(self, resolution: str = "replace", place: int = 0) -> None:
        answer = await self.confirm(await self.propose(resolution, place))
        assert answer.status_code == 200, answer.text

    async def posted(self) -> list[tuple[str, int]]:
        """Return merchant and pence of all that has posted, in its order."""
        found = await self.feed.connection.fetch("SELECT merchant_name, amount_pence FROM card_transaction ORDER BY id")
        return [(row["merchant_name"], row["amount_pence"]) for row in found]

    async def proved(self) -> None:
        for name, check in proof.CHECKS.items():
            assert await self.feed.connection.fetchval(check) == 0, name


@pytest.fixture
async def desk(feed: Feed, clients: Clients) -> Desk:
    return Desk(feed, clients.of(Role.FINANCE_OFFICER, name="F1"), clients.of(Role.FINANCE_APPROVER, name="F2"))


def ended(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.posted.rows, receipt.already_posted.rows, receipt.quarantined.rows


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_what_a_corrected_day_lacks_is_shown_beside_what_it_adds(desk: Desk) -> None:
    await desk.send(CAFE, CAFE, TEA, BUS)
    await desk.send(CAFE, MILK)
    day = await desk.day()
    assert day["booked_on"] == "2026-11-10"
    assert [(row["merchant_name"], row["effect_pence"], row["row_number"]) for row in day["adds"]] == [
        ("dairy", -90, 2)
    ]
    lacks = sorted((row["merchant_name"], row["effect_pence"]) for row in day["lacks"])
    assert lacks == [("cafe", -350), ("tea room", -200)]
    assert (day["unchanged"], day["ended_before"], day["unread_rows"]) == (1, 0, 0)


async def test_two_people_replace_a_day_and_what_it_lacks_is_taken_back_by_rows_of_its_own(desk: Desk) -> None:
    await desk.send(CAFE, CAFE, TEA, BUS)
    corrected = await desk.send(CAFE, MILK)
    proposed = await desk.propose()
    lacks = [row["transaction_id"] for row in (await desk.day())["lacks"]]
    assert proposed.json()["withdraws"] == sorted(lacks)
    assert await desk.feed.books() == Books(-900 - 180, 0, 4)
    assert (await desk.confirm(proposed)).status_code == 200
    assert sorted((await desk.posted())[4:]) == [("cafe", 350), ("dairy", -90), ("tea room", 200)]
    assert await desk.feed.books() == Books(-350 - 90 - 180, 0, 7)
    links = await desk.feed.connection.fetch(
        "SELECT provider_transaction_id AS id, reverses_transaction_id AS original FROM card_transaction"
        " WHERE amount_pence > 0"
    )
    assert {row["id"]: row["original"] for row in links} == {f"{each}:withdrawn": each for each in lacks}
    assert await desk.waiting() == []
    ends = "SELECT released_as FROM quarantined_row ORDER BY row_number"
    assert [row["released_as"] for row in await desk.feed.connection.fetch(ends)] == ["already_posted", "posted"]
    found = await recomputing.recompute(desk.feed.database, corrected.delivery_id, actor=build.ACTOR)
    assert (found.agree, found.differ) == (1, 0)
    await desk.proved()


async def test_a_replaced_day_is_known_when_it_comes_again_and_what_it_held_before_waits(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide()
    assert ended(await desk.send(CAFE, BUS)) == (1, 1, 0)
    assert ended(await desk.send(TEA, CAFE)) == (0, 0, 2)


async def test_what_was_taken_back_and_is_told_again_posts_anew_under_an_id_of_its_own(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide()
    third = await desk.send(TEA, CAFE)
    assert [row["merchant_name"] for row in (await desk.day())["adds"]] == ["tea room"]
    await desk.decide()
    assert await desk.feed.books() == Books(-550, 0, 4)
    assert ended(await desk.send(CAFE, TEA, BUS)) == (1, 2, 0)
    found = await recomputing.recompute(desk.feed.database, third.delivery_id, actor=build.ACTOR)
    assert (found.decided, found.differ) == (1, 0)
    await desk.send(CAFE.replace(",x", ",in other bytes"))
    assert [row["merchant_name"] for row in (await desk.day())["lacks"]] == ["tea room"]
    await desk.decide()
    assert await desk.feed.books() == Books(-350 - 180, 0, 6)
    await desk.proved()


async def test_one_row_of_what_was_taken_back_can_be_posted_anew_too_and_only_once(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide()
    await desk.send(TEA, CAFE)
    await desk.send(TEA, CAFE, MILK)
    await desk.decide("post")
    assert await desk.feed.books() == Books(-550, 0, 4)
    assert code(await desk.confirm(await desk.propose("post", place=1))) == (409, "decided_row_cannot_post")
    assert await desk.feed.books() == Books(-550, 0, 4)


async def test_money_in_that_a_day_lacks_is_taken_back(desk: Desk) -> None:
    await desk.send(CAFE, BACK)
    await desk.send(CAFE)
    await desk.decide()
    assert await desk.feed.books() == Books(-350, 0, 3)
    await desk.proved()


async def test_nothing_is_taken_back_by_one_person_or_by_rows_decided_one_by_one(desk: Desk, clients: Clients) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    proposed = await desk.propose()
    same = clients.of(Role.FINANCE_APPROVER, name="F1")
    answer = await same.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/confirmation", json=REASON)
    assert code(answer) == (409, "same_person")
    rejected = await desk.second.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/rejection", json=REASON)
    assert rejected.status_code == 200
    await desk.decide("already_posted")
    assert await desk.feed.books() == Books(-550, 0, 2)


async def test_a_day_decided_row_by_row_is_not_what_the_file_says_while_what_it_lacks_stands(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide("already_posted")
    assert ended(await desk.send(CAFE, BUS)) == (1, 0, 1)
    assert [row["merchant_name"] for row in (await desk.day())["lacks"]] == ["tea room"]


async def test_a_day_decided_row_by_row_can_still_be_replaced_until_another_file_is_what_it_holds(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    corrected = await desk.send(CAFE, MILK)
    decided, last = await desk.waiting()
    await desk.decide("already_posted")
    await desk.decide("post")
    assert code(await propose_on(desk, last, "post")) == (409, "illegal_move")
    proposed = await propose_on(desk, last, "replace")
    assert len(proposed.json()["withdraws"]) == 1
    assert (await desk.confirm(proposed)).status_code == 200
    assert await desk.feed.books() == Books(-350 - 90, 0, 4)
    assert code(await propose_on(desk, decided, "replace")) == (409, "illegal_move")
    assert ended(await desk.send(MILK, CAFE)) == (0, 2, 0)
    found = await recomputing.recompute(desk.feed.database, corrected.delivery_id, actor=build.ACTOR)
    assert (found.agree, found.differ) == (1, 0)
    await desk.send(TEA, MILK, CAFE)
    await desk.decide()
    assert code(await propose_on(desk, last, "replace")) == (409, "illegal_move")
    await desk.proved()


async def propose_on(desk: Desk, row_id: str, resolution: str) -> httpx.Response:
    body = {"resolution": resolution, **REASON}
    return await desk.first.post(f"/v1/feeds/quarantine/{row_id}/resolutions", json=body)


async def test_what_has_changed_since_the_proposal_is_not_taken_back(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    proposed = await desk.propose()
    await desk.send(CAFE, TEA, MILK)
    await desk.decide("post", place=3)
    books = await desk.feed.books()
    assert code(await desk.confirm(proposed)) == (409, "day_changed_meanwhile")
    assert await desk.feed.books() == books


async def test_a_file_with_rows_that_nobody_can_read_replaces_no_day(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE, TEA.replace("2.00", "two pounds"))
    assert (await desk.day())["unread_rows"] == 1
    assert code(await desk.propose()) == (409, "day_not_whole")
    await desk.decide("no_money", place=1)
    await desk.decide()
    assert await desk.feed.books() == Books(-350, 0, 3)


async def test_a_file_that_is_not_posted_to_its_end_replaces_no_day(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.feed.connection.execute("UPDATE feed_progress SET status = 'posting' WHERE quarantined_rows > 0")
    assert code(await desk.propose()) == (409, "day_not_whole")


async def test_other_cards_days_and_layouts_are_no_part_of_the_day(desk: Desk) -> None:
    await build.a_card(desk.feed.connection, desk.feed.account_id, "CARD-2")
    await desk.send(CAFE, TEA, BUS, CAFE.replace("CARD-1", "CARD-2"))
    await desk.feed.send(build.an_event("own id", occurred_at="2026-11-10T10:00:00Z"))
    statement = "Account,Date,Type,Description,Reference,Amount,Transaction ID\nACC-1,10/11/2026,DPT,cafe,,-3.50,x\n"
    await build.receive(desk.feed.database, statement.encode(), profile="demo_bank_statement")
    await desk.send(CAFE)
    assert [row["merchant_name"] for row in (await desk.day())["lacks"]] == ["tea room"]


async def test_what_people_had_ended_without_money_stays_so_when_the_day_is_replaced(desk: Desk) -> None:
    await desk.send(CAFE)
    await desk.send(CAFE, TEA)
    await desk.decide("already_posted")
    await desk.decide("no_money")
    await desk.send(TEA, MILK)
    day = await desk.day()
    assert ([row["merchant_name"] for row in day["adds"]], day["ended_before"]) == (["dairy"], 1)
    await desk.decide()
    assert await desk.feed.books() == Books(-90, 0, 3)
    assert ended(await desk.send(MILK, TEA)) == (0, 1, 0)


async def test_two_files_that_replace_one_day_at_once_take_it_back_once(desk: Desk, clients: Clients) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.send(CAFE, MILK)
    proposals = [await desk.propose(place=place) for place in (0, 1)]
    answers = await asyncio.gather(*map(desk.confirm, proposals))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    withdrawn = "SELECT count(*) FROM card_transaction WHERE provider_transaction_id LIKE '%:withdrawn'"
    assert await desk.feed.connection.fetchval(withdrawn) == 1
    assert await pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW) == 0
    await desk.proved()


async def test_every_row_of_a_replaced_day_tells_who_decided(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE, MILK)
    await desk.decide()
    rows = await desk.feed.connection.fetch(
        "SELECT resolution, proposed_by, decided_by, decision_reason, status FROM quarantine_resolution"
    )
    assert [tuple(row) for row in rows] == [("replace", "F1", "F2", REASON["reason"], "confirmed")] * 2
    entries = await desk.feed.connection.fetch(
        "SELECT actor, action, changes::text AS told FROM audit_entry WHERE action LIKE '%resolution' ORDER BY id"
    )
    assert [(row["actor"], row["action"]) for row in entries] == [
        ("F1", "propose_resolution"),
        ("F2", "confirm_resolution"),
    ]
    assert all("withdraws" in row["told"] for row in entries)


async def test_a_day_of_a_file_whose_sender_names_the_account_is_no_day_of_its_cards(desk: Desk) -> None:
    await desk.send(CAFE, TEA, account_ref="ACC-1")
    await desk.send(CAFE, MILK)
    await desk.send(CAFE, account_ref="ACC-1")
    assert [row["merchant_name"] for row in (await desk.day())["lacks"]] == ["tea room"]
    await desk.decide()
    assert await desk.feed.books() == Books(-350 - 350 - 90, 0, 5)
    await desk.proved()


async def test_what_was_taken_back_posts_anew_once_when_two_files_tell_it_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide()
    await desk.send(TEA, CAFE)
    await desk.send(TEA, CAFE, MILK)
    tea = [place for place, read in enumerate([await desk.day_row(each) for each in range(5)]) if read == "tea room"]
    proposals = [await desk.propose("post", place=place) for place in tea]
    post_decided = batches.post_decided

    async def slowly(*args: Any, **named: Any) -> Any:
        await asyncio.sleep(0.3)
        return await post_decided(*args, **named)

    monkeypatch.setattr(batches, "post_decided", slowly)
    answers = await asyncio.gather(*map(desk.confirm, proposals))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await desk.feed.books() == Books(-550, 0, 4)


async def test_what_an_older_file_was_to_make_of_a_day_is_not_done_once_a_later_one_is_what_it_holds(
    desk: Desk,
) -> None:
    await desk.send(CAFE)
    await desk.send(CAFE, TEA)
    await desk.send(TEA)
    proposed = await desk.propose()
    await desk.decide(place=2)
    books = await desk.feed.books()
    assert books == Books(-200, 0, 3)
    assert code(await desk.confirm(proposed)) == (409, "day_changed_meanwhile")
    assert await desk.feed.books() == books
    await desk.decide("already_posted", place=1)
    assert ended(await desk.send(TEA, BUS)) == (1, 1, 0)


async def test_ending_the_rows_of_an_older_file_leaves_the_day_as_a_later_one_made_it(desk: Desk) -> None:
    await desk.send(CAFE, TEA, MILK)
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    await desk.decide(place=2)
    await desk.decide("already_posted")
    await desk.decide("already_posted")
    assert ended(await desk.send(CAFE, BUS)) == (1, 1, 0)


async def test_a_row_that_would_still_post_by_itself_is_ended_before_its_day_is_replaced(desk: Desk) -> None:
    cafe, tea = (row.replace("CARD-1", "CARD-9") for row in (CAFE, TEA))
    await desk.send(cafe, tea)
    await desk.send(cafe)
    await build.a_card(desk.feed.connection, desk.feed.account_id, "CARD-9")
    assert code(await desk.propose(place=2)) == (409, "day_not_whole")
    await desk.decide("no_money", place=1)
    await desk.decide(place=1)
    await pipeline.release_waiting(desk.feed.database, actor=build.ACTOR, now=build.NOW)
    assert await desk.posted() == [("cafe", -350)]


async def test_no_day_is_replaced_while_another_file_of_the_layout_is_being_posted(desk: Desk) -> None:
    await desk.send(CAFE, TEA)
    await desk.send(CAFE)
    proposed = await desk.propose()
    await desk.feed.connection.execute("UPDATE feed_progress SET status = 'posting' WHERE quarantined_rows = 0")
    assert code(await desk.confirm(proposed)) == (409, "day_not_whole")
    await desk.feed.connection.execute("UPDATE feed_progress SET status = 'posted'")
    assert (await desk.confirm(proposed)).status_code == 200


async def test_the_account_of_a_day_is_the_same_whether_the_sender_names_it_or_the_file(desk: Desk) -> None:
    folder = pipeline.own_profiles(desk.feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    shipped = (Path(profile.__file__).parent / "birmingham.toml").read_text()
    own = shipped.replace('name = "birmingham"', 'name = "by_account"').replace("card_column =", "column =")
    (folder / "by_account.toml").write_text(own)

    async def send(*rows: str, account_ref: str | None = None) -> Receipt:
        body = "".join(f"{line.replace('CARD-1', 'ACC-1')}\n" for line in (HEADING, *rows)).encode()
        return await build.receive(desk.feed.database, body, profile="by_account", account_ref=account_ref)

    await send(CAFE, TEA)
    await send(CAFE, MILK, account_ref="ACC-1")
    await desk.decide()
    assert await desk.feed.books() == Books(-350 - 90, 0, 4)
