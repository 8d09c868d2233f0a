"""A case tells no untruth: each figure and word of it follows from the raw rows, worked out apart from the code."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from pydantic import TypeAdapter

from services.shared import driver
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.clawback import recomputed
from tests.clawback.conftest import TODAY, ClientOf, Run
from tests.clawback.lives import Life, Told, lives, profile, undone
from tests.clawback.recomputed import Known, Rows

CASES = "/v1/clawback/cases"
JSON = TypeAdapter[Any](Any)
OF_A_PAST_ONE = (
    "run_id", "as_of", "threshold_pence", "counted_pence", "excess_pence", "weeks_of_cover_hundredths",
    "low_point_pence", "reading",
)  # fmt: skip


def as_json(figures: Mapping[str, Any]) -> Any:
    """Return figures as an answer writes them."""
    return JSON.dump_python(dict(figures), mode="json")


async def shown(client: httpx.AsyncClient, agreement_id: UUID) -> tuple[Any, Any] | None:
    """Return the agreement's case as the queue and as its own page show it."""
    items = [item for item in (await client.get(CASES)).json()["items"] if item["agreement_id"] == str(agreement_id)]
    assert len(items) <= 1
    return (items[0], (await client.get(f"{CASES}/{items[0]['id']}")).json()) if items else None


def require_truth(item: Any, page: Any, known: Known, rows: Rows, *, today: date) -> None:
    """Require that everything that is shown of a case is what the raw rows come to."""
    figures = known.history[0]
    person = {"recipient_id": rows.agreement["recipient_id"], "team_code": rows.agreement["team_code"]}
    of_case = {
        **person,
        "agreement_id": rows.agreement["id"],
        "ground": "surplus",
        "status": "awaiting_support_check",
        "opened_on": known.opened_on,
        "age_days": (today - known.opened_on).days,
        "last_flagged_on": known.last_flagged_on,
        "is_still_over": known.is_still_over,
        "recipient_has_died": rows.agreement["died_on"] is not None,
        "version": known.version,
    }
    loaded_on = figures["last_load_on"]
    assert item == {
        "id": page["id"],
        **as_json(of_case),
        **{name: figures[name] for name in ("excess_pence", "weeks_of_cover_hundredths", "reading")},
        "low_point_excess_pence": figures["low_point_excess_pence"],
        "days_since_load": None if loaded_on is None else (known.last_flagged_on - loaded_on).days,
    }
    told = dict(page)
    calculation, history = told.pop("calculation"), told.pop("history")
    assert told == {
        "id": item["id"], **as_json(of_case), "opened_by_run_id": str(known.opened_by), "withdrawal_reason": None,
    }  # fmt: skip
    assert calculation.pop("id") == history[0]["id"]
    assert calculation.pop("in_words") == recomputed.words(figures, has_died=of_case["recipient_has_died"])
    assert calculation == as_json(figures)
    for past, expected in zip(history, known.history, strict=True):
        assert past["weekly_gross_pence"] == expected["budget"]["weekly_gross_pence"]
        assert {name: past[name] for name in OF_A_PAST_ONE} == as_json({name: expected[name] for name in OF_A_PAST_ONE})


async def live(planted: driver.Connection, run: Run, auditor: httpx.AsyncClient, life: Life) -> None:
    """Let a life come to pass, and require the truth of every case after every run."""
    told = Told(planted, life)
    await told.begin()
    known: dict[UUID, Known | None] = {}
    for day in life.days:
        earlier = [result.as_of for result in told.runs]
        result = await told.work(day, run)
        for agreement_id in told.agreements:
            rows = await recomputed.rows_of(planted, agreement_id)
            case = recomputed.follow(
                known.get(agreement_id),
                rows,
                run_id=result.run_id,
                as_of=day.as_of,
                made_on=day.made_on,
                earlier_runs=earlier,
            )
            known[agreement_id] = case
            found = await shown(auditor, agreement_id)
            assert (found is None) is (case is None)
            if found is not None and case is not None:
                require_truth(*found, case, rows, today=TODAY)


@profile
@given(lives())
async def test_every_word_of_every_case_follows_from_the_raw_rows_after_every_run(
    planted: driver.Connection, run: Run, client_of: ClientOf, life: Life
) -> None:
    async with undone(planted):
        await live(planted, run, client_of(Role.AUDITOR), life)


