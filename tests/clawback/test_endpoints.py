from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.shared import driver
from services.shared.identity.roles import Role
from tests.builders import clawback as builders
from tests.clawback.conftest import NOW, TODAY, ClientOf, Run, once

FOUR_WEEKS = 97_372
LONG_AGO = TODAY - timedelta(days=90)
CASES = "/v1/clawback/cases"
RUNS = "/v1/clawback/runs"


async def a_case(planted: driver.Connection, run: Run, *, team: str = "north", pence: int = 26_28) -> UUID:
    """Have a case opened by a run and return it."""
    agreement_id = await builders.money_held(planted, FOUR_WEEKS + pence, on=LONG_AGO, team=team)
    await run()
    case = await builders.case_of(planted, agreement_id)
    assert case is not None
    found: UUID = case["case_id"]
    return found


async def test_a_run_is_made_once_and_read_again(planted: driver.Connection, client_of: ClientOf) -> None:
    await builders.money_held(planted, FOUR_WEEKS + 5, on=LONG_AGO)
    approver, key = client_of(Role.FINANCE_APPROVER), once()
    made = await approver.post(RUNS, json={}, headers=key)
    assert made.status_code == 201
    body = made.json()
    assert made.headers["Location"] == f"{RUNS}/{body['id']}"
    figures = {name: body[name] for name in ("as_of", "trigger", "accounts", "flagged", "new_cases", "excess_pence")}
    assert figures == {
        "as_of": "2026-11-22", "trigger": "manual", "accounts": 1, "flagged": 1, "new_cases": 1, "excess_pence": 5,
    }  # fmt: skip
    assert (await approver.post(RUNS, json={}, headers=key)).json() == body
    assert (await approver.get(made.headers["Location"])).json() == body
    assert (await approver.get(RUNS)).json() == {"items": [body], "next_cursor": None}
    assert await planted.fetchval("SELECT count(*) FROM clawback_run") == 1


