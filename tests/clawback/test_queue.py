from datetime import timedelta

import pytest

from services.shared import driver
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, ClientOf, Run

FOUR_WEEKS = 97_372
CASES = "/v1/clawback/cases"

# Name, weekly gross, excess, day of the load counted back from the day of the run, day of the run counted back.
PLANTED = (
    ("old and small", 24_343, 100, 90, 30),
    ("large", 24_343, 500_000, 90, 2),
    ("large beside little", 1_000, 40_000, 90, 1),
    ("loaded yesterday", 24_343, 100, 1, 0),
    ("nothing due", 0, 700, 90, 0),
)


@pytest.fixture
async def names(planted: driver.Connection, run: Run) -> dict[str, str]:
    """Cases of every sort, their names by agreement."""
    named = {}
    for name, gross, excess, loaded, opened in PLANTED:
        opened_on = TODAY - timedelta(days=opened)
        agreement_id = await builders.money_held(
            planted, 4 * gross + excess, on=opened_on - timedelta(days=loaded), weekly_gross_pence=gross
        )
        await run(opened_on, now=NOW - timedelta(days=opened))
        named[str(agreement_id)] = name
    return named


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["large", "large beside little", "nothing due", "100", "100"]),
        ({"order": "asc"}, ["100", "100", "nothing due", "large beside little", "large"]),
        ({"sort": "weeks_of_cover"}, ["nothing due", "large beside little", "large", "100", "100"]),
        ({"sort": "age"}, ["old and small", "large", "large beside little", "today", "today"]),
        ({"sort": "age", "order": "asc"}, ["today", "today", "large beside little", "large", "old and small"]),
    ],
)
async def test_the_queue_is_read_in_its_order_page_by_page(
    names: dict[str, str], client_of: ClientOf, asked: dict[str, str], expected: list[str]
) -> None:
    auditor, shown, cursor = client_of(Role.AUDITOR), [], None
    while True:
        params = {**asked, "limit": "2", **({} if cursor is None else {"cursor": cursor})}
        page = (await auditor.get(CASES, params=params)).json()
        shown += [names[item["agreement_id"]] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(set(shown)) == len(PLANTED)
    equal = {"100": {"old and small", "loaded yesterday"}, "today": {"loaded yesterday", "nothing due"}}
    assert all(name in equal.get(wanted, {wanted}) for name, wanted in zip(shown, expected, strict=True))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"reading": "over_only_since_load"}, {"loaded yesterday"}),
        ({"min_excess_pence": "40000"}, {"large", "large beside little"}),
        ({"min_excess_pence": "40001"}, {"large"}),
        ({"opened_from": "2026-11-21"}, {"large beside little", "loaded yesterday", "nothing due"}),
        ({"opened_to": "2026-11-20"}, {"old and small", "large"}),
        ({"opened_from": "2026-11-20", "opened_to": "2026-11-20"}, {"large"}),
        ({"status": "withdrawn"}, set()),
        ({"team": "south"}, set()),
        ({"ground": "surplus", "status": "awaiting_support_check", "team": "north"}, {row[0] for row in PLANTED}),
    ],
)
async def test_the_queue_is_narrowed(
    names: dict[str, str], client_of: ClientOf, asked: dict[str, str], expected: set[str]
) -> None:
    items = (await client_of(Role.AUDITOR).get(CASES, params=asked)).json()["items"]
    assert {names[item["agreement_id"]] for item in items} == expected


async def test_an_item_says_what_to_look_at_first(names: dict[str, str], client_of: ClientOf) -> None:
    items = (await client_of(Role.FINANCE_OFFICER).get(CASES)).json()["items"]
    by_name = {names[item["agreement_id"]]: item for item in items}
    fresh = by_name["loaded yesterday"]
    assert (fresh["reading"], fresh["days_since_load"], fresh["low_point_excess_pence"]) == (
        "over_only_since_load", 1, -FOUR_WEEKS,
    )  # fmt: skip
    assert (fresh["excess_pence"], fresh["weeks_of_cover_hundredths"], fresh["age_days"]) == (100, 400, 0)
    old = by_name["old and small"]
    assert (old["reading"], old["age_days"], old["opened_on"], old["last_flagged_on"]) == (
        "surplus_all_cycle", 30, "2026-10-23", "2026-11-22",
    )  # fmt: skip
    assert by_name["nothing due"]["weeks_of_cover_hundredths"] is None


async def test_a_cursor_belongs_to_one_order(names: dict[str, str], client_of: ClientOf) -> None:
    auditor = client_of(Role.AUDITOR)
    cursor = (await auditor.get(CASES, params={"limit": 1})).json()["next_cursor"]
    for asked in ({"sort": "age"}, {"order": "asc"}):
        answer = await auditor.get(CASES, params={**asked, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "broken_cursor")
    assert (await auditor.get(CASES, params={"cursor": "nonsense"})).status_code == 400
