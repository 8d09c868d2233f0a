from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from services.card_ingest import keeping, outcomes, pipeline, posting
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed


async def test_every_row_posts_once_and_the_books_equal_what_was_sent(feed: Feed) -> None:
    kinds = ("load", "purchase_pos", "refund", "fee", "atm_withdrawal")
    sent = [build.an_event(f"t{number}", type=kinds[number % 5], amount_pence=100 + number) for number in range(250)]
    receipt = await feed.send(*sent)
    assert (receipt.rows, receipt.status, receipt.unread_amounts) == (250, "posted", 0)
    assert (receipt.posted.rows, receipt.posted.pence) == (250, sum(event["amount_pence"] for event in sent))
    assert await feed.books() == Books(build.effect(sent), 0, 250)


async def test_few_rows_and_many_take_the_same_way_to_the_same_end(feed: Feed) -> None:
    few = [build.an_event(f"a{number}", amount_pence=number + 1) for number in range(100)]
    many = [build.an_event(f"b{number}", amount_pence=number + 1) for number in range(101)]
    await feed.send(*few)
    await feed.send(*many)
    assert await feed.books() == Books(build.effect([*few, *many]), 0, 201)


async def test_a_posted_row_keeps_every_field(feed: Feed) -> None:
    await feed.send(build.an_event("t0"))
    await feed.send(
        build.an_event(
            "t1",
            type="refund",
            account_ref="ACC-1",
            merchant_category="Grocery",
            merchant_pence=1500,
            merchant_currency="EUR",
            reference="order 7",
            reverses_transaction_id="t0",
            authorisation_id="a1",
            booked_on="2026-11-13",
        )
    )
    row = await feed.connection.fetchrow("SELECT * FROM card_transaction WHERE provider_transaction_id = 't1'")
    assert row is not None
    expected = {
        "provider_code": "northbank", "provider_transaction_id": "t1", "account_id": feed.account_id, "type": "refund",
        "amount_pence": 1234, "merchant_pence": 1500, "merchant_currency": "EUR", "booked_on": date(2026, 11, 13),
        "accounting_month": 202611, "care_group": "older_people", "category": "retail_household", "mcc": "5411",
        "merchant_name": "CORNER SHOP", "merchant_category": "Grocery", "reference": "order 7",
        "reverses_transaction_id": "t0", "row_number": 1, "payee": "CORNER SHOP", "authorisation_id": "a1",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["card_id"] is not None
    assert row["category_rule_id"] is not None


@pytest.mark.parametrize("rows", [20, 120])
async def test_a_moment_is_kept_to_the_microsecond(feed: Feed, rows: int) -> None:
    random, least = Random(rows), datetime(1997, 4, 2, tzinfo=UTC)
    moments = [least + timedelta(microseconds=random.randrange(29 * 365 * 86_400 * 10**6)) for _ in range(rows)]
    await feed.send(*(build.an_event(f"t{n:03}", occurred_at=at.isoformat()) for n, at in enumerate(moments)))
    found = await feed.connection.fetch("SELECT occurred_at FROM card_transaction ORDER BY provider_transaction_id")
    assert [row["occurred_at"] for row in found] == moments


async def test_the_same_rows_in_another_file_are_already_posted(feed: Feed) -> None:
    sent = [build.an_event(f"t{number}") for number in range(150)]
    await feed.send(*sent)
    again = await feed.send(*reversed(sent), build.an_event("new", amount_pence=1))
    assert (again.posted.rows, again.already_posted.rows, again.already_posted.pence) == (1, 150, 150 * 1234)
    assert await feed.books() == Books(-150 * 1234 - 1, 0, 151)


async def test_the_same_bytes_again_get_the_same_receipt_and_do_nothing(feed: Feed) -> None:
    first = await feed.send(build.an_event("t1"))
    entries = await feed.count("audit_entry")
    again = await feed.send(build.an_event("t1"))
    assert again == first.model_copy(update={"already_received": True})
    assert await feed.count("feed_delivery") == 1
    assert await feed.count("audit_entry") == entries


async def test_the_same_id_with_other_content_waits_and_the_first_stands(feed: Feed) -> None:
    receipt = await feed.send(build.an_event("t1"), build.an_event("t1", amount_pence=99), build.an_event("t1"))
    assert await feed.rows(receipt) == {2: ("quarantined", "same_id_other_content"), 3: ("already_posted", None)}
    later = await feed.send(build.an_event("t1", merchant_name="OTHER"))
    assert await feed.rows(later) == {1: ("quarantined", "same_id_other_content")}
    assert await feed.books() == Books(-1234, 0, 1)
    assert (
        await feed.connection.fetchval("SELECT count(*) FROM quarantined_row WHERE content_encrypted IS NOT NULL") == 2
    )


async def test_the_same_id_of_another_provider_is_another_transaction(feed: Feed) -> None:
    await build.a_provider(feed.connection, build.OTHER_PROVIDER)
    other = await build.an_account(feed.connection, "ACC-1", cards=["CARD-1"], provider=build.OTHER_PROVIDER)
    await feed.send(build.an_event("t1"))
    receipt = await feed.send(build.an_event("t1", amount_pence=5), provider=build.OTHER_PROVIDER)
    assert receipt.posted.rows == 1
    assert await build.books(feed.connection, other) == Books(-5, 0, 1)
    assert await feed.books() == Books(-1234, 0, 1)


async def test_a_row_waits_for_a_card_or_account_that_nobody_has_registered(feed: Feed) -> None:
    receipt = await feed.send(
        build.an_event("t1", card_ref="CARD-9"),
        build.an_event("t2", card_ref=None, account_ref="ACC-9"),
        build.an_event("t3", account_ref="ACC-1", card_ref="CARD-9"),
    )
    assert await feed.rows(receipt) == {1: ("quarantined", "unknown_card"), 2: ("quarantined", "unknown_account")}
    waits = await feed.connection.fetch("SELECT waits_for FROM quarantined_row ORDER BY row_number")
    assert [row["waits_for"] for row in waits] == ["CARD-9", "ACC-9"]
    assert {each.code: each.rows for each in receipt.waiting} == {"unknown_card": 1, "unknown_account": 1}
    assert all(each.message and each.remedy for each in receipt.waiting)
    assert await feed.books() == Books(-1234, 0, 1)


async def test_a_closed_account_takes_what_was_booked_until_its_last_day(feed: Feed) -> None:
    closed = await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"], closed_on=date(2026, 11, 10))
    receipt = await feed.send(
        build.an_event("t1", card_ref="CARD-2", booked_on="2026-11-10"),
        build.an_event("t2", card_ref="CARD-2", booked_on="2026-11-11"),
    )
    assert await feed.rows(receipt) == {2: ("quarantined", "account_closed")}
    assert await build.books(feed.connection, closed) == Books(-1234, 0, 1)


async def test_a_card_and_an_account_that_do_not_belong_together_wait_for_a_person(feed: Feed) -> None:
    await build.an_account(feed.connection, "ACC-2", cards=["CARD-2"])
    receipt = await feed.send(build.an_event("t1", account_ref="ACC-1", card_ref="CARD-2"))
    assert await feed.rows(receipt) == {1: ("quarantined", "card_of_another_account")}
    assert await feed.books() == Books(0, 0, 0)


async def test_a_bad_row_is_quarantined_and_the_rest_posts(feed: Feed) -> None:
    receipt = await feed.send(
        build.an_event("t1"), b"{broken", build.an_event("t2", amount_pence=12.5), build.an_event("t3", currency="EUR")
    )
    assert await feed.rows(receipt) == {
        2: ("quarantined", "broken_json_line"),
        3: ("quarantined", "amount_not_whole_pence"),
        4: ("quarantined", "currency_not_gbp"),
    }
    assert (receipt.unread_amounts, receipt.quarantined.rows, receipt.quarantined.pence) == (2, 3, 1234)
    assert receipt.delivered_pence == 2 * 1234
    assert await feed.books() == Books(-1234, 0, 1)


async def test_the_card_number_of_a_row_is_kept_nowhere_and_the_rest_of_it_is(feed: Feed) -> None:
    receipt = await feed.send(build.an_event("t1", reference="paid by 4111 1111 1111 1111"), build.an_event("t2"))
    assert await feed.rows(receipt) == {1: ("quarantined", "card_number_in_row")}
    assert (receipt.posted.rows, receipt.quarantined.pence) == (1, 1234)
    row = await feed.connection.fetchrow("SELECT content_encrypted, detail FROM quarantined_row")
    assert row is not None
    waiting = feed.database.ciphers.decrypt(row["content_encrypted"])
    assert b"1111" not in waiting
    assert b"paid by 9999 9999 9999 9999" in waiting
    kept = await feed.connection.fetch("SELECT content, is_redacted FROM feed_content")
    assert [each["is_redacted"] for each in kept] == [True]
    content = keeping.unsealed(kept[0]["content"], ciphers=feed.database.ciphers)
    assert b"1111" not in content
    assert b"9999 9999 9999 9999" in content


async def test_a_reversal_of_posted_money_is_posted_money_in_any_order(feed: Feed) -> None:
    await feed.send(build.an_event("r1", type="reversal", reverses_transaction_id="t1"))
    await feed.send(build.an_event("t1"))
    await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW)
    assert await feed.books() == Books(0, 0, 2)


