import asyncio
import random
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from services.card_ingest import main
from services.card_ingest.alerts import examined, examining
from services.card_ingest.gathering import convoy
from services.shared import database as databases
from services.shared import driver, jobs
from services.shared.errors import Unavailable
from services.shared.vocabulary.feeds import DeliveryDoor
from tests.builders import clawback as people
from tests.builders import commits
from tests.builders import deliveries as build
from tests.card_ingest.alerts.conftest import NOW, TODAY, Watched, at, tell_overdrawn_days


def eventful(watched: Watched, other: str) -> list[dict[str, Any]]:
    """Return events of two people that raise every kind which a batch can raise, and those of a day."""
    days = [f"2026-11-{day:02}" for day in range(2, 9)]
    event = watched.event
    care = {"type": "direct_debit", "amount_pence": 3_000, "mcc": "8050", "merchant_name": "CARE CO"}
    twice = {"amount_pence": 2_500, "merchant_name": "TWICE LTD"}
    sent = {"type": "faster_payment_out", "mcc": None, "merchant_name": "J Bloggs", "amount_pence": 60_000}
    return [
        *(event(f"d{day}", status="declined", occurred_at=at(day), mcc="7995") for day in days),
        *(event(f"c{day}", occurred_at=at(day), **care) for day in ("2026-07-01", "2026-08-01", "2026-09-01")),
        event("load", type="load", amount_pence=999_999, occurred_at=at("2026-06-01"), mcc=None),
        event("back", type="direct_debit_bounce", amount_pence=3_000, mcc="8050", occurred_at=at("2026-11-03")),
        event("cash", type="atm_withdrawal", amount_pence=3_000, mcc="6011"),
        *(event(f"two{hour}", occurred_at=at("2026-11-05", hour), **twice) for hour in (8, 12, 15)),
        *(event(f"late{day}", account_ref=other, occurred_at=at(day)) for day in days[:4]),
        event("first", occurred_at=at("2026-11-04"), **sent),
        event("second", occurred_at=at("2026-11-06"), **sent),
    ]


async def somebody_who_died(watched: Watched) -> str:
    agreement_id = await people.an_agreement(watched.connection)
    account_id = await people.an_account(watched.connection, agreement_id)
    await watched.connection.execute(
        """UPDATE recipient SET died_on = '2026-11-02'
           WHERE id = (SELECT recipient_id FROM agreement WHERE id = $1)""",
        agreement_id,
    )
    return str(account_id)


