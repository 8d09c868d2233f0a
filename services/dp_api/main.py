"""The council's API: the list of its routers is the table of contents, and here are the jobs it does by itself."""

from datetime import date
from typing import Final

from fastapi import FastAPI

from services.dp_api.accounts import endpoints as accounts
from services.dp_api.accounts import operations as account_operations
from services.dp_api.agreements import endpoints as agreements
from services.dp_api.audit_trail import endpoints as audit_trail
from services.dp_api.budgets import endpoints as budgets
from services.dp_api.budgets import operations as budget_operations
from services.dp_api.cards import endpoints as cards
from services.dp_api.money_managers import endpoints as money_managers
from services.dp_api.personal_assistants import endpoints as personal_assistants
from services.dp_api.recipients import endpoints as recipients
from services.dp_api.reports import endpoints as reports
from services.dp_api.staff import endpoints as staff
from services.dp_api.transactions import endpoints as transactions
from services.shared import jobs
from services.shared.database import Database, WriteSession
from services.shared.settings.installation import Settings
from services.shared.vocabulary.records import Service
from services.shared.web import app, idempotency

ROUTERS: Final = (
    staff.router,
    recipients.router,
    personal_assistants.router,
    money_managers.router,
    budgets.router,
    accounts.router,
    cards.router,
    transactions.router,
    agreements.router,
    reports.router,
    audit_trail.router,
)

NEW_DAY_SECONDS: Final = 300
"""How soon after midnight the day's figures stand; the claim of the day lets only the first try work."""


def create(*, settings: Settings, database: Database | None = None) -> FastAPI:
    """Create the application; with a `database` it uses that one, else it connects while it runs."""
    return app.create_app(
        service=Service.DP_API,
        title="Direct payments: the council's API",
        description="Who is helped, why, how much, and to whom the money goes: recipients, agreements, budgets, "
        "accounts, and what auditors ask about them.",
        routers=ROUTERS,
        jobs=JOBS,
        settings=settings,
        database=database,
    )


async def _refresh_gross_today(session: WriteSession, period: str) -> jobs.Outcome:
    return await budget_operations.refresh_gross_today(session, today=date.fromisoformat(period))


async def _refresh_care_groups(session: WriteSession, period: str) -> jobs.Outcome:
    return await account_operations.refresh_care_groups(session, today=date.fromisoformat(period))


REFRESH_GROSS_TODAY: Final = jobs.Job(
    name=budget_operations.REFRESH,
    service=Service.DP_API,
    trigger=jobs.every(seconds=NEW_DAY_SECONDS),
    period=jobs.london_day,
    act=_refresh_gross_today,
)
REFRESH_CARE_GROUPS: Final = jobs.Job(
    name=account_operations.REFRESH,
    service=Service.DP_API,
    trigger=jobs.every(seconds=NEW_DAY_SECONDS),
    period=jobs.london_day,
    act=_refresh_care_groups,
)
JOBS: Final = (REFRESH_GROSS_TODAY, REFRESH_CARE_GROUPS, jobs.SEAL_TRAIL, idempotency.EXPIRE_ANSWERS)
