"""The simulated provider against a real server, by both of its doors; and that a penny lost would be seen."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest

from services.provider_kit import judging, plan, simulation
from services.provider_kit.council import Council, Tokens
from services.provider_kit.judging import Check
from services.provider_kit.simulation import Outcome, Wanted
from services.shared import calling
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from tests.databases import superuser
from tests.journeys import people
from tests.journeys.conftest import County

SMALL: Final = Wanted(rate=8, seconds=3, accounts=1, seed=5)


def ignored(_step: str, _done: int, _total: int) -> None:
    """Tell nobody how far it is."""


@pytest.fixture
async def council(county_with_jobs: County) -> AsyncIterator[Council]:
    county = county_with_jobs
    county.as_(Role.ADMINISTRATOR).put(f"/v1/teams/{people.TEAM}", {"name": "North team"})
    people.household(county, weekly_gross_pence=20_000)
    staff = {role: county.sign(role) for role in (Role.ADMINISTRATOR, Role.FINANCE_OFFICER)}
    sender = county.sign(Role.FEED, provider=simulation.PROVIDER)
    async with calling.connected(county.address, at_once=8) as caller:
        yield Council(caller, Tokens(staff, [sender]), simulation.PROVIDER)


def wrong(outcome: Outcome) -> list[Check]:
    return [check for check in outcome.checks if not check.is_right]


async def test_a_provider_that_pushes_finds_the_books_right_and_a_lost_penny_wrong(
    council: Council, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[plan.Plan] = []
    whole = plan.make

    def kept(*arguments: object, **named: object) -> plan.Plan:
        made.append(whole(*arguments, **named))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(plan, "make", kept)
    outcome = await simulation.push(council, SMALL, now=datetime.now(UTC), report=ignored)
    assert wrong(outcome) == []
    assert outcome.figures["deliveries"] == 24
    async with superuser(settings) as connection:
        await connection.execute("UPDATE account_balance SET posted_pence = posted_pence - 1")
    checks = await judging.settled(
        council, plan.books(made[0]), is_ours=lambda _: True, is_older=lambda _: False, seconds=0
    )
    assert [check.what for check in checks if not check.is_right] == ["accounts right to the penny: posted pence"]


async def test_a_provider_that_is_asked_finds_the_books_right(council: Council) -> None:
    outcome = await simulation.serve(council, SMALL, port=0, now=datetime.now(UTC), report=ignored)
    assert wrong(outcome) == []
    assert outcome.figures["pages"] > 1
