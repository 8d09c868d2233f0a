"""Who is paid by transfer: by the account's own rules, as a registered assistant, as the agreement's money manager."""

from datetime import date
from uuid import UUID, uuid4

import pytest

from services.card_ingest.categories import merchants, rules
from services.shared import driver
from tests.builders import deliveries as build
from tests.card_ingest.conftest import Feed


async def an_agreement(connection: driver.Connection, account_id: UUID, *, money_manager: str | None = None) -> UUID:
    """Give the account an agreement behind dp_api's back, and return its recipient."""
    recipient_id, manager_id = uuid4(), uuid4() if money_manager else None
    await connection.execute("SET session_replication_role = replica")
    if manager_id is not None:
        await connection.execute(
            "INSERT INTO money_manager VALUES ($1, $2, 500, 1, now(), now())", manager_id, money_manager
        )
    await connection.execute(
        """INSERT INTO agreement (id, recipient_id, kind, legal_basis, status, money_manager_id, payment_schedule,
               cash_permitted, started_on, version, created_at, updated_at)
           SELECT agreement_id, $2, 'service_user', 's31', 'active', $3, 'four_weekly', false, '2026-01-01', 1, now(),
               now() FROM account WHERE id = $1""",
        account_id,
        recipient_id,
        manager_id,
    )
    await connection.execute("SET session_replication_role = origin")
    return recipient_id


async def an_assistant(
    connection: driver.Connection,
    recipient_id: UUID,
    full_name: str,
    *,
    started_on: date = date(2026, 1, 5),
    ended_on: date | None = None,
) -> None:
    """Register a personal assistant and engage them, behind dp_api's back."""
    assistant_id = uuid4()
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        "INSERT INTO personal_assistant VALUES ($1, $2, 'north', 1, now(), now())", assistant_id, full_name
    )
    await connection.execute(
        """INSERT INTO personal_assistant_engagement VALUES
               ($1, $2, $3, $4, $5, 10, 'none', false, NULL, now())""",
        uuid4(),
        recipient_id,
        assistant_id,
        started_on,
        ended_on,
    )
    await connection.execute("SET session_replication_role = origin")


def a_transfer(
    transaction_id: str, payee: str, kind: str = "faster_payment_out", **changes: object
) -> dict[str, object]:
    known = {"type": kind, "merchant_name": payee, "mcc": None, "card_ref": None, "account_ref": "ACC-1"}
    return build.an_event(transaction_id, **(known | changes))


async def category(feed: Feed, transaction_id: str) -> tuple[str, str | None]:
    """Return a transaction's category and the key of the rule that gave it."""
    found = await feed.connection.fetchrow(
        """SELECT posted.category, coalesce(rule.payee, rule.merchant, rule.mcc, rule.type) AS key
           FROM card_transaction AS posted LEFT JOIN category_rule AS rule ON rule.id = posted.category_rule_id
           WHERE provider_transaction_id = $1""",
        transaction_id,
    )
    assert found is not None
    return found["category"], found["key"]


WAGES = ("personal_assistant", rules.REGISTERED_ASSISTANT)
NOTHING = ("uncategorised", None)


@pytest.mark.parametrize(
    ("payee", "expected"),
    [
        ("JANE DERBY", WAGES),
        ("Ms Jane Anne Derby", WAGES),
        ("DERBY JANE WAGES", WAGES),
        ("J DERBY", NOTHING),
        ("JANET DERBYSHIRE", NOTHING),
        ("JOHN DERBY", NOTHING),
        ("JANE SMITH PAYROLL LTD", ("payroll_or_support_fee", "PAYROLL")),
    ],
)
async def test_a_transfer_to_a_registered_assistant_is_wages(
    feed: Feed, payee: str, expected: tuple[str, str | None]
) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    await feed.send(a_transfer("T1", payee), build.an_event("T2"))
    assert await category(feed, "T1") == expected
    assert await category(feed, "T2") == ("retail_household", "5411")


@pytest.mark.parametrize(
    ("registered", "payee", "is_same"),
    [
        ("Łucja Wójcik", "LUCJA WOJCIK", True),
        ("Lucja Wojcik", "ŁUCJA WÓJCIK", True),
        ("Mrs Jane Derby", "JANE DERBY", True),
        ("Mrs Jane Derby", "MRS A DERBY", False),
        ("Dr Derby", "DR JOHN DERBY", False),
        ("J Derby", "J DERBY", False),
        ("Sean O'Brien", "SEAN O BRIEN", True),
        ("Anne-Marie Smith-Jones", "ANNE MARIE SMITH-JONES", True),
        ("Jane Smith-Jones", "JANE SMITH", False),
        ("James James", "JAMES DERBY", False),
        ("James James", "JAMES B JAMES", True),
        ("Derby", "DERBY", False),
        ("Jane Derby", "JAN EDERBY", False),
    ],
)
def test_names_are_compared_as_banks_write_them(registered: str, payee: str, is_same: bool) -> None:
    cleaned = merchants.counterparty(payee)
    assert cleaned is not None
    assert rules.is_persons_name(cleaned, registered) is is_same


