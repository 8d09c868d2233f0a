"""The spend report against the plain GROUP BY over the transactions that card_ingest posted."""

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.dp_api.reports import queries
from services.dp_api.reports.schemas import Dimension, SpendFilter
from services.shared import dates, driver
from services.shared.vocabulary.money import SpendCategory, SpendHeading
from services.shared.vocabulary.people import CareGroup
from tests.builders import accounts
from tests.databases import Databases
from tests.dp_api.conftest import MACHINE, Callers, callers_of

REPORT = "/v1/reports/spend"
FIRST = date(2026, 1, 1)
DAYS = 150
CATEGORIES = (SpendCategory.HOME_CARE, SpendCategory.LEISURE, SpendCategory.REFUND)
GROUPS = (CareGroup.OLDER_PEOPLE, CareGroup.MENTAL_HEALTH)
PROVIDERS = ("northbank", "southcard")
OPEN = SpendFilter(category=(), care_group=(), provider=())
KEYS = {
    Dimension.CATEGORY: "category",
    Dimension.MONTH: "accounting_month",
    Dimension.CARE_GROUP: "care_group",
    Dimension.PROVIDER: "provider_code",
}


async def post_all(connection: driver.Connection) -> None:
    """Post 400 transactions, many alike (fees), a tenth on trial accounts; half are folded into the summary."""
    chance = Random(7)
    money: dict[str, defaultdict[tuple[Any, ...], list[int]]] = {
        name: defaultdict(lambda: [0, 0]) for name in ("spend_summary", "spend_delta")
    }
    for number in range(400):
        day = FIRST + timedelta(days=chance.randrange(DAYS))
        group = None if chance.random() < 0.1 else chance.choice(GROUPS).value
        category, provider = chance.choice(CATEGORIES).value, chance.choice(PROVIDERS)
        pence = chance.choice((-1, 1)) * chance.choice((3, 20, chance.randint(1, 90_000)))
        await accounts.a_transaction(
            connection,
            account_id=uuid4(),
            booked_on=day,
            amount_pence=pence,
            category=category,
            care_group=group,
            provider=provider,
        )
        if group is not None:
            table = "spend_summary" if number % 2 else "spend_delta"
            cell = money[table][(dates.accounting_month(day), category, group, provider)]
            cell[0] += pence
            cell[1] += 1
    for key, (pence, count) in money["spend_summary"].items():
        await connection.execute("INSERT INTO spend_summary VALUES ($1, $2, $3, $4, $5, $6)", *key, pence, count)
    for key, (pence, count) in money["spend_delta"].items():
        await connection.execute("INSERT INTO spend_delta VALUES (1, $1, $2, $3, $4, $5, $6)", *key, pence, count)


@pytest.fixture
async def posted(databases: Databases) -> Databases:
    async with databases.superuser() as connection:
        for category in CATEGORIES:
            await connection.execute(
                "INSERT INTO category VALUES ($1, 'leisure', 'x') ON CONFLICT DO NOTHING", category.value
            )
        await post_all(connection)
    return databases


async def plain(
    connection: driver.Connection, *, first: date, last: date, by: Sequence[Dimension], where: str = "true"
) -> dict[tuple[Any, ...], tuple[int, int]]:
    columns = ", ".join(KEYS[dimension] for dimension in by)
    rows = await connection.fetch(
        f"""SELECT {columns}, sum(amount_pence)::bigint, count(*) FROM card_transaction
            WHERE booked_on BETWEEN $1 AND $2 AND care_group IS NOT NULL AND {where} GROUP BY {columns}""",
        first,
        last,
    )
    return {tuple(row[: len(by)]): (row[len(by)], row[len(by) + 1]) for row in map(tuple, rows)}


async def reported(
    posted: Databases, *, first: date, last: date, by: Sequence[Dimension], filters: SpendFilter = OPEN
) -> dict[tuple[Any, ...], tuple[int, int]]:
    async with posted.dp_api.read(actor=MACHINE) as session:
        rows = await queries.spend(session, first_day=first, last_day=last, by=by, filters=filters)
    read: dict[Dimension, Callable[[Any], Any]] = {
        Dimension.CATEGORY: lambda row: row.category.value,
        Dimension.MONTH: lambda row: row.month,
        Dimension.CARE_GROUP: lambda row: row.care_group.value,
        Dimension.PROVIDER: lambda row: row.provider,
    }
    found = {tuple(read[dimension](row) for dimension in by): (row.amount_pence, row.transactions) for row in rows}
    assert len(found) == len(rows)
    return found


