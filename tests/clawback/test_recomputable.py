"""Every stored calculation follows from the stored rows, and the statement finds what the pure rule finds."""

import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.clawback.cases import rules as calculation
from services.clawback.cases.rules import CYCLE_DAYS
from services.clawback.grounds import surplus
from services.clawback.grounds.position import Position
from services.shared import driver
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, Run

LAST_OF_CYCLE = CYCLE_DAYS - 1


async def a_county(planted: driver.Connection, *, seed: int, agreements: int) -> None:
    """Plant agreements around their thresholds: one to three accounts, loads, spending, holds, budgets over time."""
    chance = random.Random(seed)
    for _ in range(agreements):
        gross = chance.choice([0, 7_500, 24_343, 31_001])
        status = chance.choice(["active", "active", "suspended"])
        agreement_id = await builders.an_agreement(planted, weekly_gross_pence=gross, status=status)
        if chance.random() < 0.3:
            await builders.a_budget(
                planted, agreement_id, weekly_gross_pence=gross + 900, effective_from=TODAY - timedelta(days=12)
            )
        accounts = [await builders.an_account(planted, agreement_id) for _ in range(chance.randint(1, 3))]
        left = 4 * gross + chance.choice([-300, -1, 0, 1, 300, 9_000])
        for days in sorted(chance.sample(range(60), 5), reverse=True):
            booked_on, account_id = TODAY - timedelta(days=days), chance.choice(accounts)
            pence = chance.randint(-9_000, 9_000) or 1
            left -= pence
            kind = "load" if pence > 0 else "bacs_out"
            await builders.a_transaction(planted, account_id, pence, booked_on=booked_on, type=kind)
        if left:
            kind = "load" if left > 0 else "bacs_out"
            await builders.a_transaction(
                planted, accounts[0], left, booked_on=TODAY - timedelta(days=chance.randint(0, 40)), type=kind
            )
        if chance.random() < 0.4:
            await builders.a_hold(planted, accounts[-1], chance.choice([1, 299, 300, 4_000]), authorised_on=TODAY)


async def gross_on(planted: driver.Connection, agreement_id: UUID, day: date) -> Any:
    """Return the budget row in force, found in plain Python."""
    rows = await planted.fetch("SELECT * FROM budget WHERE agreement_id = $1", agreement_id)
    in_force = [row for row in rows if row["effective_from"] <= day]
    return max(in_force, key=lambda row: (row["effective_from"], row["revision"]))


async def test_the_statement_flags_exactly_what_the_rule_finds(planted: driver.Connection, run: Run) -> None:
    await a_county(planted, seed=7, agreements=60)
    result = await run()
    found, excess = set(), 0
    for row in await planted.fetch("SELECT id FROM agreement"):
        sums = await planted.fetchrow(
            """SELECT (SELECT coalesce(sum(t.amount_pence), 0)::bigint FROM card_transaction t
                       JOIN account a ON a.id = t.account_id WHERE a.agreement_id = $1) AS posted,
                      (SELECT coalesce(sum(h.amount_pence), 0)::bigint FROM card_hold h
                       JOIN account a ON a.id = h.account_id WHERE a.agreement_id = $1) AS held""",
            row["id"],
        )
        assert sums is not None
        budget = await gross_on(planted, row["id"], TODAY)
        position = Position(
            weekly_gross_pence=budget["weekly_gross_pence"], posted_pence=sums["posted"], held_pence=sums["held"]
        )
        if surplus.surplus(position, 4):
            found.add(row["id"])
            excess += surplus.excess_pence(position, 4)
    cases = {row["agreement_id"] for row in await planted.fetch("SELECT agreement_id FROM clawback_case")}
    assert cases == found
    assert 10 < len(found) < 50
    assert (result.flagged, result.new_cases, result.excess_pence) == (len(found), len(found), excess)


async def test_every_stored_calculation_is_worked_out_again_to_the_penny(planted: driver.Connection, run: Run) -> None:
    await a_county(planted, seed=11, agreements=40)
    await run(TODAY - timedelta(days=5), now=NOW - timedelta(days=5))
    await run()
    rows = await planted.fetch(
        "SELECT figures.*, owner.agreement_id FROM clawback_calculation figures JOIN clawback_case owner"
        " ON owner.id = figures.case_id"
    )
    assert len({row["as_of"] for row in rows}) == 2
    for row in rows:
        await recompute(planted, row)


