"""One payment told by two messages posts once, whichever comes first; two equal payments both post."""

import itertools
import runpy
from collections.abc import Sequence

import pytest

from services.card_ingest import pipeline
from services.card_ingest.reconciliation import proof
from services.card_ingest.schemas import Receipt
from services.shared import migrate
from tests.builders import deliveries as build
from tests.builders import statements
from tests.builders.deliveries import Books
from tests.builders.statements import details, entry
from tests.card_ingest.conftest import Feed
from tests.card_ingest.test_recomputing import tamper


def detail(pence: str, *, tx: str = "", end: str = "", payee: str = "") -> str:
    refs = (f"<TxId>{tx}</TxId>" if tx else "") + (f"<EndToEndId>{end}</EndToEndId>" if end else "")
    party = f"<RltdPties><Cdtr><Pty><Nm>{payee}</Nm></Pty></Cdtr></RltdPties>" if payee else ""
    return f'<Refs>{refs}</Refs><Amt Ccy="GBP">{pence}</Amt>{party}'


def one(pence: str = "30.00", *, end: str = "", payee: str = "", booked: str = "2026-11-12", **parts: str) -> str:
    """Return an entry of one detail."""
    return entry(pence, "DBIT", booked=booked, details=details(detail(pence, end=end, payee=payee)), **parts)


async def take_in(feed: Feed, message: str, *entries: str, id: str = "S1", **changes: str) -> Receipt:
    """Take a message in; MT940 is given by its lines."""
    if message == "mt940":
        body = statements.mt940(*entries, number=id)
    else:
        told = statements.statement(*entries, id=id)
        told = told if message == "053" else told.replace("Stmt>", "Ntfctn>")
        body = statements.camt(told, message=message)
    profile = message if message == "mt940" else f"camt{message}"
    return await build.receive(feed.database, body, profile=changes.get("profile", profile), account_ref="ACC-1")


async def prove(feed: Feed) -> dict[str, int]:
    async with feed.database.write(actor=build.ACTOR) as session:
        found = await proof.prove(session)
        await session.rollback()
    return {name: count for name, count in found.items() if count}


WHOLE = entry("30.00", "DBIT", ref="B1")
IN_DETAILS = entry("30.00", "DBIT", ref="B1", details=details(detail("10.00", tx="T1"), detail("20.00", tx="T2")))
LINE = (":61:2611121112D30,00NTRFNONREF//B1", ":86:WAGES")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_an_entry_its_details_and_an_mt940_line_of_it_post_once_in_every_order(
    feed: Feed, order: Sequence[int]
) -> None:
    messages = [("054", IN_DETAILS), ("053", WHOLE), ("mt940", *LINE)]
    for place in order:
        await take_in(feed, *messages[place])
    books = await feed.books()
    assert books.posted_pence == -3_000
    assert await feed.connection.fetchval("SELECT count(*) FROM quarantined_row WHERE status = 'waiting'") == 0
    assert await prove(feed) == {}


@pytest.mark.parametrize("is_notified_first", [True, False])
@pytest.mark.parametrize(
    ("notified", "stated"),
    [
        ((IN_DETAILS,), (WHOLE,)),
        ((WHOLE,), (IN_DETAILS,)),
        ((WHOLE,), (WHOLE,)),
        ((one(end="E1"),), (one(end="E1"),)),
        ((one(end="E1"),), (one(end="E1", booked="2026-11-13"),)),
        ((one(payee="Ann Carer"),), (one(payee="ANN  CARER"),)),
        ((one(payee="Ann Carer", ref="B7"),), (one(payee="Ann Carer"),)),
        (
            (
                entry("10.00", "DBIT", details=details(detail("10.00", tx="T1"))),
                entry("20.00", "DBIT", details=details(detail("20.00", tx="T2"))),
            ),
            (entry("30.00", "DBIT", ref="B1", details=details(detail("10.00", tx="T1"), detail("20.00", tx="T2"))),),
        ),
    ],
    ids=[
        "details and whole",
        "whole and details",
        "same",
        "end to end",
        "a day apart",
        "payee",
        "payee, one ref",
        "singles",
    ],
)
async def test_one_payment_told_by_a_notification_and_a_statement_posts_once(
    feed: Feed, is_notified_first: bool, notified: Sequence[str], stated: Sequence[str]
) -> None:
    messages = [("054", notified), ("053", stated)]
    first, (message, entries) = messages if is_notified_first else reversed(messages)
    await take_in(feed, first[0], *first[1])
    receipt = await take_in(feed, message, *entries)
    assert (receipt.posted.rows, receipt.quarantined.rows) == (0, 0)
    assert (receipt.already_posted.rows, receipt.already_posted.pence) == (receipt.rows, -3_000)
    assert (await feed.books()).posted_pence == -3_000
    assert await prove(feed) == {}
    again = await take_in(feed, message, *entries, id="ANEW")
    assert (again.posted.rows, {each.code for each in again.waiting} - {"equal_to_earlier_row"}) == (0, set())
    assert (await feed.books()).posted_pence == -3_000