async def test_a_trial_account_has_a_balance_and_no_place_in_the_spend_summary(feed: Feed) -> None:
    trial = await build.an_account(feed.connection, "whatever", kind="trial")
    await feed.send(build.an_event("t1", card_ref=None, account_ref="trial"))
    assert await build.books(feed.connection, trial) == Books(-1234, 0, 1)
    assert await feed.count("spend_delta") == 0


@pytest.mark.parametrize("status", ["posted", "authorised"])
async def test_a_trial_row_waits_for_the_trial_account_and_never_reaches_the_one_of_its_card(
    feed: Feed, status: str
) -> None:
    body = build.ndjson([build.an_event("t1", status=status)])
    receipt = await build.receive(feed.database, body, account_ref="trial")
    assert await feed.rows(receipt) == {1: ("quarantined", "unknown_account")}
    assert await feed.connection.fetchval("SELECT waits_for FROM quarantined_row") == "trial"
    assert await feed.books() == Books(0, 0, 0)
    assert await feed.count("card_transaction") == 0


async def test_a_trial_row_posts_once_the_trial_account_is_open(feed: Feed) -> None:
    event = build.an_event("t1", card_ref=None)
    await build.receive(feed.database, build.ndjson([event]), account_ref="trial")
    trial = await build.an_account(feed.connection, "whatever", kind="trial")
    assert await pipeline.release_waiting(feed.database, actor=build.ACTOR, now=build.NOW) == 1
    assert await build.books(feed.connection, trial) == Books(-1234, 0, 1)