async def test_an_assistant_counts_from_the_first_to_the_last_day_of_the_engagement(feed: Feed) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(
        feed.connection, recipient_id, "Ann Lee", started_on=date(2026, 10, 10), ended_on=date(2026, 10, 20)
    )
    days = ("2026-10-09", "2026-10-10", "2026-10-20", "2026-10-21")
    await feed.send(*(a_transfer(day, "ANN LEE", "standing_order", booked_on=day) for day in days))
    assert [await category(feed, day) for day in days] == [NOTHING, WAGES, WAGES, NOTHING]


async def test_another_persons_assistant_is_nobody(feed: Feed) -> None:
    other = await build.an_account(feed.connection, "ACC-2")
    await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, await an_agreement(feed.connection, other), "Jane Derby")
    await feed.send(a_transfer("T1", "JANE DERBY"), a_transfer("T2", "JANE DERBY", account_ref="ACC-2"))
    assert [await category(feed, each) for each in ("T1", "T2")] == [NOTHING, WAGES]


async def test_a_card_payment_to_the_assistants_shop_is_none_of_their_wages(feed: Feed) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    await feed.send(build.an_event("T1", merchant_name="SQ *JANE DERBY", mcc="7230"))
    assert await category(feed, "T1") == ("retail_household", "7230")


async def test_a_bounced_payment_goes_to_where_it_was_spent(feed: Feed) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    await feed.send(a_transfer("T1", "JANE DERBY", "direct_debit_bounce"), a_transfer("T2", "JANE DERBY", "bacs_out"))
    assert [await category(feed, each) for each in ("T1", "T2")] == [WAGES, WAGES]


async def test_the_agreements_money_manager_is_paid_a_fee(feed: Feed) -> None:
    await an_agreement(feed.connection, feed.account_id, money_manager="Example Money Care Ltd")
    await feed.send(a_transfer("T1", "EXAMPLE MONEY CARE LIMITED"), a_transfer("T2", "EXAMPLE MONEY"))
    assert await category(feed, "T1") == ("money_manager_fee", rules.MONEY_MANAGER)
    assert await category(feed, "T2") == NOTHING


async def test_the_accounts_own_rule_goes_before_everything_from_its_day(feed: Feed) -> None:
    recipient_id = await an_agreement(feed.connection, feed.account_id)
    await an_assistant(feed.connection, recipient_id, "Jane Derby")
    for day, wanted in ((date(2026, 10, 1), "respite"), (date(2026, 11, 1), "domestic")):
        await feed.connection.execute(
            """INSERT INTO category_rule (payee, account_id, category, effective_from, made_by, reason)
               VALUES ('JANE DERBY', $1, $2, $3, 'f1', 'as agreed')""",
            feed.account_id,
            wanted,
            day,
        )
    days = ("2026-09-30", "2026-10-31", "2026-11-01")
    await feed.send(*(a_transfer(day, "Jane Derby", booked_on=day) for day in days))
    assert [(await category(feed, day))[0] for day in days] == ["personal_assistant", "respite", "domestic"]


@pytest.mark.parametrize(
    ("payee", "expected"),
    [
        ("HMRC CUMBERNAULD", ("hmrc_tax", "HMRC")),
        ("NEST", ("pension", "NEST")),
        ("NEST PENSIONS IT000123456", ("pension", "NEST PENSIONS")),
        ("Example Homecare Ltd", ("home_care", "HOMECARE")),
        ("BRITISH GAS HOMECARE", ("retail_household", "BRITISH GAS")),
        ("EXAMPLE PAYROLL SERVICES", ("payroll_or_support_fee", "PAYROLL")),
        ("TESCO BANK", ("uncategorised", "TESCO BANK")),
    ],
)
async def test_well_known_payees_need_no_registration(feed: Feed, payee: str, expected: tuple[str, str | None]) -> None:
    await feed.send(a_transfer("T1", payee, "direct_debit"))
    assert await category(feed, "T1") == expected
