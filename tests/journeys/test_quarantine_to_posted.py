import json
import time
from typing import Any

from services.shared.identity.roles import Role
from tests.journeys import people
from tests.journeys.conftest import County
from tests.journeys.people import PROVIDER, Household, card_event

PATIENCE_SECONDS = 60.0


def lines(home: Household) -> list[bytes]:
    rows = [
        card_event("tx-load", "posted", "load", 80_000, account_ref=home.account_ref),
        card_event("tx-shop", "posted", "purchase_pos", 1_250, card_ref=home.card_ref, mcc="5411"),
        card_event("tx-nobody", "posted", "purchase_pos", 777, card_ref="card-of-nobody", mcc="5411"),
    ]
    return [json.dumps(row).encode() for row in rows]


def outcomes(receipt: dict[str, Any]) -> dict[str, int]:
    return {name: receipt[name]["rows"] for name in ("posted", "already_posted", "quarantined")}


def test_rows_of_an_unregistered_card_wait_and_post_once_it_is_registered(county_with_jobs: County) -> None:
    county = county_with_jobs
    secret = people.provider_key(county)
    home = people.household(county, weekly_gross_pence=20_000)
    pushed = county.push(provider=PROVIDER, secret=secret, lines=lines(home), message_id="msg_0001").json()
    assert outcomes(pushed) == {"posted": 0, "already_posted": 0, "quarantined": 3}
    assert {waiting["code"] for waiting in pushed["waiting"]} == {"unknown_account", "unknown_card"}

    account_id = people.open_account(county, home)
    feed = county.as_(Role.FEED, provider=PROVIDER)
    path = f"/v1/feeds/{PROVIDER}/deliveries/{pushed['delivery_id']}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while outcomes(receipt := feed.get(path))["posted"] < 2 and time.monotonic() < deadline:
        time.sleep(0.2)

    assert outcomes(receipt) == {"posted": 2, "already_posted": 0, "quarantined": 1}
    account = county.as_(Role.FINANCE_OFFICER).get(f"/v1/accounts/{account_id}")
    assert account["balance"]["posted_pence"] == 80_000 - 1_250
    waiting = county.as_(Role.AUDITOR).get("/v1/feeds/quarantine")
    assert [row["code"] for row in waiting["items"]] == ["unknown_card"]

    again = county.push(provider=PROVIDER, secret=secret, lines=lines(home)[:2], message_id="msg_0002").json()
    assert outcomes(again) == {"posted": 0, "already_posted": 2, "quarantined": 0}