async def test_runs_are_listed_the_latest_first_page_by_page(run: Run, client_of: ClientOf) -> None:
    made = [str((await run(now=NOW + timedelta(minutes=minute))).run_id) for minute in range(3)]
    auditor = client_of(Role.AUDITOR)
    first = (await auditor.get(RUNS, params={"limit": 2})).json()
    assert [item["id"] for item in first["items"]] == [made[2], made[1]]
    rest = (await auditor.get(RUNS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert ([item["id"] for item in rest["items"]], rest["next_cursor"]) == ([made[0]], None)


@pytest.mark.parametrize(
    ("as_of", "code"),
    [("2026-11-23", "future_day"), ("2018-09-30", "no_policy_in_force")],
)
async def test_a_run_of_a_day_that_cannot_be_judged_is_refused(client_of: ClientOf, as_of: str, code: str) -> None:
    answer = await client_of(Role.FINANCE_APPROVER).post(RUNS, json={"as_of": as_of}, headers=once())
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["pointer"] == "/as_of"


async def test_a_case_shows_every_figure_with_its_source(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    case_id = await a_case(planted, run)
    received_at = NOW - timedelta(hours=2)
    await planted.execute(
        """INSERT INTO feed_delivery (id, provider_code, door, profile, profile_version, sha256, size_bytes,
               received_at) VALUES ($1, $2, 'signed_push', 'canonical', 1, '\\x00', 1, $3),
               ($4, $2, 'signed_push', 'canonical', 1, '\\x01', 1, $5)""",
        uuid4(),
        builders.PROVIDER,
        received_at,
        uuid4(),
        NOW + timedelta(hours=2),
    )
    answer = await client_of(Role.FINANCE_OFFICER).get(f"{CASES}/{case_id}")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    body = answer.json()
    figures = body["calculation"]
    assert (figures["posted_pence"], figures["counted_pence"], figures["threshold_pence"]) == (100_000, 100_000, 97_372)
    assert (figures["excess_pence"], figures["weeks_of_cover_hundredths"]) == (2_628, 410)
    assert (figures["low_point_pence"], figures["low_point_on"]) == (100_000, "2026-11-22")
    assert (figures["low_point_excess_pence"], figures["reading"]) == (2_628, "surplus_all_cycle")
    assert (figures["last_load_on"], figures["last_load_pence"], figures["days_since_load"]) == (
        "2026-08-24", 100_000, 90,
    )  # fmt: skip
    assert {name: figures["policy"][name] for name in ("version", "effective_from", "threshold_weeks", "source")} == {
        "version": 1, "effective_from": "2018-10-01", "threshold_weeks": 4,
        "source": "Direct Payments Development Plan 2018-2023, s.8",
    }  # fmt: skip
    budget = await planted.fetchrow("SELECT id, weekly_net_pence FROM budget")
    assert budget is not None
    assert figures["budget"] == {
        "id": str(budget["id"]), "effective_from": "2026-01-05", "revision": 1, "weekly_gross_pence": 24_343,
        "weekly_contribution_pence": 0, "weekly_net_pence": 24_343,
    }  # fmt: skip
    (line,) = figures["accounts"]
    del line["account_id"]
    assert line == {
        "kind": "prepaid_card", "provider_code": "northbank", "last_four": "4321", "posted_pence": 100_000,
        "held_pence": 0, "transactions": 1, "last_booked_on": "2026-08-24", "feed_as_of": "2026-11-22T01:00:00Z",
    }  # fmt: skip
    assert figures["in_words"].startswith("On 22 November 2026 the accounts held £1,000.00.")
    assert [past["excess_pence"] for past in body["history"]] == [2_628]
    assert (body["age_days"], body["status"], body["withdrawal_reason"]) == (0, "awaiting_support_check", None)


async def test_the_history_of_a_case_keeps_every_calculation(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    case_id = await a_case(planted, run)
    account_id = await planted.fetchval("SELECT id FROM account")
    await builders.a_transaction(planted, account_id, 100, booked_on=TODAY, type="refund")
    await run(now=NOW + timedelta(hours=1))
    answer = await client_of(Role.AUDITOR).get(f"{CASES}/{case_id}")
    assert answer.headers["ETag"] == '"2"'
    body = answer.json()
    assert [past["excess_pence"] for past in body["history"]] == [2_728, 2_628]
    assert body["history"][0]["id"] == body["calculation"]["id"]
    assert body["opened_by_run_id"] == body["history"][1]["run_id"]


async def test_a_case_is_withdrawn_with_a_reason_and_nothing_else_moves(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    case_id = await a_case(planted, run)
    balance = await planted.fetch("SELECT * FROM account_balance")
    officer, path = client_of(Role.FINANCE_OFFICER), f"{CASES}/{case_id}/withdrawal"
    reason = {"reason": "The load was delivered twice."}
    assert (await officer.post(path, json=reason)).status_code == 428
    assert (await officer.post(path, json=reason, headers={"If-Match": '"9"'})).status_code == 412
    done = await officer.post(path, json=reason, headers={"If-Match": '"1"'})
    assert (done.status_code, done.headers["ETag"]) == (200, '"2"')
    assert (done.json()["status"], done.json()["withdrawal_reason"]) == ("withdrawn", reason["reason"])
    again = await officer.post(path, json=reason, headers={"If-Match": '"2"'})
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    assert await planted.fetch("SELECT * FROM account_balance") == balance
    entry = await planted.fetchrow("SELECT * FROM audit_entry WHERE action = 'withdraw_clawback_case'")
    assert entry is not None
    assert (entry["subject_id"], entry["outcome"]) == (str(case_id), "done")
    assert reason["reason"] not in entry["reason"]


async def test_a_withdrawal_without_a_reason_is_refused(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    path = f"{CASES}/{await a_case(planted, run)}/withdrawal"
    for body in ({}, {"reason": ""}, {"reason": "wrong data", "amount_pence": 5}):
        answer = await client_of(Role.FINANCE_OFFICER).post(path, json=body, headers={"If-Match": '"1"'})
        assert answer.status_code == 422
    assert await planted.fetchval("SELECT status FROM clawback_case") == "awaiting_support_check"


@pytest.mark.parametrize(
    ("role", "may_read", "may_run", "may_withdraw"),
    [
        (Role.CARE_WORKER, False, False, False),
        (Role.CARE_MANAGER, True, False, False),
        (Role.FINANCE_OFFICER, True, False, True),
        (Role.FINANCE_APPROVER, True, True, True),
        (Role.AUDITOR, True, False, False),
        (Role.FEED, False, False, False),
        (Role.ADMINISTRATOR, False, False, False),
        (None, False, False, False),
    ],
)
async def test_who_may_do_what(
    planted: driver.Connection,
    run: Run,
    client_of: ClientOf,
    role: Role | None,
    may_read: bool,
    may_run: bool,
    may_withdraw: bool,
) -> None:
    case_id = await a_case(planted, run)
    client, refused = client_of(role, teams=["north"]), 401 if role is None else 403
    for path in (CASES, f"{CASES}/{case_id}", RUNS, f"{RUNS}/{await planted.fetchval('SELECT id FROM clawback_run')}"):
        assert (await client.get(path)).status_code == (200 if may_read else refused)
    made = await client.post(RUNS, json={}, headers=once())
    assert made.status_code == (201 if may_run else refused)
    withdrawn = await client.post(
        f"{CASES}/{case_id}/withdrawal", json={"reason": "wrong data"}, headers={"If-Match": '"1"'}
    )
    assert withdrawn.status_code == (200 if may_withdraw else refused)


async def test_a_care_manager_sees_the_cases_of_their_teams_alone(
    planted: driver.Connection, run: Run, client_of: ClientOf
) -> None:
    north, south = await a_case(planted, run, team="north"), await a_case(planted, run, team="south")
    care_manager = client_of(Role.CARE_MANAGER, teams=["south"])
    listed = (await care_manager.get(CASES)).json()
    assert [item["id"] for item in listed["items"]] == [str(south)]
    assert (await care_manager.get(CASES, params={"team": "north"})).json()["items"] == []
    assert (await care_manager.get(f"{CASES}/{south}")).status_code == 200
    assert (await care_manager.get(f"{CASES}/{north}")).status_code == 404
    assert len((await client_of(Role.AUDITOR).get(CASES)).json()["items"]) == 2


async def test_who_was_shown_whom_is_on_record(planted: driver.Connection, run: Run, client_of: ClientOf) -> None:
    case_id = await a_case(planted, run)
    await a_case(planted, run, team="south")
    people = {row["id"] for row in await planted.fetch("SELECT id FROM recipient")}
    auditor = client_of(Role.AUDITOR)
    await auditor.get(CASES)
    await auditor.get(f"{CASES}/{case_id}")
    rows = await planted.fetch("SELECT action, subject_kind, subject_ids FROM read_log ORDER BY id")
    assert [(row["action"], row["subject_kind"]) for row in rows] == [
        ("list_clawback_cases", "recipient"),
        ("read_clawback_case", "recipient"),
    ]
    assert set(rows[0]["subject_ids"]) == people
    owner = await planted.fetchval(
        "SELECT recipient_id FROM clawback_case c JOIN agreement a ON a.id = c.agreement_id WHERE c.id = $1", case_id
    )
    assert rows[1]["subject_ids"] == [owner]


async def test_nobody_is_shown_what_does_not_exist(client_of: ClientOf) -> None:
    auditor = client_of(Role.AUDITOR)
    for path in (f"{CASES}/{uuid4()}", f"{RUNS}/{uuid4()}"):
        assert (await auditor.get(path)).status_code == 404
