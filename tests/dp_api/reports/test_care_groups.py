"""Care groups in the spend report: what nobody can be told by, and an attack with everything that may be asked."""

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from services.dp_api.reports import rules
from services.shared.identity.roles import Role
from services.shared.vocabulary.people import CareGroup
from tests import http
from tests.builders import accounts, clawback
from tests.databases import Databases
from tests.dp_api.conftest import Callers, callers_of

REPORT = "/v1/reports/spend"
MONTHS = (1, 2, 3, 4)
CATEGORIES = ("home_care", "leisure", "refund")
PROVIDERS = ("northbank", "southcard")
SIZES = {
    CareGroup.OLDER_PEOPLE: 40,
    CareGroup.PHYSICAL_DISABILITIES: 22,
    CareGroup.MENTAL_HEALTH: 9,
    CareGroup.LEARNING_DISABILITIES: 6,
    CareGroup.CARERS: 4,
}
"""People of a county in small: some groups are so few that one of them could be told."""

Cell = tuple[str, int, str, str]  # care group, month, category, provider
FINANCE = ("care_group", "month")
AUDIT = ("care_group", "month", "category", "provider")


@dataclass(frozen=True, slots=True)
class County:
    """What was really posted: pence of each cell, and whose they are."""

    pence: Mapping[Cell, int]
    people: Mapping[Cell, frozenset[UUID]]


@pytest.fixture
async def county(databases: Databases) -> County:
    chance = Random(11)
    pence: defaultdict[Cell, int] = defaultdict(int)
    people: defaultdict[Cell, set[UUID]] = defaultdict(set)
    count: defaultdict[Cell, int] = defaultdict(int)
    async with databases.superuser() as connection:
        for category in CATEGORIES:
            await connection.execute(
                "INSERT INTO category VALUES ($1, 'leisure', 'x') ON CONFLICT DO NOTHING", category
            )
        for group, size in SIZES.items():
            for person, month in itertools.product([uuid4() for _ in range(size)], MONTHS):
                if chance.random() < 0.35:
                    continue
                for _ in range(chance.randint(1, 2)):
                    cell = (group.value, month, chance.choice(CATEGORIES), chance.choice(PROVIDERS))
                    amount = -chance.randint(100, 90_000)
                    await accounts.a_transaction(
                        connection,
                        account_id=person,
                        booked_on=date(2026, month, chance.randint(1, 28)),
                        amount_pence=amount,
                        category=cell[2],
                        care_group=cell[0],
                        provider=cell[3],
                    )
                    pence[cell] += amount
                    count[cell] += 1
                    people[cell].add(person)
        for (group_name, month, category, provider), amount in pence.items():
            cell = (group_name, month, category, provider)
            await connection.execute(
                "INSERT INTO spend_summary VALUES ($1, $2, $3, $4, $5, $6)",
                202600 + month, category, group_name, provider, amount, count[cell],
            )  # fmt: skip
    return County(pence, {cell: frozenset(found) for cell, found in people.items()})


@pytest.fixture
async def callers_here(app: FastAPI, databases: Databases) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as stack:
        yield callers_of(app, databases.dp_api, stack)


def days(first: int, last: int) -> dict[str, str]:
    return {"from": f"2026-{first:02d}-01", "to": str(date(2026, last + 1, 1) - date.resolution)}


async def report(client: httpx.AsyncClient, **question: Any) -> dict[str, Any]:
    answer = await client.get(REPORT, params=question)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def named(row: Mapping[str, Any], dimensions: Sequence[str]) -> tuple[Any, ...]:
    return tuple(int(row[name][-2:]) if name == "month" else row[name] for name in dimensions)


async def shown_cells(client: httpx.AsyncClient, grid: Sequence[str]) -> dict[tuple[Any, ...], int | None]:
    """Return the figure of every cell of a grid that is in the report, None where it is suppressed."""
    rows = (await report(client, by=",".join(grid), **days(MONTHS[0], MONTHS[-1])))["rows"]
    return {named(row, grid): row["amount_pence"] for row in rows}