async def test_what_a_batch_adds_to_the_summary_is_what_it_posted(feed: Feed) -> None:
    await feed.send(
        build.an_event("t1"),
        build.an_event("t2", type="refund", amount_pence=34),
        build.an_event("t3", type="load", amount_pence=5000),
        build.an_event("t4", booked_on="2026-10-31", mcc="9999"),
    )
    found = await feed.connection.fetch(
        "SELECT accounting_month, category, care_group, amount_pence, transactions FROM spend_delta ORDER BY 1, 2"
    )
    assert [tuple(row) for row in found] == [
        (202610, "uncategorised", "older_people", -1234, 1),
        (202611, "council_load", "older_people", 5000, 1),
        (202611, "retail_household", "older_people", -1200, 2),
    ]


async def test_each_batch_leaves_one_audit_entry_with_the_digest_of_its_rows(feed: Feed) -> None:
    await feed.send(build.an_event("t1"), build.an_event("t2"), build.an_event("t3", card_ref="CARD-9"))
    found = await feed.connection.fetchrow(
        """SELECT entry.digest, batch.digest AS of_batch, (SELECT sha256(
               string_agg(content_digest, ''::bytea ORDER BY row_number)) FROM card_transaction) AS of_rows
           FROM audit_entry AS entry CROSS JOIN feed_batch AS batch WHERE entry.action = 'post_feed_batch'"""
    )
    assert found is not None
    assert found["digest"] == found["of_batch"] == found["of_rows"]


async def test_a_row_that_the_database_lost_rolls_the_batch_back(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    losing = posting._POST.replace("WHERE staged.status", "WHERE staged.row_number <> 2 AND staged.status", 1)
    monkeypatch.setattr(posting, "_POST", losing)
    monkeypatch.setattr(posting, "_NOT_POSTED", posting._NOT_POSTED + " AND false")
    with pytest.raises(outcomes.RowsLostError):
        await feed.send(build.an_event("t1"), build.an_event("t2"))
    assert await feed.count("card_transaction") == 0
    assert await feed.books() == Books(0, 0, 0)
    assert await feed.connection.fetchval("SELECT status FROM feed_progress") == "stored"
