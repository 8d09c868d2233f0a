"""What journeys share: a person with a running agreement, a provider with a key, rows as a provider writes them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.shared.identity.roles import Role
from tests.journeys.conftest import County

TEAM = "north"
PROVIDER = "kestrel-cards"
YESTERDAY = date.today() - timedelta(days=1)  # noqa: DTZ011 (which of two days hardly matters here, only that it has been)
STARTED_ON = YESTERDAY - timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Household:
    """A recipient with an active agreement; its account and card may or may not be registered."""

    recipient_id: str
    agreement_id: str
    account_ref: str = "acc-7f2a"
    card_ref: str = "card-7f2a-1"


def provider_key(county: County) -> str:
    """Register a team and the provider as the administrator, and return the provider's signing secret."""
    administrator = county.as_(Role.ADMINISTRATOR)
    administrator.put(f"/v1/teams/{TEAM}", {"name": "North team"})
    administrator.post("/v1/feeds", {"code": PROVIDER, "name": "Kestrel Cards (invented)"})
    secret: str = administrator.post(f"/v1/feeds/{PROVIDER}/keys")["secret"]
    return secret


def a_recipient(*, nhs_number: str | None = None) -> dict[str, Any]:
    """Return what a care worker writes to register somebody."""
    return {
        "kind": "adult",
        "full_name": "Tamsin Larchgarth",
        "date_of_birth": "1951-02-03",
        "nhs_number": nhs_number,
        "primary_support_reason": "physical_personal_care",
        "ethnicity": "white",
        "team_code": TEAM,
        "address_lines": ["4 Lapwing Road", "Melton Mowbray"],
        "postcode": "LX1 1AA",
        "home_care_zone": "melton",
        "administered_by": "alone",
    }


@dataclass(frozen=True, slots=True)
class Draft:
    """An agreement with a budget, ready to be activated."""

    recipient_id: str
    agreement_id: str
    version: int


def draft_agreement(county: County, *, weekly_gross_pence: int, nhs_number: str | None = None) -> Draft:
    """Register a recipient, open an agreement and set its budget, each act by whoever may."""
    worker = county.as_(Role.CARE_WORKER, teams=[TEAM])
    recipient = worker.post("/v1/recipients", a_recipient(nhs_number=nhs_number))
    agreement = worker.post(
        "/v1/agreements",
        {
            "recipient_id": recipient["id"],
            "kind": "service_user",
            "legal_basis": "s31",
            "payment_schedule": "four_weekly",
            "first_payment_on": STARTED_ON.isoformat(),
        },
    )
    budget = {
        "effective_from": STARTED_ON.isoformat(),
        "weekly_gross_pence": weekly_gross_pence,
        "weekly_contribution_pence": 0,
        "reason": "First budget",
    }
    county.as_(Role.CARE_MANAGER, teams=[TEAM]).post(f"/v1/agreements/{agreement['id']}/budgets", budget)
    return Draft(recipient["id"], agreement["id"], agreement["version"])


def activate(county: County, draft: Draft) -> Household:
    """Activate an agreement as the care manager."""
    manager = county.as_(Role.CARE_MANAGER, teams=[TEAM])
    start = {"started_on": STARTED_ON.isoformat()}
    active = manager.post(f"/v1/agreements/{draft.agreement_id}/activation", start, version=draft.version)
    assert active["status"] == "active"
    return Household(draft.recipient_id, draft.agreement_id)


def household(county: County, *, weekly_gross_pence: int) -> Household:
    """Return a recipient with an active agreement and its budget."""
    return activate(county, draft_agreement(county, weekly_gross_pence=weekly_gross_pence, nhs_number="9990000018"))


def open_account(county: County, home: Household) -> str:
    """Open the prepaid account and register its card as finance, and return the account's id."""
    finance = county.as_(Role.FINANCE_OFFICER)
    account = finance.post(
        "/v1/accounts",
        {
            "agreement_id": home.agreement_id,
            "kind": "prepaid_card",
            "provider_code": PROVIDER,
            "provider_account_ref": home.account_ref,
            "last_four": "4321",
            "opened_on": STARTED_ON.isoformat(),
        },
    )
    card = {"provider_card_ref": home.card_ref, "last_four": "4321", "opened_on": STARTED_ON.isoformat()}
    finance.post(f"/v1/accounts/{account['id']}/cards", card)
    return str(account["id"])


def card_event(number: str, status: str, kind: str, pence: int, **named: Any) -> dict[str, Any]:
    """Return one event as the provider writes it, at noon yesterday."""
    return {
        "provider_transaction_id": number,
        "status": status,
        "type": kind,
        "amount_pence": pence,
        "occurred_at": datetime.combine(YESTERDAY, time(12), UTC).isoformat(),
        **named,
    }
