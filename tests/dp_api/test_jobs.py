from datetime import UTC, datetime
from uuid import UUID

from services.dp_api import main
from services.shared import jobs
from tests.builders import accounts, agreements
from tests.databases import Databases
from tests.dp_api.conftest import MACHINE

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


async def an_account(databases: Databases) -> UUID:
    async with databases.superuser() as connection:
        await accounts.a_provider(connection)
    async with databases.dp_api.write(actor=MACHINE) as session:
        agreement = await agreements.an_agreement(session)
        return (await accounts.an_account(session, agreement_id=agreement.id)).id


async def test_the_days_figures_are_made_once_a_day_with_their_digest(databases: Databases) -> None:
    await an_account(databases)
    for job in (main.REFRESH_GROSS_TODAY, main.REFRESH_CARE_GROUPS):
        assert await jobs.run(job, databases.dp_api, now=NOON)
        assert not await jobs.run(job, databases.dp_api, now=NOON)
    async with databases.superuser() as connection:
        days = [row["valid_on"].isoformat() for row in await connection.fetch("SELECT valid_on FROM gross_today")]
        runs = await connection.fetch("SELECT job, period, outcome::text FROM job_run ORDER BY job")
        digests = await connection.fetchval("SELECT count(*) FROM audit_entry WHERE length(digest) = 32")
    assert days == ["2026-11-03"]
    assert [(row["job"], row["period"]) for row in runs] == [
        ("refresh_care_groups", "2026-11-03"),
        ("refresh_gross_today", "2026-11-03"),
    ]
    assert runs[1]["outcome"] == '{"rows": 1, "mended": 0}'
    assert digests == 2


def test_every_job_has_a_name_of_its_own() -> None:
    names = [job.name for job in main.JOBS]
    assert len(names) == len(set(names))
    assert {"refresh_gross_today", "refresh_care_groups", "seal_trail"} < set(names)
