"""What was found to be one payment is two once two people say so; what nothing tells apart is what they say it is."""

from typing import Any

import httpx

from services.card_ingest.schemas import Receipt
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.builders.statements import entry
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_told_twice import IN_DETAILS, WHOLE, one, prove, take_in
from tests.http import Clients

REASON = {"reason": "the bank says so in writing"}


async def receipt_of(feed: Feed, receipt: Receipt, officer: httpx.AsyncClient) -> dict[str, Any]:
    answer = await officer.get(f"/v1/feeds/{build.PROVIDER}/deliveries/{receipt.delivery_id}")
    found: dict[str, Any] = answer.json()
    return found


async def decide(clients: Clients, row_id: str, resolution: str) -> httpx.Response:
    first, second = clients.of(Role.FINANCE_OFFICER, name="F1"), clients.of(Role.FINANCE_APPROVER, name="F2")
    body = {"resolution": resolution, **REASON}
    proposed = await first.post(f"/v1/feeds/quarantine/{row_id}/resolutions", json=body)
    if proposed.status_code != 201:
        return proposed
    return await second.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/confirmation", json=REASON)


async def matches(clients: Clients) -> list[dict[str, Any]]:
    answer = await clients.of(Role.AUDITOR).get("/v1/feeds/matches")
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_match_is_listed_and_two_people_undo_it_once(feed: Feed, clients: Clients) -> None:
    told = await take_in(feed, "054", IN_DETAILS)
    again = await take_in(feed, "053", WHOLE)
    (match,) = await matches(clients)
    assert (match["delivery_id"], match["row_number"], match["ground"]) == (str(again.delivery_id), 1, "reference")
    stands = [{"delivery_id": str(told.delivery_id), "row_number": number} for number in (1, 2)]
    assert (match["stands"], match["matched_by"], match["is_undone"]) == (stands, build.ACTOR.name, False)
    refused = await decide(clients, match["quarantined_row_id"], "no_money")
    assert refused.status_code == 409
    assert (await decide(clients, match["quarantined_row_id"], "post")).status_code == 200
    assert await feed.books() == Books(-6_000, 0, 3)
    found = await receipt_of(feed, again, clients.of(Role.FINANCE_OFFICER))
    assert (found["posted"], found["already_posted"]["rows"]) == ({"rows": 1, "pence": -3_000}, 0)
    assert (await matches(clients))[0]["is_undone"] is True
    assert (await decide(clients, match["quarantined_row_id"], "post")).status_code == 409
    assert await prove(feed) == {}
    repeated = await take_in(feed, "053", WHOLE, id="S2")
    assert (repeated.already_posted.rows, repeated.posted.rows) == (1, 0)


async def test_a_row_whose_very_id_has_posted_is_undone_under_one_beside_it(feed: Feed, clients: Clients) -> None:
    await take_in(feed, "054", one(ref="B1", payee="Ann Carer"))
    await take_in(feed, "053", WHOLE)
    (match,) = await matches(clients)
    assert (await decide(clients, match["quarantined_row_id"], "post")).status_code == 200
    assert await feed.books() == Books(-6_000, 0, 2)
    assert await prove(feed) == {}


async def test_one_person_undoes_nothing(feed: Feed, clients: Clients) -> None:
    await take_in(feed, "054", IN_DETAILS)
    await take_in(feed, "053", WHOLE)
    (match,) = await matches(clients)
    approver = clients.of(Role.FINANCE_APPROVER, name="F2")
    address = f"/v1/feeds/quarantine/{match['quarantined_row_id']}/resolutions"
    proposed = await approver.post(address, json={"resolution": "post", **REASON})
    answer = await approver.post(f"/v1/feeds/resolutions/{proposed.json()['id']}/confirmation", json=REASON)
    assert (answer.status_code, answer.json()["code"]) == (409, "same_person")
    assert await feed.books() == Books(-3_000, 0, 2)


async def test_what_people_end_as_told_again_is_known_and_takes_its_place(feed: Feed, clients: Clients) -> None:
    await take_in(feed, "054", entry("30.00", "DBIT", ref="B1"))
    await take_in(feed, "053", entry("30.00", "DBIT"))
    row_id = await feed.connection.fetchval("SELECT id FROM quarantined_row WHERE status = 'waiting'")
    assert (await decide(clients, str(row_id), "already_posted")).status_code == 200
    (match,) = await matches(clients)
    assert match["ground"] == "decision"
    repeated = await take_in(feed, "053", entry("30.00", "DBIT"), id="S2")
    assert (repeated.already_posted.rows, repeated.quarantined.rows) == (1, 0)
    assert await feed.books() == Books(-3_000, 0, 1)
    assert await prove(feed) == {}


async def test_what_people_find_to_be_another_payment_posts_and_is_matched_in_its_turn(
    feed: Feed, clients: Clients
) -> None:
    await take_in(feed, "054", entry("30.00", "DBIT", ref="B1"))
    await take_in(feed, "053", entry("30.00", "DBIT"))
    row_id = await feed.connection.fetchval("SELECT id FROM quarantined_row WHERE status = 'waiting'")
    assert (await decide(clients, str(row_id), "post")).status_code == 200
    assert await feed.books() == Books(-6_000, 0, 2)
    assert await prove(feed) == {}