EQUAL = [
    (one(payee="SHOP"), one(payee="SHOP")),
    (one(end="E1"), one(end="E2")),
    (one(ref="B1"), one(ref="B2")),
    (one(ref="B1", payee="SHOP"), one(ref="B2", payee="SHOP")),
    (one(payee="SHOP"), one(payee="SHOP", booked="2026-11-13")),
]


@pytest.mark.parametrize("entries", EQUAL, ids=["payee", "end to end", "bank", "both", "next day"])
@pytest.mark.parametrize(
    "order",
    [("a4", *rest) for rest in itertools.permutations(["b4", "a3", "b3"])] + [("a3", "b4", "a4", "b3")],
    ids="".join,
)
async def test_two_equal_payments_told_by_two_messages_both_post_in_every_order(
    feed: Feed, entries: tuple[str, str], order: Sequence[str]
) -> None:
    for place, each in enumerate(order):
        message = "054" if each[1] == "4" else "053"
        profile = f"camt{message}"
        if message == "053":  # A statement of one of the two on its day would be told otherwise by the next.
            profile = "daily_statement"
            keep_daily_statement(feed)
        await take_in(feed, message, entries["ab".index(each[0])], id=f"S{place}", profile=profile)
    while await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW):
        pass
    waiting = await feed.connection.fetch("SELECT code FROM quarantined_row WHERE status = 'waiting'")
    if entries in EQUAL[:2]:  # Without a reference that makes an id, the second of a feed waits as equal to the first.
        assert {each["code"] for each in waiting} <= {"equal_to_earlier_row", "may_be_told_twice"}
        assert (await feed.books()).posted_pence - 3_000 * len(waiting) <= -6_000
    else:
        assert [each["code"] for each in waiting] == []
        assert await feed.books() == Books(-6_000, 0, 2)
    assert await prove(feed) == {}


def keep_daily_statement(feed: Feed) -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "daily_statement.toml").write_text(
        'format = "camt053"\nname = "daily_statement"\nversion = 1\ntitle = "T"\n'
        '[identity]\nreferences = ["AcctSvcrRef", "EndToEndId"]\ncovers = "increments"\n'
        '[type]\nmoney_out = "faster_payment_out"\nmoney_in = "faster_payment_in"\n'
    )


async def test_two_equal_payments_of_one_file_each_told_by_two_messages_post_twice_and_no_more(feed: Feed) -> None:
    same = one(payee="SHOP")
    await take_in(feed, "054", same, same)
    receipt = await take_in(feed, "053", same, same, same)
    assert (receipt.already_posted.rows, receipt.posted.rows) == (2, 1)
    assert await feed.books() == Books(-9_000, 0, 3)


@pytest.mark.parametrize("is_sum_first", [True, False])
async def test_payments_booked_as_one_are_matched_with_their_sum(feed: Feed, is_sum_first: bool) -> None:
    def batch(ref: str) -> str:
        return f"<NtryDtls><Btch><PmtInfId>{ref}</PmtInfId></Btch></NtryDtls>"

    singles = (
        entry("10.00", "DBIT", ref="A1", details=batch("P1")),
        entry("20.00", "DBIT", ref="A2", details=batch("P1")),
        entry("5.00", "DBIT", ref="A3", details=batch("P2")),
    )
    whole = entry("30.00", "DBIT", ref="B1", details=batch("P1"))
    messages = [("053", (whole,)), ("054", singles)]
    first, (message, entries) = messages if is_sum_first else reversed(messages)
    await take_in(feed, first[0], *first[1])
    receipt = await take_in(feed, message, *entries)
    assert receipt.already_posted.pence == -3_000
    assert (await feed.books()).posted_pence == -3_500
    assert await prove(feed) == {}


@pytest.mark.parametrize("is_notified_first", [True, False])
async def test_what_nothing_tells_apart_waits_and_posts_by_itself_once_it_is_told_apart(
    feed: Feed, is_notified_first: bool
) -> None:
    bare, named = entry("30.00", "DBIT"), entry("30.00", "DBIT", ref="B1")
    messages = [("054", named), ("053", bare)]
    first, (message, told) = messages if is_notified_first else reversed(messages)
    await take_in(feed, *first)
    receipt = await take_in(feed, message, told)
    assert [(each.code, each.rows, each.pence) for each in receipt.waiting] == [("may_be_told_twice", 1, -3_000)]
    assert (await feed.books()).posted_pence == -3_000
    if is_notified_first:
        other = await take_in(feed, "053", entry("30.00", "DBIT", ref="B1", booked="2026-11-13"), id="S2")
        assert other.already_posted.rows == 1
        assert await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW) == 1
        assert (await feed.books()).posted_pence == -6_000
    assert await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW) == 0