def is_determined(wanted: set[Cell], facts: Iterable[frozenset[Cell]]) -> bool:
    """Tell whether the sum of the wanted cells follows from sums that are known: exact elimination over fractions."""
    pivots: dict[Cell, dict[Cell, Fraction]] = {}

    def reduced(row: dict[Cell, Fraction]) -> dict[Cell, Fraction]:
        while lead := next((cell for cell in sorted(row) if cell in pivots), None):
            factor = row[lead]
            for cell, value in pivots[lead].items():
                row[cell] = row.get(cell, Fraction(0)) - factor * value
                if not row[cell]:
                    del row[cell]
        return row

    for fact in facts:
        left = reduced({cell: Fraction(1) for cell in fact})
        if left:
            lead = min(left)
            pivots[lead] = {cell: value / left[lead] for cell, value in left.items()}
    return not reduced({cell: Fraction(1) for cell in wanted})


@pytest.mark.parametrize(("role", "grid"), [(Role.FINANCE_OFFICER, FINANCE), (Role.AUDITOR, AUDIT)])
async def test_no_subtraction_of_reports_tells_a_cell_of_fewer_than_five_people(
    county: County, callers_here: Callers, role: Role, grid: Sequence[str]
) -> None:
    client = callers_here.of(role)
    cells = await shown_cells(client, grid)
    parts: defaultdict[tuple[Any, ...], set[Cell]] = defaultdict(set)
    for cell in county.pence:
        parts[named(dict(zip(AUDIT, (cell[0], f"2026-{cell[1]:02d}", *cell[2:]), strict=True)), grid)].add(cell)
    people = {key: frozenset().union(*(county.people[cell] for cell in inside)) for key, inside in parts.items()}
    # What is known: each shown cell, and every total that does not tell care groups apart, down to the finest.
    facts = [frozenset(parts[key]) for key, pence in cells.items() if pence is not None]
    columns: defaultdict[tuple[Any, ...], set[Cell]] = defaultdict(set)
    for cell in county.pence:
        columns[cell[1:] if grid == AUDIT else cell[1:2]].add(cell)
    facts += [frozenset(column) for column in columns.values()]
    small = [key for key, found in people.items() if len(found) < rules.FEWEST_PEOPLE]
    assert len(small) > 5
    assert not [key for key in small if cells[key] is not None]
    assert not [key for key in small if is_determined(parts[key], facts)]
    for column in columns.values():
        left = [key for key in people if parts[key] <= column and cells[key] is None]
        together = frozenset().union(*(people[key] for key in left)) if left else frozenset()
        if any(len(people[key]) >= rules.FEWEST_PEOPLE for key in people if parts[key] <= column):
            assert not left or (len(left) > 1 and len(together) >= rules.FEWEST_PEOPLE), left
    for key, pence in cells.items():
        assert pence is None or pence == sum(county.pence[cell] for cell in parts[key])


@pytest.mark.parametrize(("role", "grid"), [(Role.FINANCE_OFFICER, FINANCE), (Role.AUDITOR, AUDIT)])
async def test_every_report_is_the_sum_of_the_same_shown_cells(
    county: County, callers_here: Callers, role: Role, grid: Sequence[str]
) -> None:
    client = callers_here.of(role)
    cells = await shown_cells(client, grid)
    by_sets = [by for size in range(1, len(grid) + 1) for by in itertools.permutations(grid, size)][:20]
    picks: list[dict[str, Any]] = [{"care_group": groups} for groups in ([], ["carers"], ["carers", "mental_health"])]
    if grid == AUDIT:
        picks += [{"category": ["leisure"]}, {"provider": ["southcard"], "care_group": ["older_people"]}]
    for by, pick, (first, last) in itertools.product(by_sets, picks, [(1, 1), (1, 4), (2, 3)]):
        if "care_group" not in by and not pick.get("care_group"):
            continue
        found = await report(client, by=",".join(by), **pick, **days(first, last))
        inside = {
            key: pence
            for key, pence in cells.items()
            if first <= key[1] <= last
            and all(not wanted or key[grid.index(name)] in wanted for name, wanted in pick.items())
        }
        for row in found["rows"]:
            its = [pence for key, pence in inside.items() if named_in(key, grid, by) == named(row, by)]
            figures = [pence for pence in its if pence is not None]
            assert row["amount_pence"] == (sum(figures) if figures else None)
            assert (row["is_suppressed"], row["suppressed_cells"]) == (not figures, len(its) - len(figures))
        assert found["total_pence"] == sum(pence for pence in inside.values() if pence is not None)
        assert found["suppressed_cells"] == sum(pence is None for pence in inside.values())
        assert "fewer than five people" in found["suppression"]


def named_in(key: tuple[Any, ...], grid: Sequence[str], by: Sequence[str]) -> tuple[Any, ...]:
    return tuple(key[grid.index(name)] for name in by)


