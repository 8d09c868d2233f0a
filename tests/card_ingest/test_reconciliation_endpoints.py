"""Findings, statements and the health of the feeds as people see them."""

from datetime import timedelta

from services.card_ingest import main
from services.card_ingest.reconciliation import operations
from services.shared import clock, jobs
from services.shared.identity.roles import Role
from tests.builders import deliveries as build
from tests.builders import statements
from tests.card_ingest.conftest import Feed
from tests.http import Clients

HEALTH = "/v1/feeds/health"
FINDINGS = "/v1/feeds/findings"
STATEMENTS = "/v1/feeds/statements"


async def take_in(feed: Feed, *each: str) -> None:
    await build.receive(feed.database, statements.camt(*each), profile="camt053", account_ref="ACC-1")


def wrong(number: int) -> str:
    """Return a statement that neither adds up nor agrees with the books."""
    balances = [
        statements.balance("OPBD", "0.00", on=f"2026-11-{number - 1}"),
        statements.balance("CLBD", f"{number}.00", on=f"2026-11-{number}"),
    ]
    return statements.statement(balances=balances, id=f"S{number}", sequence=str(number))


async def test_findings_are_listed_narrowed_and_closed_by_finance_alone(feed: Feed, clients: Clients) -> None:
    await take_in(feed, wrong(12), wrong(13))
    await operations.reconcile_feeds(feed.database, actor=build.ACTOR, now=build.NOW)
    officer, auditor = clients.of(Role.FINANCE_OFFICER), clients.of(Role.AUDITOR)
    listed = (await auditor.get(FINDINGS)).json()["items"]
    kinds = sorted(item["kind"] for item in listed)
    assert kinds == ["balance_differs", "balance_differs", *["statement_does_not_add_up"] * 2]
    differs = {"kind": "balance_differs", "provider": build.PROVIDER, "status": "open"}
    first = (await officer.get(FINDINGS, params=differs | {"limit": 1})).json()
    rest = (await officer.get(FINDINGS, params=differs | {"cursor": first["next_cursor"]})).json()
    found = [*first["items"], *rest["items"]]
    assert (len(found), rest["next_cursor"]) == (2, None)
    assert {(item["account_id"], item["held_pence"]) for item in found} == {(str(feed.account_id), 0)}
    assert {item["stated_pence"] for item in found} == {1_200, 1_300}
    address = f"{FINDINGS}/{found[0]['id']}/closure"
    assert (await auditor.post(address, json={"reason": "mine"})).status_code == 403
    closed = await officer.post(address, json={"reason": "the bank has confirmed it"})
    assert closed.status_code == 200
    assert (closed.json()["status"], closed.json()["close_reason"]) == ("closed", "the bank has confirmed it")
    assert (await officer.post(address, json={"reason": "again"})).status_code == 409
    assert len((await officer.get(FINDINGS, params=differs)).json()["items"]) == 1
    unknown = f"{FINDINGS}/{feed.account_id}/closure"
    assert (await officer.post(unknown, json={"reason": "whose?"})).status_code == 404


async def test_statements_are_listed_the_latest_first_without_account_numbers(feed: Feed, clients: Clients) -> None:
    await take_in(feed, wrong(12), wrong(13))
    await build.receive(feed.database, statements.camt(wrong(14)), profile="camt053")
    officer = clients.of(Role.FINANCE_OFFICER)
    first = (await officer.get(STATEMENTS, params={"limit": 2})).json()
    rest = (await officer.get(STATEMENTS, params={"cursor": first["next_cursor"]})).json()
    items = [*first["items"], *rest["items"]]
    assert [item["statement_ref"] for item in items] == ["S14", "S13", "S12"]
    assert [item["account_id"] for item in items] == [None, str(feed.account_id), str(feed.account_id)]
    assert [(item["closing_pence"], item["entries"], item["is_proved"]) for item in items] == [
        (1_400, 0, False), (1_300, 0, False), (1_200, 0, False),
    ]  # fmt: skip
    assert statements.IBAN not in str(items)
    of_account = (await officer.get(STATEMENTS, params={"account": str(feed.account_id)})).json()["items"]
    assert [item["statement_ref"] for item in of_account] == ["S13", "S12"]
    assert (await officer.get(STATEMENTS, params={"provider": "eastcard"})).json()["items"] == []


async def test_the_health_of_a_feed_says_what_came_what_waits_and_what_disagrees(feed: Feed, clients: Clients) -> None:
    await build.a_provider(feed.connection, "eastcard")
    await feed.connection.execute(
        "UPDATE feed_provider SET expected_every_hours = 24, created_at = '2026-11-01' WHERE code = 'northbank'"
    )
    now = clock.now()
    await feed.send(
        build.an_event("a"), build.an_event("b", card_ref="CARD-9"), sequence=7, now=now - timedelta(hours=25)
    )
    await operations.watch_feeds(feed.database, actor=build.ACTOR, now=now)
    health = (await clients.of(Role.ADMINISTRATOR).get(HEALTH)).json()
    late, quiet = health["items"]
    assert (late["provider_code"], late["is_late"], late["expected_every_hours"]) == ("northbank", True, 24)
    assert (late["last_booked_on"], late["last_sequence"]) == ("2026-11-12", 7)
    assert (late["waiting_rows"], late["open_findings"], late["undone_deliveries"]) == (1, 1, 0)
    assert (quiet["provider_code"], quiet["is_late"], quiet["delivered_at"]) == ("eastcard", False, None)
    assert health["proof"] is None


async def test_a_proof_of_the_books_that_failed_is_seen(feed: Feed, clients: Clients) -> None:
    await feed.send(build.an_event("a"))
    await feed.connection.execute("UPDATE account_balance SET posted_pence = 0")
    assert await jobs.run(main.PROVE_BALANCES, feed.database, now=clock.now())
    health = (await clients.of(Role.FINANCE_OFFICER).get(HEALTH)).json()
    assert health["proof"]["failed"] == {"balances_wrong": 1}


async def test_the_jobs_run_as_the_scheduler_runs_them(feed: Feed) -> None:
    await take_in(feed, wrong(12))
    await feed.connection.execute("UPDATE feed_provider SET expected_every_hours = 1, created_at = '2026-11-01'")
    await feed.connection.execute("SET session_replication_role = replica")
    await feed.connection.execute("UPDATE feed_delivery SET received_at = now() - interval '61 minutes'")
    for job in (main.WATCH_FEEDS, main.RECONCILE_FEEDS):
        assert await jobs.run(job, feed.database, now=clock.now())
    found = await feed.connection.fetch("SELECT kind FROM reconciliation_finding ORDER BY 1")
    assert [row["kind"] for row in found] == ["balance_differs", "feed_is_late", "statement_does_not_add_up"]