async def recompute(planted: driver.Connection, stored: Any) -> None:
    """Work one snapshot out again from transactions, holds, budgets and policy, and compare every figure."""
    as_of, agreement_id = stored["as_of"], stored["agreement_id"]
    moved = await planted.fetch(
        """SELECT t.* FROM card_transaction t JOIN account a ON a.id = t.account_id
           WHERE a.agreement_id = $1 AND t.booked_on <= $2""",
        agreement_id,
        as_of,
    )
    budget = await gross_on(planted, agreement_id, as_of)
    weeks = await planted.fetchval(
        "SELECT threshold_weeks FROM clawback_policy WHERE version = $1", stored["policy_version"]
    )
    lines = await planted.fetch("SELECT * FROM clawback_calculation_line WHERE calculation_id = $1", stored["id"])
    posted = sum(row["amount_pence"] for row in moved)
    held = sum(line["held_pence"] for line in lines)
    assert (stored["budget_id"], stored["weekly_gross_pence"]) == (budget["id"], budget["weekly_gross_pence"])
    assert (stored["posted_pence"], stored["held_pence"], stored["transactions"]) == (posted, held, len(moved))
    assert stored["posted_pence"] == sum(line["posted_pence"] for line in lines)
    assert stored["transactions"] == sum(line["transactions"] for line in lines)
    assert {line["account_id"] for line in lines} == set(await builders.accounts_of(planted, agreement_id))
    position = Position(weekly_gross_pence=budget["weekly_gross_pence"], posted_pence=posted, held_pence=held)
    assert stored["counted_pence"] == position.counted_pence
    assert stored["threshold_pence"] == weeks * budget["weekly_gross_pence"]
    assert stored["excess_pence"] == surplus.excess_pence(position, weeks) > 0
    ends = [as_of - timedelta(days=back) for back in range(1, LAST_OF_CYCLE + 1)]
    points = [(sum(row["amount_pence"] for row in moved if row["booked_on"] <= end), end) for end in ends]
    lowest = min([*points, (position.counted_pence, as_of)], key=lambda point: (point[0], -point[1].toordinal()))
    assert (stored["low_point_pence"], stored["low_point_on"]) == lowest
    loads = [row for row in moved if row["type"] == "load"]
    loaded_on = max((row["booked_on"] for row in loads), default=None)
    loaded = sum(row["amount_pence"] for row in loads if row["booked_on"] == loaded_on) if loads else None
    assert (stored["last_load_on"], stored["last_load_pence"]) == (loaded_on, loaded)


async def test_the_weeks_of_cover_in_the_queue_are_those_of_the_pure_function(
    planted: driver.Connection, run: Run
) -> None:
    await a_county(planted, seed=13, agreements=40)
    await run()
    rows = await planted.fetch(
        """SELECT owner.weeks_of_cover_hundredths AS stored, owner.excess_pence AS excess, figures.*
           FROM clawback_case owner JOIN clawback_calculation figures ON figures.id = owner.calculation_id"""
    )
    assert len(rows) > 5
    for row in rows:
        counted, gross = row["counted_pence"], row["weekly_gross_pence"]
        assert row["stored"] == calculation.weeks_of_cover_hundredths(counted, gross)
        assert row["excess"] == row["excess_pence"]


async def test_every_reference_without_a_foreign_key_stands(planted: driver.Connection, run: Run) -> None:
    await a_county(planted, seed=17, agreements=30)
    await run()
    missing = await planted.fetchval(
        """SELECT count(*) FROM clawback_calculation_line line
           FULL JOIN clawback_calculation figures ON figures.id = line.calculation_id
           LEFT JOIN clawback_run ON clawback_run.id = figures.run_id
           LEFT JOIN budget ON budget.id = figures.budget_id
           LEFT JOIN clawback_policy policy ON policy.version = figures.policy_version
           LEFT JOIN account ON account.id = line.account_id
           LEFT JOIN clawback_case owner ON owner.calculation_id = figures.id
           WHERE num_nulls(line.account_id, clawback_run.id, budget.id, policy.version, account.id, owner.id) > 0"""
    )
    assert await planted.fetchval("SELECT count(*) FROM clawback_calculation") > 5
    assert missing == 0
