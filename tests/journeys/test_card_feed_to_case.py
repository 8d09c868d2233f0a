import json
from datetime import date

from services.shared.identity.roles import Role
from tests.journeys import people
from tests.journeys.conftest import County
from tests.journeys.people import PROVIDER, TEAM, Household, card_event

WEEKLY_GROSS = 20_000
LOADED, CONTRIBUTED, SPENT, HELD = 80_000, 25_000, 1_250, 2_000
POSTED = LOADED + CONTRIBUTED - SPENT
EXCESS = POSTED - HELD - 4 * WEEKLY_GROSS


def lines(home: Household) -> list[bytes]:
    rows = [
        card_event("tx-load", "posted", "load", LOADED, account_ref=home.account_ref),
        card_event("tx-paid-in", "posted", "contribution_in", CONTRIBUTED, account_ref=home.account_ref),
        card_event("tx-shop", "posted", "purchase_pos", SPENT, card_ref=home.card_ref, mcc="5411"),
        card_event("tx-hold", "authorised", "purchase_pos", HELD, card_ref=home.card_ref, mcc="4121"),
        card_event("tx-declined", "declined", "purchase_pos", 9_999, card_ref=home.card_ref, mcc="7995"),
    ]
    return [json.dumps(row).encode() for row in rows]


def balance(county: County, account_id: str) -> tuple[int, int, int]:
    found = county.as_(Role.FINANCE_OFFICER).get(f"/v1/accounts/{account_id}")["balance"]
    return found["posted_pence"], found["held_pence"], found["available_pence"]


def test_from_registration_to_a_case_that_explains_itself(county: County) -> None:
    secret = people.provider_key(county)
    home = people.household(county, weekly_gross_pence=WEEKLY_GROSS)
    account_id = people.open_account(county, home)
    assert balance(county, account_id) == (0, 0, 0)

    pushed = county.push(provider=PROVIDER, secret=secret, lines=lines(home), message_id="msg_0001")
    assert pushed.is_success, pushed.text
    receipt = pushed.json()
    outcomes = ("posted", "already_posted", "held", "no_money", "quarantined")
    assert [receipt[outcome]["rows"] for outcome in outcomes] == [3, 0, 1, 1, 0]
    assert balance(county, account_id) == (POSTED, HELD, POSTED - HELD)

    again = county.push(provider=PROVIDER, secret=secret, lines=lines(home), message_id="msg_0001").json()
    assert again["already_received"]
    assert balance(county, account_id) == (POSTED, HELD, POSTED - HELD)

    made = county.as_(Role.FINANCE_APPROVER).post("/v1/clawback/runs", {})
    assert (made["agreements"], made["flagged"], made["new_cases"], made["excess_pence"]) == (1, 1, 1, EXCESS)

    finance = county.as_(Role.FINANCE_OFFICER)
    (listed,) = finance.get("/v1/clawback/cases")["items"]
    assert (listed["agreement_id"], listed["excess_pence"]) == (home.agreement_id, EXCESS)
    case = finance.get(f"/v1/clawback/cases/{listed['id']}")
    assert case["status"] == "awaiting_support_check"
    figures = case["calculation"]
    assert figures["posted_pence"] == POSTED
    assert figures["held_pence"] == HELD
    assert figures["threshold_pence"] == 4 * WEEKLY_GROSS
    assert figures["budget"]["weekly_gross_pence"] == WEEKLY_GROSS
    assert [line["account_id"] for line in figures["accounts"]] == [account_id]

    manager = county.as_(Role.CARE_MANAGER, teams=[TEAM])
    assert manager.get(f"/v1/clawback/cases/{listed['id']}")["id"] == listed["id"]
    stranger = county.as_(Role.CARE_MANAGER, teams=["south"])
    stranger.get(f"/v1/clawback/cases/{listed['id']}", expect=404)
    county.as_(Role.CARE_WORKER, teams=[TEAM]).get("/v1/clawback/cases", expect=403)


def test_what_was_done_stands_in_the_trail_and_in_the_report(county: County) -> None:
    secret = people.provider_key(county)
    home = people.household(county, weekly_gross_pence=WEEKLY_GROSS)
    people.open_account(county, home)
    assert county.push(provider=PROVIDER, secret=secret, lines=lines(home), message_id="msg_0002").is_success

    auditor = county.as_(Role.AUDITOR)
    trail = auditor.get("/v1/audit-entries?limit=200")["items"]
    done = {entry["action"] for entry in trail}
    assert {"register_recipient", "open_agreement", "set_budget", "activate_agreement", "open_account"} <= done
    assert "Larchgarth" not in json.dumps(trail)

    day: date = people.YESTERDAY
    report = auditor.get(f"/v1/reports/spend?from={day}&to={day}&by=category")
    assert report["total_pence"] == POSTED
    assert report["total_transactions"] == 3


def test_a_push_under_another_key_or_for_another_provider_changes_nothing(county: County) -> None:
    secret = people.provider_key(county)
    home = people.household(county, weekly_gross_pence=WEEKLY_GROSS)
    account_id = people.open_account(county, home)
    wrong_key = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    refused = county.push(provider=PROVIDER, secret=wrong_key, lines=lines(home), message_id="msg_0003")
    assert refused.status_code in (401, 403)
    county.as_(Role.FEED, provider="lanthorn-pay").get(f"/v1/feeds/{PROVIDER}/deliveries", expect=404)
    assert balance(county, account_id) == (0, 0, 0)
    assert county.push(provider=PROVIDER, secret=secret, lines=lines(home), message_id="msg_0003").is_success
    assert balance(county, account_id) == (POSTED, HELD, POSTED - HELD)
