from datetime import date
from uuid import UUID, uuid4

import pytest

from services.shared.database import Database
from services.shared.identity.roles import Role
from tests import databases as test_databases
from tests.builders import accounts, agreements, recipients
from tests.dp_api.conftest import MACHINE, Callers

ACCOUNTS = "/v1/accounts"


@pytest.fixture
async def agreement_id(shared: Database, north: str) -> UUID:
    async with test_databases.superuser(shared.settings) as connection:
        await accounts.a_provider(connection)
    async with shared.write(actor=MACHINE) as session:
        recipient = await recipients.a_recipient(session, team_code=north)
        return (await agreements.an_agreement(session, recipient_id=recipient.id)).id


@pytest.fixture
async def address(shared: Database, agreement_id: UUID) -> str:
    """The address of an account with five transactions, two of them on one day."""
    async with shared.write(actor=MACHINE) as session:
        account = await accounts.an_account(session, agreement_id=agreement_id)
    async with test_databases.superuser(shared.settings) as connection:
        for day, pence in ((1, -100), (3, -300), (3, -301), (5, 500), (30, -900)):
            await accounts.a_transaction(
                connection,
                account_id=account.id,
                booked_on=date(2026, 10, day),
                amount_pence=pence,
                category="retail_household" if pence == -900 else "home_care",
            )
    return f"{ACCOUNTS}/{account.id}/transactions"


async def test_transactions_are_read_page_by_page_the_latest_first(callers: Callers, address: str) -> None:
    finance, seen, cursor = callers.finance(), [], None
    while True:
        page = (await finance.get(address, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["amount_pence"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [-900, 500, -301, -300, -100]


async def test_transactions_are_cut_to_a_period_and_category(callers: Callers, address: str) -> None:
    cuts: list[tuple[dict[str, str], list[int]]] = [
        ({"from": "2026-10-03", "to": "2026-10-05"}, [500, -301, -300]),
        ({"from": "2026-10-06"}, [-900]),
        ({"to": "2026-10-01"}, [-100]),
        ({"category": "retail_household"}, [-900]),
    ]
    for question, amounts in cuts:
        found = (await callers.finance().get(address, params=question)).json()["items"]
        assert [item["amount_pence"] for item in found] == amounts, question


async def test_auditors_see_codes_and_no_merchants_names(callers: Callers, address: str, north: str) -> None:
    audited = await callers.auditor().get(address)
    assert "EXAMPLE CARE" not in audited.text
    assert "invoice 7" not in audited.text
    first = audited.json()["items"][0]
    assert (first["mcc"], first["category"]) == ("8050", "retail_household")
    whole = (await callers.care_worker(north).get(address)).json()["items"][0]
    assert whole["merchant_name"] == "EXAMPLE CARE LTD"
    hidden = {"merchant_name", "merchant_category", "reference", "reverses_transaction_id"}
    assert whole.keys() - first.keys() == hidden


async def test_whose_money_was_shown_is_on_record(
    callers: Callers, shared: Database, address: str, agreement_id: UUID
) -> None:
    name = f"S{uuid4().hex[:8]}".upper()
    finance = callers.of(Role.FINANCE_OFFICER, name=name)
    recipient_id = (await finance.get(f"/v1/agreements/{agreement_id}")).json()["recipient_id"]
    await finance.get(address)
    await finance.get(ACCOUNTS, params={"agreement_id": str(agreement_id)})
    async with test_databases.superuser(shared.settings) as connection:
        rows = await connection.fetch("SELECT action, subject_ids FROM read_log WHERE actor = $1 ORDER BY id", name)
    assert [(row["action"], [str(one) for one in row["subject_ids"]]) for row in rows] == [
        (action, [recipient_id]) for action in ("read_agreement", "list_account_transactions", "list_accounts")
    ]
