"""The tuple of grounds drives a run: each ground finds, opens and moves on cases of its own."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.clawback.grounds.ground import Ground
from services.clawback.grounds.position import Position
from services.clawback.grounds.register import GROUNDS
from services.clawback.runs import operations
from services.shared import driver
from services.shared.law import sources
from services.shared.law.findings import Finding
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, Run

FOUR_WEEKS = 97_372
LARGE = 100_000
LONG_AGO = TODAY - timedelta(days=90)


def a_large_sum(position: Position, threshold_weeks: int) -> Finding | None:
    over = position.counted_pence - threshold_weeks * position.weekly_gross_pence
    return Finding("large", "much over", sources.PLAN_S8) if over > LARGE else None


def never(position: Position, threshold_weeks: int) -> Finding | None:
    return None


SECOND = Ground(code="large", condition=f"counted_pence - threshold_pence > {LARGE}", find=a_large_sum)
BOTH = (*GROUNDS, SECOND)


@pytest.fixture(autouse=True)
async def any_ground(planted: driver.Connection) -> None:
    """Let the table take a ground that the council does not know yet."""
    await planted.execute("ALTER TABLE clawback_case DROP CONSTRAINT ck_clawback_case_case_ground")


async def cases(planted: driver.Connection, agreement_id: UUID) -> dict[str, dict[str, Any]]:
    rows = await planted.fetch(
        "SELECT * FROM clawback_case WHERE agreement_id = $1 AND closed_on IS NULL", agreement_id
    )
    assert len({row["ground"] for row in rows}) == len(rows)
    return {row["ground"]: dict(row) for row in rows}


async def test_a_second_ground_opens_its_own_cases_beside_those_of_the_first(
    planted: driver.Connection, run: Run
) -> None:
    little = await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    much = await builders.money_held(planted, FOUR_WEEKS + LARGE + 1, on=LONG_AGO)
    result = await run(grounds=BOTH)
    assert (result.flagged, result.new_cases, result.calculations, result.excess_pence) == (2, 3, 3, LARGE + 6)
    assert set(await cases(planted, little)) == {"surplus"}
    assert set(await cases(planted, much)) == {"surplus", "large"}
    owners = await planted.fetch(
        """SELECT ground FROM clawback_case owner
           JOIN clawback_calculation figures ON figures.id = owner.calculation_id AND figures.case_id = owner.id"""
    )
    assert sorted(row["ground"] for row in owners) == ["large", "surplus", "surplus"]


async def test_each_grounds_case_is_moved_on_and_left_by_its_own_finding(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + LARGE + 1, on=LONG_AGO)
    await run(grounds=BOTH)
    (account_id,) = await builders.accounts_of(planted, agreement_id)
    tomorrow = TODAY + timedelta(days=1)
    await builders.a_transaction(planted, account_id, -500, booked_on=tomorrow, type="purchase_pos")
    result = await run(tomorrow, now=NOW + timedelta(days=1), grounds=BOTH)
    assert (result.flagged, result.new_cases, result.calculations) == (1, 0, 1)
    found = await cases(planted, agreement_id)
    assert (found["surplus"]["last_flagged_on"], found["surplus"]["not_over_on"]) == (tomorrow, None)
    assert (found["large"]["last_flagged_on"], found["large"]["not_over_on"]) == (TODAY, tomorrow)
    assert (found["surplus"]["version"], found["large"]["version"]) == (2, 1)


async def test_a_case_closed_on_one_ground_leaves_the_other_open(planted: driver.Connection, run: Run) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + LARGE + 1, on=LONG_AGO)
    await run(grounds=BOTH)
    await planted.execute(
        """UPDATE clawback_case SET status = 'withdrawn', withdrawal_reason = 'an error', closed_on = $1
           WHERE ground = 'large'""",
        TODAY,
    )
    assert (await run(grounds=BOTH)).new_cases == 0
    tomorrow = TODAY + timedelta(days=1)
    assert (await run(tomorrow, now=NOW + timedelta(days=1), grounds=BOTH)).new_cases == 1
    assert set(await cases(planted, agreement_id)) == {"surplus", "large"}


async def test_a_run_without_a_ground_of_an_open_case_leaves_that_case_alone(
    planted: driver.Connection, run: Run
) -> None:
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + LARGE + 1, on=LONG_AGO)
    await run(grounds=BOTH)
    before = (await cases(planted, agreement_id))["large"]
    await run(TODAY + timedelta(days=1), now=NOW + timedelta(days=1))
    after = await cases(planted, agreement_id)
    assert after["large"] == before
    assert after["surplus"]["last_flagged_on"] == TODAY + timedelta(days=1)


@pytest.mark.parametrize("place", [0, 1])
async def test_nothing_is_kept_of_a_run_whose_rule_contradicts_its_sql_and_the_ground_is_named(
    planted: driver.Connection, run: Run, place: int
) -> None:
    await builders.money_held(planted, FOUR_WEEKS + LARGE + 1, on=LONG_AGO)
    contradicted = list(BOTH)
    contradicted[place] = Ground(code=BOTH[place].code, condition=BOTH[place].condition, find=never)
    with pytest.raises(operations.RuleContradictedError, match=f"the rule of {BOTH[place].code} "):
        await run(grounds=tuple(contradicted))
    for table in ("run", "case", "calculation", "calculation_line"):
        assert await planted.fetchval(f"SELECT count(*) FROM clawback_{table}") == 0