async def told_of(planted: driver.Connection, run: Run, *, hold_ends: str | None) -> dict[str, Any]:
    """Return the calculation of an account with a load, a hold of 15.00 that ended as named, and a load since."""
    agreement_id = await builders.an_agreement(planted, weekly_gross_pence=10_000)
    account_id = await builders.an_account(planted, agreement_id)
    day = {name: TODAY - timedelta(days=back) for name, back in (("first", 39), ("held", 27), ("ended", 5))}
    await builders.a_transaction(planted, account_id, 41_000, booked_on=day["first"])
    hold_id = await builders.a_hold(planted, account_id, 1_500, authorised_on=day["held"])
    if hold_ends is not None:
        await builders.an_end_of_hold(planted, hold_id, status=hold_ends, ended_on=day["ended"])
    if hold_ends == "posted":
        await builders.a_transaction(
            planted, account_id, -1_500, booked_on=day["ended"], type="purchase_pos", settles=hold_id
        )
    await builders.a_transaction(planted, account_id, 1_000, booked_on=TODAY)
    await builders.a_transaction(planted, account_id, 1_000, booked_on=TODAY)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    return dict(case)


@pytest.mark.parametrize("hold_ends", [None, "posted", "reversed", "expired"])
async def test_a_hold_counts_on_every_past_day_on_which_it_stood_however_it_ended(
    planted: driver.Connection, run: Run, client_of: ClientOf, hold_ends: str | None
) -> None:
    case = await told_of(planted, run, hold_ends=hold_ends)
    assert case["low_point_pence"] == 39_500
    (item,) = (await client_of(Role.AUDITOR).get(CASES)).json()["items"]
    assert item["reading"] == "over_only_since_load"


async def test_the_part_of_a_hold_that_was_released_counts_until_its_day(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.an_agreement(planted, weekly_gross_pence=10_000)
    account_id = await builders.an_account(planted, agreement_id)
    await builders.a_transaction(planted, account_id, 50_000, booked_on=TODAY - timedelta(days=50))
    hold_id = await builders.a_hold(planted, account_id, 20_000, authorised_on=TODAY - timedelta(days=9))
    await builders.a_release(planted, hold_id, 15_000, released_on=TODAY - timedelta(days=3))
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    assert (case["held_pence"], case["low_point_pence"]) == (5_000, 30_000)
    assert case["low_point_on"] == TODAY - timedelta(days=4)


async def test_a_run_of_a_past_day_moves_nothing_that_is_current_back(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await builders.money_held(planted, 150_000, on=TODAY - timedelta(days=40))
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    await builders.a_transaction(planted, account_id, -20_000, booked_on=TODAY - timedelta(days=2), type="purchase_pos")
    await run()
    auditor = client_of(Role.AUDITOR)
    before = await shown(auditor, agreement_id)
    for back in (1, 2, 3, 30):
        assert (await run(TODAY - timedelta(days=back))).flagged == 1
        assert await shown(auditor, agreement_id) == before


async def test_the_later_of_two_runs_of_one_day_says_whether_a_case_is_still_over(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await builders.money_held(planted, 100_000, on=TODAY - timedelta(days=40))
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    auditor = client_of(Role.AUDITOR)
    states = []
    hold_id = None
    for step in ("flag", "set aside", "release"):
        if step == "set aside":
            hold_id = await builders.a_hold(planted, account_id, 50_000, authorised_on=TODAY)
        if step == "release" and hold_id is not None:
            await builders.an_end_of_hold(planted, hold_id, status="reversed", ended_on=TODAY)
        await run()
        found = await shown(auditor, agreement_id)
        assert found is not None
        states.append((found[0]["is_still_over"], found[1]["is_still_over"]))
    assert states == [(True, True), (False, False), (True, True)]


async def test_an_agreement_that_is_not_tested_any_more_stays_as_its_last_test_left_it(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    agreement_id = await builders.money_held(planted, 150_000, on=TODAY - timedelta(days=40))
    await run(TODAY - timedelta(days=1))
    await planted.execute("UPDATE agreement SET payment_schedule = 'one_off' WHERE id = $1", agreement_id)
    await run()
    found = await shown(client_of(Role.AUDITOR), agreement_id)
    assert found is not None
    assert (found[0]["is_still_over"], found[1]["is_still_over"]) == (True, True)
