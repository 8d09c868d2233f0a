"""The published bank statements: every row in and waiting for its currency, every balance proved or disproved."""

from pathlib import Path

import pytest

from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.schemas import Receipt
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed
from tests.http import Clients

FILES: list[tuple[str, str, int, list[bool | None]]] = [
    ("camt053", "genkgo.camt053.v2.all-balance-types.xml", 1, [False]),
    ("camt053", "genkgo.camt053.v2.five.decimals.xml", 1, [False]),
    ("camt053", "genkgo.camt053.v2.multi.statement.xml", 2, [True, True]),
    ("camt053", "genkgo.camt053.v8.xml", 1, [False]),
    ("camt054", "genkgo.camt054.v8.xml", 1, [None]),
    ("camt053", "moov.FI_camt_053_sample.xml", 13, [True]),
    ("mt940", "jejik.abnamro.sta", 10, [False, False]),
    ("mt940", "jejik.generic.sta", 2, [True, True]),
    ("mt940", "wolph.ASNB.mt940.txt", 8, [True] * 31),
]


@pytest.mark.parametrize(("profile", "name", "rows", "proved"), FILES, ids=[each[1] for each in FILES])
async def test_a_published_statement_is_read_whole_and_judged(
    feed: Feed, reference_data: Path, profile: str, name: str, rows: int, proved: list[bool | None]
) -> None:
    file = reference_data / "statements" / name
    receipt = await build.receive(feed.database, file, profile=profile)
    assert (receipt.rows, receipt.rows_done, receipt.posted.rows) == (rows, rows, 0)
    assert [(each.code, each.rows) for each in receipt.waiting] == [("currency_not_gbp", rows)]
    assert receipt.unread_amounts == 0
    kept = await feed.connection.fetch("SELECT is_proved FROM feed_statement ORDER BY id")
    assert [each["is_proved"] for each in kept] == proved
    again = await build.receive(feed.database, file, profile=profile)
    assert again == receipt.model_copy(update={"already_received": True})
    assert (await feed.count("feed_statement"), await feed.count("quarantined_row")) == (len(proved), rows)


async def test_a_statement_without_a_statement_is_refused_and_nothing_is_kept(feed: Feed, reference_data: Path) -> None:
    with pytest.raises(UnreadableDelivery) as refused:
        await build.receive(
            feed.database, reference_data / "statements" / "genkgo.camt053.v2.wrong.xml", profile="camt053"
        )
    assert refused.value.code == "empty_delivery"
    assert await feed.count("feed_delivery") == 0


@pytest.mark.parametrize("profile", ["camt053", "mt940"])
async def test_a_card_number_stops_its_row_alone_and_is_kept_nowhere(feed: Feed, profile: str) -> None:
    number = "4111111111111111"
    if profile == "mt940":
        body = statements.mt940(":61:261112D5,00NTRF", f":86:CARD {number}", ":61:261112D7,00NTRF", ":86:WAGES")
    else:
        told = statements.details(f"<RmtInf><Ustrd>{number}</Ustrd></RmtInf>")
        entries = (statements.entry("5.00", "DBIT", details=told), statements.entry("7.00", "DBIT"))
        body = statements.camt(statements.statement(*entries))
    receipt = await build.receive(feed.database, body, profile=profile, account_ref="ACC-1")
    assert [(each.code, each.rows, each.pence) for each in receipt.waiting] == [("card_number_in_row", 1, -500)]
    assert (receipt.posted.rows, receipt.posted.pence, (await feed.books()).posted_pence) == (1, -700, -700)
    kept = feed.database.ciphers.decrypt(
        await feed.connection.fetchval("SELECT content_encrypted FROM quarantined_row")
    )
    assert number.encode() not in kept
    assert b"9999999999999999" in kept


async def test_what_is_not_booked_yet_posts_once_it_is(feed: Feed) -> None:
    pending = statements.entry("5.00", ref="R1", status="<Sts><Cd>PDNG</Cd></Sts>")
    first = statements.camt(statements.statement(pending))
    receipt = await build.receive(feed.database, first, profile="camt053", account_ref="ACC-1")
    assert (receipt.no_money.rows, receipt.no_money.pence, receipt.posted.rows) == (1, 500, 0)
    assert await feed.rows(receipt) == {1: ("no_money", "not_booked")}
    booked = statements.camt(statements.statement(statements.entry("5.00", ref="R1"), id="S2"))
    receipt = await build.receive(feed.database, booked, profile="camt053", account_ref="ACC-1")
    assert (receipt.posted.rows, (await feed.books()).posted_pence) == (1, 500)


async def test_a_statement_without_references_issued_again_posts_nothing_twice(feed: Feed) -> None:
    five, seven = statements.entry("5.00"), statements.entry("7.00", ref="R7")

    async def take_in(*entries: str, id: str) -> Receipt:
        body = statements.camt(statements.statement(*entries, id=id))
        return await build.receive(feed.database, body, profile="camt053", account_ref="ACC-1")

    assert (await take_in(five, five, seven, id="S1")).posted.rows == 3
    again = await take_in(seven, five, five, id="S2")
    assert (again.already_posted.rows, again.posted.rows) == (3, 0)
    other = await take_in(five, five, statements.entry("1.00"), seven, statements.entry("2.00", ref="R2"), id="S3")
    assert [(each.code, each.rows) for each in other.waiting] == [("complete_day_changed", 3)]
    assert (other.already_posted.rows, other.posted.rows, (await feed.books()).posted_pence) == (1, 1, 1_900)


async def test_a_notification_tells_more_and_what_equals_an_earlier_one_waits(feed: Feed) -> None:
    async def take_in(*entries: str) -> Receipt:
        body = statements.camt(f"<Ntfctn><Id>N</Id>{''.join(entries)}</Ntfctn>", message="054")
        return await build.receive(feed.database, body, profile="camt054", account_ref="ACC-1")

    assert (await take_in(statements.entry("5.00"))).posted.rows == 1
    more = await take_in(statements.entry("5.00"), statements.entry("7.00"), statements.entry("5.00", ref="R"))
    assert [(each.code, each.rows) for each in more.waiting] == [("equal_to_earlier_row", 1)]
    assert (more.posted.rows, (await feed.books()).posted_pence) == (2, 1_700)


async def test_staff_upload_a_statement_like_any_other_file(feed: Feed, clients: Clients) -> None:
    body = statements.camt(statements.statement(statements.entry("5.00", ref="R1")))
    officer = clients.of(Role.FINANCE_OFFICER)
    address = f"/v1/feeds/{build.PROVIDER}/files"
    query = {"profile": "camt053", "account": "ACC-1"}
    sent = await officer.post(address, params=query, content=body, headers={"content-type": "application/xml"})
    assert (sent.status_code, sent.json()["posted"]) == (202, {"rows": 1, "pence": 500})
    query = {"profile": "mt940"}
    wrong = await officer.post(address, params=query, content=body, headers={"content-type": "application/xml"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_layout")
