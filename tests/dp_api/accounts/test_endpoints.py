from typing import Any
from uuid import UUID, uuid4

import pytest

from services.dp_api.accounts import operations
from services.shared.database import Database
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


async def opened(callers: Callers, agreement_id: UUID, **changes: Any) -> str:
    """Open an account and return its address."""
    body = accounts.new_account(agreement_id).model_dump(mode="json") | changes
    answer = await callers.finance().post(ACCOUNTS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"1"'
    return answer.headers["Location"]


def account_id(address: str) -> UUID:
    return UUID(address.rsplit("/", 1)[1])


async def test_an_account_is_shown_with_its_balance_and_cards(
    callers: Callers, shared: Database, agreement_id: UUID, north: str
) -> None:
    address = await opened(callers, agreement_id)
    finance = callers.finance()
    card = await finance.post(f"{address}/cards", json={"provider_card_ref": f"c-{uuid4()}", "last_four": "0007"})
    assert (card.status_code, card.headers["Location"]) == (201, address)
    async with test_databases.superuser(shared.settings) as connection:
        await accounts.a_balance(connection, account_id=account_id(address), posted_pence=97_373, held_pence=1_001)
    for caller in (finance, callers.care_worker(north), callers.auditor()):
        shown = (await caller.get(address)).json()
        assert shown["balance"] == {
            "posted_pence": 97_373,
            "held_pence": 1_001,
            "available_pence": 96_372,
            "last_booked_on": "2026-10-30",
        }
        assert [each["last_four"] for each in shown["cards"]] == ["0007"]
        assert "care_group" not in shown


async def test_an_account_that_holds_money_is_not_closed(
    callers: Callers, shared: Database, agreement_id: UUID
) -> None:
    address, finance = await opened(callers, agreement_id), callers.finance()
    closing = {"reason": "moved to another provider"}
    for posted, held, status in ((1, 0, 409), (0, 1, 409), (-1, 0, 409), (0, 0, 200)):
        async with test_databases.superuser(shared.settings) as connection:
            await accounts.a_balance(connection, account_id=account_id(address), posted_pence=posted, held_pence=held)
        answer = await finance.post(f"{address}/closure", json=closing)
        assert answer.status_code == status
    closed = (await finance.get(address)).json()
    assert (closed["status"], closed["closed_on"]) == ("closed", "2026-11-02")


WRONG: list[tuple[dict[str, str], str]] = [
    ({"provider_account_ref": "4111111111111111"}, "/provider_account_ref"),
    ({"provider_account_ref": "60-16-13-31926819"}, "/provider_account_ref"),
    ({"last_four": "4111111111111111"}, "/last_four"),
    ({"kind": "trial"}, "/kind"),
    ({"provider_code": "nobank"}, "/provider_code"),
]


async def test_what_is_wrong_is_pointed_at_and_not_repeated(callers: Callers, agreement_id: UUID) -> None:
    finance = callers.finance()
    for change, pointer in WRONG:
        body = accounts.new_account(agreement_id).model_dump(mode="json") | change
        answer = await finance.post(ACCOUNTS, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), change
        assert next(iter(change.values())) not in answer.text


async def test_care_opens_no_account_and_sees_its_own_alone(
    callers: Callers, agreement_id: UUID, north: str, south: str
) -> None:
    body = accounts.new_account(agreement_id).model_dump(mode="json")
    assert (await callers.care_manager(north).post(ACCOUNTS, json=body)).status_code == 403
    address = await opened(callers, agreement_id)
    stranger = callers.care_worker(south)
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.get(f"{address}/transactions")).status_code == 404
    assert (await stranger.get(ACCOUNTS, params={"agreement_id": str(agreement_id)})).json()["items"] == []
    assert (await callers.care_worker(north).get(address)).status_code == 200


async def test_accounts_are_listed_by_what_staff_ask_for(callers: Callers, agreement_id: UUID, north: str) -> None:
    await opened(callers, agreement_id)
    await opened(callers, agreement_id, kind="bank_account", last_four=None)
    care = callers.care_worker(north)
    recipient_id = (await care.get(f"/v1/agreements/{agreement_id}")).json()["recipient_id"]
    for question, count in (
        ({}, 2),
        ({"recipient_id": recipient_id}, 2),
        ({"agreement_id": str(agreement_id), "kind": "bank_account"}, 1),
        ({"status": "closed"}, 0),
        ({"provider": accounts.PROVIDER}, 2),
        ({"provider": "nobank"}, 0),
        ({"limit": "1"}, 1),
    ):
        assert len((await care.get(ACCOUNTS, params=question)).json()["items"]) == count, question


async def test_a_trial_account_is_nobodys_and_out_of_the_teams_sight(
    callers: Callers, shared: Database, agreement_id: UUID, north: str
) -> None:
    async with test_databases.superuser(shared.settings) as connection:
        provider = await accounts.a_provider(connection, f"p{uuid4().hex[:8]}")
    async with shared.write(actor=MACHINE) as session:
        trial = await operations.open_trial_account(session, provider_code=provider, today=accounts.TODAY)
    assert (await callers.finance().get(f"{ACCOUNTS}/{trial}")).json()["agreement_id"] is None
    assert (await callers.care_worker(north).get(f"{ACCOUNTS}/{trial}")).status_code == 404
