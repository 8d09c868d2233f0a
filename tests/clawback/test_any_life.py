"""Whatever becomes of agreements and whenever runs are made: every list and every case answers, in every role."""

import httpx
import pytest
from hypothesis import given

from services.clawback.cases import schemas
from services.shared import driver, paging
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.clawback.conftest import TODAY, ClientOf, Run
from tests.clawback.lives import Life, Told, lives, profile, undone

CASES = "/v1/clawback/cases"
RUNS = "/v1/clawback/runs"
READERS = (Role.CARE_MANAGER, Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR)
LISTS = (
    {},
    {"still_over": "true"},
    {"still_over": "false"},
    *({"sort": sort, "order": order} for sort in ("excess", "weeks_of_cover", "age") for order in ("asc", "desc")),
    {"reading": "surplus_all_cycle"},
    {"reading": "over_only_since_load"},
)


async def every_case(client: httpx.AsyncClient, **asked: str) -> list[schemas.CaseSummary]:
    """Return the whole list, page by page, having required that each page is as the documents say."""
    items: list[schemas.CaseSummary] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(CASES, params={**asked, "limit": "2", **cursor})
        assert answer.status_code == 200, answer.text
        page = paging.Paged[schemas.CaseSummary].model_validate_json(answer.content)
        items += page.items
        if page.next_cursor is None:
            return items
        cursor = {"cursor": page.next_cursor}


@profile
@given(lives())
async def test_every_list_and_every_case_of_any_life_is_read_in_every_role_that_may(
    planted: driver.Connection, run: Run, client_of: ClientOf, life: Life
) -> None:
    async with undone(planted):
        told = Told(planted, life)
        await told.begin()
        for day in life.days:
            await told.work(day, run)
        stored = await planted.fetchval("SELECT count(*) FROM clawback_case")
        for role in READERS:
            client = client_of(role, teams=["north", "south"])
            whole = await every_case(client)
            assert len(whole) == stored
            for asked in LISTS if role is Role.AUDITOR else ():
                assert {item.id for item in await every_case(client, **asked)} <= {item.id for item in whole}
            for item in whole:
                answer = await client.get(f"{CASES}/{item.id}")
                assert answer.status_code == 200, answer.text
                case = schemas.Case.model_validate_json(answer.content)
                assert (case.is_still_over, case.version) == (item.is_still_over, item.version)
            for path in (RUNS, *(f"{RUNS}/{result.run_id}" for result in told.runs)):
                assert (await client.get(path)).status_code == 200
        over, not_over = [
            {item.id for item in await every_case(client_of(Role.AUDITOR), still_over=wanted)}
            for wanted in ("true", "false")
        ]
        assert (len(over | not_over), over & not_over) == (stored, set())


@pytest.mark.parametrize("days_before_the_run", [0, 1, 30])
async def test_an_agreement_whose_ending_before_the_first_run_is_told_later_leaves_the_queue_readable(
    planted: driver.Connection, run: Run, client_of: ClientOf, days_before_the_run: int
) -> None:
    agreement_id = await builders.money_held(planted, 200_000, on=builders.STARTED_ON)
    await run()
    await planted.execute(
        """UPDATE agreement SET status = 'ended', end_reason = 'moved away', ended_on = $2::date - $3::integer
           WHERE id = $1""",
        agreement_id,
        TODAY,
        days_before_the_run,
    )
    auditor = client_of(Role.AUDITOR)
    answer = await auditor.get(CASES)
    assert answer.status_code == 200
    (item,) = answer.json()["items"]
    assert item["is_still_over"] is True
    case = await auditor.get(f"{CASES}/{item['id']}")
    assert (case.status_code, case.json()["is_still_over"]) == (200, True)
    for wanted, number in (("true", 1), ("false", 0)):
        listed = await auditor.get(CASES, params={"still_over": wanted})
        assert len(listed.json()["items"]) == number
