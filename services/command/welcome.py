"""What a first visitor is told when the embedded default serves: where it is, and one command for each user group.

The tokens are real and hold for twelve hours; the ids are of the people in the database.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.demo import members
from services.demo.examples import Examples
from services.shared import dates, dev_tokens
from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.web import docs

MONTHS: Final = -12


@dataclass(frozen=True, slots=True)
class Try:
    """One thing to try: for whom, as which role, at which address."""

    group: str
    role: Role
    path: str
    provider: str | None = None


def tries(found: Examples, *, today: date) -> list[Try]:
    """Return one thing to try for each user group, about people and providers that are in the database."""
    person = f"/v1/recipients/{found.recipient_id}" if found.recipient_id else "/v1/recipients?limit=5"
    year = f"from={dates.add_months(today, MONTHS)}&to={today}"
    return [
        Try("Care pathway: a person of my team", Role.CARE_WORKER, person),
        Try("Finance: the largest surpluses", Role.FINANCE_OFFICER, "/v1/clawback/cases?limit=5"),
        Try("Audit: what the money was spent on", Role.AUDITOR, f"/v1/reports/spend?{year}"),
        *(
            Try("Card provider: my deliveries", Role.FEED, f"/v1/feeds/{provider}/deliveries?limit=5", provider)
            for provider in found.providers[:1]
        ),
        Try("Administration: who works here", Role.ADMINISTRATOR, "/v1/staff?limit=5"),
    ]


def lines(settings: Settings, *, address: str, found: Examples, today: date) -> Iterator[str]:
    """Yield what is printed: the address, the documents, one command for each user group, how to get a token."""
    yield f"Direct payments is at {address}"
    yield f"Its documents are at {address}{docs.PATH}"
    yield ""
    for each in tries(found, today=today):
        yield f"# {each.group} ({each.role.value})"
        yield f"curl -s -H 'Authorization: Bearer {token_for(settings, each)}' '{address}{each.path}'"
        yield ""
    yield "A token for any role:     dp token --role auditor"
    yield "Take in a card feed:      dp feed import FILE --provider CODE --profile PROFILE"
    yield "Stop with Ctrl-C: the database stops too, and everything is kept."


def token_for(settings: Settings, each: Try) -> str:
    """Return a token with which the thing can be tried: the county's own member of staff, or the provider's machine."""
    member = members.example(each.role)
    name = member.staff_number if member else None
    teams = member.teams if member else ()
    return dev_tokens.sign(settings, role=each.role, name=name, teams=teams, provider=each.provider)
