"""Bugs planted in a run on purpose: the truth that cases are held to must catch each of them."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.clawback.grounds.ground import Ground
from services.clawback.runs import survey, writing
from services.shared import driver
from services.shared.identity.roles import Role
from tests.clawback.conftest import ClientOf, Run
from tests.clawback.lives import FIRST_DAY, Event, Life, Working
from tests.clawback.test_truth import live


@dataclass(frozen=True)
class Plant:
    """What a bug makes of the SQL: of the survey, or of a statement of `writing` by its name."""

    right: str
    wrong: str
    statement: str | None = None


PLANTS = {
    "a held amount is dropped": Plant("coalesce(balance.held_pence, 0)", "0"),
    "holds of past days are dropped": Plant("coalesce(held_then.pence, 0)", "0"),
    "holds do not lower the past days of the cycle": Plant("-set_aside.pence", "0"),
    "a hold that has ended never stood": Plant("hold.settled_at >=", "false AND hold.settled_at >="),
    "a part released counts from the first day": Plant(
        "greatest(hold.placed_on, (released.released_at AT TIME ZONE 'Europe/London')::date)", "hold.placed_on"
    ),
    "suspended agreements are skipped": Plant("status <> 'draft'", "status NOT IN ('draft', 'suspended')"),
    "an agreement is tested on the day on which it ended": Plant("agreement.ended_on > $1", "agreement.ended_on >= $1"),
    "closed accounts do not count": Plant(
        "account_balance balance ON balance.account_id = account.id",
        "account_balance balance ON balance.account_id = account.id AND account.closed_on IS NULL",
    ),
    "money booked ahead counts": Plant("- coalesce(later.pence, 0)", ""),
    "the last load is the largest": Plant("ORDER BY latest.booked_on DESC", "ORDER BY pence DESC"),
    "the last day stands still": Plant(
        "SET last_flagged_on = $1", "SET last_flagged_on = clawback_case.last_flagged_on", "_REFRESH"
    ),
    "what is not over any more stays over": Plant(
        "SET not_over_on = greatest(clawback_case.not_over_on, $1)", "SET not_over_on = NULL", "_MARK_NOT_OVER"
    ),
    "what is over again stays not over": Plant("not_over_on > $1 THEN", "not_over_on <= $1 THEN", "_REFRESH"),
    "the excess stands still": Plant(
        "excess_pence = flagged.counted_pence - flagged.threshold_pence",
        "excess_pence = clawback_case.excess_pence",
        "_REFRESH",
    ),
}


def event(kind: str, *, at: int, pence: int = 0, lasts: int = 0, account: int = 0, agreement: int = 0) -> Event:
    return Event(kind, agreement, FIRST_DAY + timedelta(days=at), pence, lasts, account)


def working(made: int, *events: Event, of: int | None = None) -> Working:
    return Working(FIRST_DAY + timedelta(days=made), events, FIRST_DAY + timedelta(days=made if of is None else of))


LIFE = Life(
    accounts=(2, 1),
    days=(
        working(
            30,
            event("load", at=2, pence=90_000), event("load", at=9, pence=1_500), event("hold", at=20, pence=4_000),
            event("hold expired", at=12, pence=41_000, lasts=9, agreement=1),
            event("part released", at=23, pence=4_000, lasts=4),
            event("load", at=3, pence=90_000, agreement=1), event("suspend", at=20, agreement=1),
            event("load", at=10, pence=1_000, account=1), event("close", at=28, account=1),
            of=29,
        ),
        working(31, event("load", at=31, pence=40_000), event("booked ahead", at=31, pence=41_000)),
        working(31, of=21),
        working(33, event("spend", at=33, pence=90_000), event("spend", at=33, pence=90_000)),
        working(34, event("load", at=34, pence=90_000)),
        working(36, event("end", at=36, agreement=1)),
        working(36, event("end", at=30, agreement=1), of=35),
        working(37, event("hold released", at=30, pence=40_000, lasts=2), event("spend", at=37, pence=1)),
    ),
)  # fmt: skip
"""A life in which each of the planted bugs would tell an untruth."""


def plant(patch: pytest.MonkeyPatch, bug: Plant) -> None:
    if bug.statement is not None:
        text: str = getattr(writing, bug.statement)
        assert bug.right in text
        patch.setattr(writing, bug.statement, text.replace(bug.right, bug.wrong))
        return
    rightly = survey._statement

    def wrongly(grounds: tuple[Ground, ...]) -> str:
        assert bug.right in rightly(grounds)
        return rightly(grounds).replace(bug.right, bug.wrong)

    patch.setattr(survey, "_statement", wrongly)


async def test_without_a_bug_every_word_is_true(planted: driver.Connection, run: Run, client_of: ClientOf) -> None:
    await live(planted, run, client_of(Role.AUDITOR), LIFE)


@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_bug_is_caught_by_the_truth_of_cases(
    planted: driver.Connection, run: Run, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    plant(monkeypatch, PLANTS[name])
    with pytest.raises(AssertionError):
        await live(planted, run, client_of(Role.AUDITOR), LIFE)


async def test_a_run_of_a_past_day_that_moves_a_case_back_is_caught_by_the_truth_of_cases(
    planted: driver.Connection, run: Run, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bug in (
        Plant("judged.last_flagged_on < $1", "judged.last_flagged_on <> $1"),
        Plant("open_case.last_flagged_on <= $1::date", "$1::date IS NOT NULL", "_REFRESH"),
    ):
        plant(monkeypatch, bug)
    with pytest.raises(AssertionError):
        await live(planted, run, client_of(Role.AUDITOR), LIFE)
