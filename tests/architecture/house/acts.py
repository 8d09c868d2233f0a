"""The usual requests of the house, each with whatever must stand before it: what a person, a machine or a run does."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

import httpx

from services.shared import dev_tokens, embedded, migrate
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from tests.journeys import people
from tests.journeys.conftest import Caller, County, Sign

DATABASE = "house"
ROWS = 3
_WEEKLY_GROSS = 20_000
_TIMES = 2


def migrated(server: embedded.Server, settings: Settings) -> Settings:
    """Return the settings of a new database with the newest schema, on which no job runs beside the requests."""
    embedded.create_database_if_missing(server, database=DATABASE)
    asyncio.run(migrate.migrate(settings))
    return settings.model_copy(update={"run_jobs": False})


def signer(settings: Settings) -> Sign:
    """Return what signs a token of the development issuer."""

    def sign(role: Role, *, name: str | None = None, teams: Sequence[str] = (), provider: str | None = None) -> str:
        return dev_tokens.sign(settings, role=role, name=name, teams=teams, provider=provider)

    return sign


def usual(county: County) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each request by its name, ready to be made; what it needs has been made by the time it is handed out."""
    secret = people.provider_key(county)
    home = people.household(county, weekly_gross_pence=_WEEKLY_GROSS)
    account = people.open_account(county, home)
    finance, worker = county.as_(Role.FINANCE_OFFICER), county.as_(Role.CARE_WORKER, teams=[people.TEAM])
    yield from _twice("read a recipient", lambda: worker.get(f"/v1/recipients/{home.recipient_id}"))
    yield from _twice("list recipients", lambda: worker.get("/v1/recipients"))
    yield from _twice("register a recipient", lambda: worker.post("/v1/recipients", people.a_recipient()))
    yield from _twice("read an account", lambda: finance.get(f"/v1/accounts/{account}"))
    for _ in range(_TIMES):
        draft = people.draft_agreement(county, weekly_gross_pence=_WEEKLY_GROSS)
        yield "activate an agreement", partial(people.activate, county, draft)
    for number in range(_TIMES):
        yield "push of three rows", partial(_push, county, secret, home.card_ref, number)
    yield from _files(county)
    yield from _twice("spend report", lambda: finance.get(f"/v1/reports/spend?{_months()}"))
    approver = county.as_(Role.FINANCE_APPROVER)
    yield from _twice("a clawback run", lambda: approver.post("/v1/clawback/runs", {}))
    yield from _twice("the queue of cases", lambda: finance.get("/v1/clawback/cases"))


def _twice(name: str, act: Callable[[], object]) -> Iterator[tuple[str, Callable[[], object]]]:
    for _ in range(_TIMES):
        yield name, act


def _push(county: County, secret: str, card_ref: str, number: int) -> None:
    rows = [
        people.card_event(f"house-{number}-{row}", "posted", "purchase_pos", 100 + row, card_ref=card_ref, mcc="5411")
        for row in range(ROWS)
    ]
    lines = [json.dumps(row).encode() for row in rows]
    answer = county.push(provider=people.PROVIDER, secret=secret, lines=lines, message_id=f"house-{number}")
    assert answer.is_success, answer.text


def _files(county: County) -> Iterator[tuple[str, Callable[[], object]]]:
    officer = county.as_(Role.FINANCE_OFFICER)
    for number in range(_TIMES):
        yield "a CSV file without ids", partial(_upload, officer, number)


def _upload(officer: Caller, number: int) -> None:
    day = (people.YESTERDAY - timedelta(days=number)).isoformat()
    body = f"TRANS DATE,TRANS POST DATE,ORIGINAL GROSS AMT,MERCHANT NAME\n{day},{day},1.00,A\n"
    headers = {"Authorization": f"Bearer {officer.token}", "Content-Type": "text/csv"}
    path = f"{officer.address}/v1/feeds/{people.PROVIDER}/files?profile=birmingham&account=acc-7f2a"
    answer = httpx.post(path, content=body, headers=headers, timeout=60)
    assert answer.is_success, answer.text


def _months() -> str:
    return f"from={people.STARTED_ON}&to={people.YESTERDAY}&by=category"