async def test_the_report_equals_the_plain_group_by_to_the_penny(posted: Databases) -> None:
    ends = (date(2026, 1, 31), date(2026, 2, 10), date(2026, 3, 31), date(2026, 5, 30))
    starts = (FIRST, date(2026, 1, 2), date(2026, 1, 31), date(2026, 2, 1))
    sets = [by for size in (1, 2, 4) for by in itertools.combinations(Dimension, size)]
    compared = 0
    async with posted.superuser() as connection:
        periods = [(first, last) for first, last in itertools.product(starts, ends) if first <= last]
        for first, last in periods:
            for by in sets:
                expected = await plain(connection, first=first, last=last, by=by)
                assert await reported(posted, first=first, last=last, by=by) == expected, (first, last, by)
                compared += len(expected)
    assert compared > 500


async def test_a_filter_cuts_summary_and_transactions_alike(posted: Databases) -> None:
    filters = SpendFilter(
        category=(SpendCategory.HOME_CARE, SpendCategory.REFUND),
        care_group=(CareGroup.MENTAL_HEALTH,),
        provider=("southcard",),
    )
    where = "category IN ('home_care', 'refund') AND care_group = 'mental_health' AND provider_code = 'southcard'"
    by = (Dimension.CATEGORY, Dimension.MONTH)
    first, last = date(2026, 1, 15), date(2026, 4, 10)
    async with posted.superuser() as connection:
        expected = await plain(connection, first=first, last=last, by=by, where=where)
    assert expected
    assert await reported(posted, first=first, last=last, by=by, filters=filters) == expected


@pytest.fixture
async def auditor(app: FastAPI, posted: Databases) -> AsyncIterator[httpx.AsyncClient]:
    async with AsyncExitStack() as stack:
        yield callers_of(app, posted.dp_api, stack).auditor()


async def test_the_report_over_http_is_json_or_csv_of_the_same_figures(auditor: httpx.AsyncClient) -> None:
    question = {"from": "2026-01-15", "to": "2026-04-30", "by": "category,month"}
    shown = (await auditor.get(REPORT, params=question)).json()
    assert (shown["from"], shown["to"], shown["by"]) == ("2026-01-15", "2026-04-30", ["category", "month"])
    assert shown["filters"] == {"category": [], "care_group": [], "provider": []}
    assert {row["heading"] for row in shown["rows"]} <= {heading.value for heading in SpendHeading}
    assert {row["month"] for row in shown["rows"]} == {"2026-01", "2026-02", "2026-03", "2026-04"}
    assert all(row["care_group"] is None for row in shown["rows"])
    by_name = await auditor.get(f"{REPORT}.csv", params=question)
    by_type = await auditor.get(REPORT, params=question, headers={"Accept": "text/csv"})
    assert by_name.content == by_type.content
    assert by_name.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert by_name.headers["Content-Disposition"] == 'attachment; filename="spend-2026-01-15-to-2026-04-30.csv"'
    assert by_name.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(by_name.content.decode("utf-8-sig"))))
    assert [(row["category"], row["month"], int(row["amount_pence"])) for row in rows] == [
        (row["category"], row["month"], row["amount_pence"]) for row in shown["rows"]
    ]
    assert all(round(float(row["amount_pounds"]) * 100) == int(row["amount_pence"]) for row in rows)
    assert sum(int(row["amount_pence"]) for row in rows) == shown["total_pence"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"by": "name"}, "query/by"),
        ({"from": "2026-05-01"}, "query/from"),
        ({"to": "tomorrow"}, "query/to"),
        ({"category": "shoes"}, "query/category"),
    ],
)
async def test_a_question_that_makes_no_sense_is_pointed_at(
    callers: Callers, change: dict[str, str], pointer: str
) -> None:
    question = {"from": "2026-01-15", "to": "2026-04-30"} | change
    answer = await callers.auditor().get(REPORT, params=question)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


@pytest.mark.parametrize(
    "cut", [{"by": "care_group"}, {"by": "month,care_group"}, {"by": "month", "care_group": "carers"}]
)
async def test_care_groups_are_reported_for_whole_months(callers: Callers, cut: dict[str, str]) -> None:
    months = {"from": "2026-01-01", "to": "2026-02-28"}
    for caller in (callers.finance(), callers.auditor()):
        assert (await caller.get(REPORT, params=cut | months)).status_code == 200
        for part in ({"to": "2026-02-27"}, {"from": "2026-01-02"}, {"from": "2026-02-03", "to": "2026-02-03"}):
            refused = await caller.get(REPORT, params=cut | months | part)
            assert (refused.status_code, refused.json()["code"]) == (422, "whole_months_only"), part


async def test_the_care_pathway_reads_no_report_of_every_team(callers: Callers) -> None:
    for caller in (callers.care_worker("north"), callers.care_manager("north")):
        for address in (REPORT, f"{REPORT}.csv"):
            answer = await caller.get(address, params={"from": "2026-01-01", "to": "2026-01-31"})
            assert answer.status_code == 403