async def test_the_file_for_a_spreadsheet_hides_the_same_and_says_so(county: County, callers_here: Callers) -> None:
    client = callers_here.finance()
    question = {"by": "care_group,month", **days(1, 4)}
    shown = (await report(client, **question))["rows"]
    text = (await client.get(f"{REPORT}.csv", params=question)).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["care_group"], row["month"], row["amount_pence"], row["suppressed_cells"]) for row in rows] == [
        (row["care_group"], row["month"], "" if row["is_suppressed"] else str(row["amount_pence"]),
         str(row["suppressed_cells"])) for row in shown
    ]  # fmt: skip
    assert any(row["is_suppressed"] for row in shown)
    assert {row["amount_pounds"] for row in rows if not row["amount_pence"]} == {""}


NAMED: Sequence[Sequence[Role]] = (
    [Role.FINANCE_OFFICER],
    [Role.FINANCE_APPROVER],
    [Role.CARE_WORKER, Role.FINANCE_OFFICER],
    [Role.CARE_MANAGER, Role.FINANCE_APPROVER],
    [Role.FINANCE_OFFICER, Role.AUDITOR],
    [Role.CARE_WORKER, Role.AUDITOR],
)


@pytest.mark.parametrize("roles", NAMED, ids="+".join)
async def test_whoever_is_shown_names_sees_no_care_group_beside_a_category_or_a_provider(
    callers_here: Callers, roles: Sequence[Role]
) -> None:
    client = callers_here.finance()
    held = client.headers["Authorization"].split()[1]
    token = http.with_claims(callers_here.settings, held, roles=[*roles], teams=["north"])
    client.headers["Authorization"] = f"Bearer {token}"
    for cut in (
        {"by": "category,care_group,provider,month"},
        {"by": "care_group,category"},
        {"by": "provider,care_group"},
        {"by": "care_group", "category": "leisure"},
        {"by": "care_group", "provider": "northbank"},
        {"by": "category", "care_group": "carers"},
        {"by": "month", "care_group": "carers", "provider": "northbank"},
    ):
        for address in (REPORT, f"{REPORT}.csv"):
            refused = await client.get(address, params={**cut, **days(1, 2)})
            assert (refused.status_code, refused.json()["code"]) == (422, "care_group_alone"), cut
    part = {"from": "2026-01-01", "to": "2026-01-30", "by": "care_group"}
    assert (await client.get(REPORT, params=part)).json()["code"] == "whole_months_only"
    assert (await client.get(REPORT, params={"by": "care_group,month", **days(1, 2)})).status_code == 200
    assert (await client.get(REPORT, params={"by": "category,provider", **days(1, 2)})).status_code == 200


async def test_a_person_with_two_accounts_is_one_person(databases: Databases, callers_here: Callers) -> None:
    async with databases.superuser() as connection:
        await accounts.a_provider(connection)
        for _ in range(4):
            agreement_id = await clawback.an_agreement(connection)
            for kind in ("prepaid_card", "bank_account"):
                account_id = await clawback.an_account(connection, agreement_id, kind=kind)
                await accounts.a_transaction(
                    connection,
                    account_id=account_id,
                    booked_on=date(2026, 1, 5),
                    amount_pence=-100,
                    care_group="carers",
                )
        await connection.execute(
            "INSERT INTO spend_summary VALUES (202601, 'home_care', 'carers', 'northbank', -800, 8)"
        )
    found = await report(callers_here.auditor(), by="care_group", **days(1, 1))
    assert {row["amount_pence"] for row in found["rows"]} == {None}
    assert found["total_pence"] == 0


@given(st.dictionaries(st.sampled_from(CareGroup), st.integers(0, 12)))
def test_what_is_left_by_subtraction_is_never_of_fewer_than_five_if_five_are_there(
    people: dict[CareGroup, int],
) -> None:
    hidden = rules.hidden_groups(people)
    small = {group for group, count in people.items() if 0 < count < rules.FEWEST_PEOPLE}
    assert small <= hidden
    assert bool(hidden) == bool(small)
    if hidden and max(people.values()) >= rules.FEWEST_PEOPLE:
        assert max(people.get(group, 0) for group in hidden) >= rules.FEWEST_PEOPLE
        assert len([group for group in hidden if people.get(group)]) >= 2
    if hidden:
        assert {group for group in CareGroup if not people.get(group)} <= hidden