async def test_a_booking_told_in_part_waits(feed: Feed) -> None:
    await take_in(feed, "054", entry("10.00", "DBIT", ref="B1"))
    receipt = await take_in(feed, "mt940", *LINE)
    assert [(each.code, each.rows) for each in receipt.waiting] == [("told_in_part", 1)]
    await take_in(feed, "054", entry("20.00", "DBIT", ref="B1", booked="2026-11-13"), id="S2")
    assert (await feed.books()).posted_pence <= -1_000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (one(ref="B1", end="E1", payee="SHOP"), one(ref="B2", end="E2", payee="SHOP")),
        (one(payee="SHOP"), one(payee="Bakery")),
        (one(end="E1"), one("31.00", end="E1")),
        (one(end="E1"), entry("30.00", "CRDT", details=details(detail("30.00", end="E1")))),
        (one(ref="B1", booked="2026-11-01"), one(ref="B2", booked="2026-11-12")),
        (one(end="E1", booked="2026-11-01"), one(end="E1", booked="2026-11-12")),
    ],
    ids=["other references", "other payee", "other amount", "other way", "other bank reference", "next week"],
)
async def test_what_differs_is_another_payment_whichever_comes_first(feed: Feed, first: str, second: str) -> None:
    await take_in(feed, "054", first)
    receipt = await take_in(feed, "053", second)
    assert (receipt.posted.rows, receipt.already_posted.rows, receipt.quarantined.rows) == (1, 0, 0)


async def test_another_payment_of_the_very_content_without_an_id_waits_for_people(feed: Feed) -> None:
    await take_in(feed, "054", one(end="E1", payee="SHOP"))
    receipt = await take_in(feed, "053", one(end="E2", payee="SHOP"))
    assert [(each.code, each.rows) for each in receipt.waiting] == [("may_be_told_twice", 1)]


async def test_rows_that_waited_for_their_account_are_matched_when_they_post(feed: Feed) -> None:
    async def send(message: str, told: str) -> Receipt:
        text = (
            statements.statement(told) if message == "053" else statements.statement(told).replace("Stmt>", "Ntfctn>")
        )
        body = statements.camt(text, message=message)
        return await build.receive(feed.database, body, profile=f"camt{message}", account_ref="LATER")

    await send("054", IN_DETAILS)
    await send("053", WHOLE)
    account = await build.an_account(feed.connection, "LATER")
    assert await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW) == 3
    assert await build.books(feed.connection, account) == Books(-3_000, 0, 2)
    assert await prove(feed) == {}


async def test_a_row_that_finds_a_surer_match_gives_its_place_to_one_that_has_no_other(feed: Feed) -> None:
    await take_in(feed, "054", one(end="E1", payee="SHOP"), one(payee="SHOP"))
    keep_daily_statement(feed)
    first = await take_in(feed, "053", one(payee="SHOP"), profile="daily_statement")
    second = await take_in(feed, "053", one(end="E1", payee="SHOP"), id="S2", profile="daily_statement")
    assert (first.already_posted.rows, second.already_posted.rows) == (1, 1)
    assert await feed.books() == Books(-6_000, 0, 2)
    assert await prove(feed) == {}


@pytest.mark.parametrize(
    ("posted", "told"),
    [(IN_DETAILS, WHOLE), (WHOLE, IN_DETAILS), (one(payee="Ann Carer"), one(payee="ANN CARER"))],
    ids=["details", "whole", "payee"],
)
async def test_what_posted_before_tellings_were_kept_is_known(feed: Feed, posted: str, told: str) -> None:
    await take_in(feed, "054", posted)
    await tamper(feed, "TRUNCATE payment_telling")
    upgrade = runpy.run_path(str(migrate.VERSIONS / "versions" / "0016_known_again.py"))
    await feed.connection.execute(upgrade["FILL"])
    receipt = await take_in(feed, "053", told)
    assert (receipt.already_posted.pence, receipt.posted.rows, receipt.quarantined.rows) == (-3_000, 0, 0)
    assert await prove(feed) == {}


async def test_the_match_is_on_record_with_its_grounds(feed: Feed) -> None:
    await take_in(feed, "054", IN_DETAILS)
    await take_in(feed, "053", WHOLE)
    found = await feed.connection.fetch("SELECT * FROM payment_match ORDER BY stands_row_number")
    assert [(row["row_number"], row["stands_row_number"], row["ground"]) for row in found] == [
        (1, 1, "reference"),
        (1, 2, "reference"),
    ]
    assert {row["matched_by"] for row in found} == {build.ACTOR.name}


async def test_a_match_that_lost_its_payment_fails_the_proof(feed: Feed) -> None:
    await take_in(feed, "054", IN_DETAILS)
    await take_in(feed, "053", WHOLE)
    await feed.connection.execute("SET session_replication_role = replica")
    await feed.connection.execute("DELETE FROM card_transaction WHERE row_number = 1")
    await feed.connection.execute("SET session_replication_role = origin")
    assert (await prove(feed))["matches_wrong"] > 0