def cut(random_: random.Random, events: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Cut events into deliveries of one to seven."""
    parts, rest = [], list(events)
    while rest:
        size = random_.randint(1, 7)
        parts.append(rest[:size])
        rest = rest[size:]
    return parts


@pytest.mark.parametrize("seed", range(4))
async def test_the_same_events_raise_the_same_alerts_in_whatever_order_and_batches(watched: Watched, seed: int) -> None:
    await tell_overdrawn_days(watched)
    other = await somebody_who_died(watched)
    random_, events = random.Random(seed), eventful(watched, other)
    if seed:
        random_.shuffle(events)
    for part in cut(random_, events) if seed else [events]:
        await watched.send(*part)
        if random_.random() < 0.5:
            await watched.look()
    await watched.look()
    await watched.look_of_the_day()
    mine = str(watched.account_id)
    told = [alert["key"].replace(mine, "mine").replace(other, "other") for alert in await watched.told()]
    assert sorted(told) == sorted(
        [
            "bounced_direct_debit/mine/back",
            "care_payments_stopped/mine/2026-09-01",
            "cash_without_permission/mine/cash",
            "duplicate_charge/mine/two12",
            "duplicate_charge/mine/two15",
            "negative_balance/other/202611",
            "new_payee_over_limit/mine/first",
            *(f"queried_merchant/mine/declined/d2026-11-{day:02}" for day in range(2, 9)),
            "repeated_declines/mine/202611",
            "spend_after_death/other/202611",
        ]
    )


async def test_a_batch_leaves_the_queue_with_its_alerts_or_not_at_all(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watched.send(watched.event("t1", mcc="7995"))
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_due") == 1

    async def cut_off(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(examining, "_record", cut_off)
        with pytest.raises(Unavailable):
            await watched.look()
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_due") == 1
    assert await watched.told() == []
    assert await watched.look() == 1
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_due") == 0


async def test_alerts_whose_commit_fails_leave_their_batch_on_the_queue(watched: Watched) -> None:
    await watched.send(watched.event("t1", mcc="7995"))
    async with commits.failing(watched.connection, "alert"):
        with pytest.raises(Unavailable):
            await watched.look()
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_due") == 1
    assert await watched.told() == []
    assert await watched.look() == 1


async def test_gathered_pushes_raise_the_alerts_of_what_they_posted_and_what_was_declined(watched: Watched) -> None:
    posted = [watched.event(f"t{number}", mcc="7995") for number in range(3)]
    declined = [watched.event(f"d{number}", mcc="7995", status="declined") for number in range(3)]
    sent = [build.a_delivery(build.ndjson([event]), door=DeliveryDoor.SIGNED_PUSH) for event in (*posted, *declined)]
    await asyncio.gather(*(convoy.receive(watched.database, each, now=NOW) for each in sent))
    assert await watched.connection.fetchval("SELECT count(DISTINCT xmin::text) FROM feed_delivery") < len(sent)
    await watched.look()
    keys = [alert["key"].rpartition("/")[2] for alert in await watched.told() if alert["kind"] == "queried_merchant"]
    assert sorted(keys) == sorted(event["provider_transaction_id"] for event in (*posted, *declined))


async def test_an_alert_that_was_told_is_not_told_again(watched: Watched) -> None:
    await watched.send(watched.event("t1", mcc="7995"))
    await watched.connection.execute("CREATE TABLE due AS TABLE alert_due")
    assert await watched.look() == 1
    closed = "UPDATE alert SET status = 'closed', closed_at = now(), closed_by = 'somebody', close_reason = 'known'"
    await watched.connection.execute(f"{closed}; INSERT INTO alert_due TABLE due; DROP TABLE due")
    assert await watched.look() == 0
    assert [alert["status"] for alert in await watched.told()] == ["closed"]


class CutOff(BaseException):
    """The process is ended in the middle of its work."""


async def test_a_job_cut_off_between_transactions_goes_on_where_it_was(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "BATCHES", 1)
    for number in range(6):
        await watched.send(watched.event(f"t{number}", mcc="7995"))
    taken, take = 0, examined.of_batches

    async def until_cut_off(*arguments: Any) -> None:
        nonlocal taken
        taken += 1
        if taken == 4:
            raise CutOff
        await take(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(examined, "of_batches", until_cut_off)
        with pytest.raises(CutOff):
            await watched.look()
    assert len(await watched.told()) == 3
    assert await watched.look() == 3
    assert len({alert["key"] for alert in await watched.told()}) == 6


async def test_a_batch_that_cannot_be_looked_at_keeps_no_other_waiting(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        await watched.send(watched.event(f"t{number}", mcc="7995"))
    bad = {await watched.connection.fetchval("SELECT min(batch_number) + $1::bigint FROM alert_due", n) for n in (0, 3)}
    look = examined.of_batches

    async def unless_bad(connection: driver.Connection, due: Sequence[examined.Due]) -> None:
        await look(connection, due)
        if bad & {batch.number for batch in due}:
            await connection.execute("SELECT 1 / 0")

    with monkeypatch.context() as patched:
        patched.setattr(examined, "of_batches", unless_bad)
        for _ in range(2):
            with pytest.raises(Exception, match="SQLSTATE 22012"):
                await watched.look()
            assert len(await watched.told()) == 4
    left = await watched.connection.fetch("SELECT batch_number FROM alert_due")
    assert {row["batch_number"] for row in left} == bad
    assert await watched.look() == 2


async def test_a_batch_without_a_record_of_its_own_leaves_the_queue(watched: Watched) -> None:
    await watched.connection.execute("INSERT INTO alert_due (batch_number) VALUES (999999)")
    assert await watched.look() == 0
    assert await watched.connection.fetchval("SELECT count(*) FROM alert_due") == 0


async def test_two_jobs_at_once_tell_each_thing_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "BATCHES", 1)
    for number in range(8):
        await watched.send(watched.event(f"t{number}", mcc="7995"), watched.event(f"u{number}", mcc="7801"))
    raised = await asyncio.gather(*(watched.look() for _ in range(3)))
    assert sum(raised) == 16
    assert len(await watched.told()) == 16


async def test_more_rows_than_one_transaction_takes_are_looked_at_in_several(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "ROWS", 3)
    for number in range(5):
        await watched.send(*(watched.event(f"t{number}-{row}", mcc="7995") for row in range(2)))
    assert await watched.look() == 10
    acts = await watched.connection.fetch("SELECT changes::text FROM audit_entry WHERE action = 'raise_alerts'")
    assert len(acts) == 3


async def test_declines_alone_are_looked_at_without_a_search_through_the_transactions(watched: Watched) -> None:
    await watched.send(watched.event("t1"))
    await watched.look()
    await watched.send(watched.event("d1", status="declined", mcc="7995"))
    due = await watched.connection.fetchrow("SELECT first_id, last_id FROM alert_due")
    assert due is not None
    assert (due["first_id"], due["last_id"]) == (None, None)
    async with watched.database.write(actor=build.ACTOR) as session:
        connection = await databases.raw(session)
        await examined.of_batches(connection, [examined.Due(2, None, None)])
        assert await connection.fetchval("SELECT count(*) FROM examined") == 0
        await session.rollback()
    assert await watched.look() == 1


async def test_a_row_released_from_quarantine_is_looked_at(watched: Watched) -> None:
    late = watched.event("t1", account_ref=None, card_ref="LATE", mcc="7995")
    await watched.send(watched.event("t0"), late, late | {"provider_transaction_id": "d1", "status": "declined"})
    assert await watched.look() == 0
    await build.a_card(watched.connection, watched.account_id, "LATE")
    await jobs.run(main.RELEASE_WAITING, watched.database, now=NOW)
    assert await watched.look() == 2


async def test_an_alert_that_was_closed_is_not_raised_again(watched: Watched) -> None:
    await watched.send(watched.event("t1", amount_pence=100, occurred_at=at("2026-11-10")))
    await tell_overdrawn_days(watched)
    assert await watched.look_of_the_day() == 1
    await watched.connection.execute(
        "UPDATE alert SET status = 'closed', closed_at = now(), closed_by = 'F1', close_reason = 'paid in'"
    )
    assert await watched.look_of_the_day() == 0


async def test_a_policy_holds_for_what_is_booked_from_its_day_on(watched: Watched) -> None:
    await watched.set_policy("queried_merchant", on="2026-11-10", least_pence=1, mccs=["5411"], with_declined=False)
    await watched.set_policy("queried_merchant", on="2026-11-15", is_active=False, least_pence=1, mccs=["5411"],
                             with_declined=False)  # fmt: skip
    for number, (day, mcc) in enumerate(
        [("2026-11-09", "7995"), ("2026-11-09", "5411"), ("2026-11-10", "7995"), ("2026-11-10", "5411"),
         ("2026-11-15", "5411"), ("2026-11-15", "7995")]
    ):  # fmt: skip
        await watched.send(watched.event(f"t{number}", occurred_at=at(day), mcc=mcc))
    assert await watched.look() == 2
    assert [(alert["concerns_on"].day, alert["facts"]["mcc"]) for alert in await watched.told()] == [
        (9, "7995"),
        (10, "5411"),
    ]
    policies = await watched.connection.fetch(
        "SELECT effective_from FROM alert JOIN alert_policy ON alert_policy.id = policy_id ORDER BY key"
    )
    assert [row["effective_from"] for row in policies] == [date(2015, 4, 1), date(2026, 11, 10)]


async def test_the_jobs_raise_alerts_by_themselves(watched: Watched) -> None:
    await tell_overdrawn_days(watched)
    await watched.send(watched.event("t1", mcc="7995", occurred_at=at("2026-11-10")))
    await jobs.run(main.RAISE_ALERTS, watched.database, now=NOW)
    assert await jobs.run(main.RAISE_DAILY_ALERTS, watched.database, now=NOW)
    assert not await jobs.run(main.RAISE_DAILY_ALERTS, watched.database, now=NOW)
    assert await watched.kinds() == ["negative_balance", "queried_merchant"]
    assert NOW.date() == TODAY


async def test_what_was_raised_is_in_the_trail_with_a_digest(watched: Watched) -> None:
    await watched.send(watched.event("t1", mcc="7995"))
    await watched.look()
    (entry,) = await watched.connection.fetch("SELECT * FROM audit_entry WHERE action = 'raise_alerts'")
    assert len(entry["digest"]) == 32
    assert '"alerts": {"after": 1' in entry["changes"].replace("'", '"')
