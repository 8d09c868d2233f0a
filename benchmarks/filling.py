"""What a stage is filled with, by set statements: people with an account each, and years of posted transactions."""

from datetime import date, timedelta
from typing import Final

from services.shared import driver

PROVIDER: Final = "bench-cards"
TODAY: Final = date(2026, 11, 20)
MONTHS: Final = 24
FIRST_DAY: Final = TODAY - timedelta(days=730)
MERCHANTS: Final = 500

_PEOPLE: Final = """
INSERT INTO team (code, name) VALUES ('bench', 'Bench team');
INSERT INTO feed_provider (code, name, created_at) VALUES ('{provider}', 'Bench cards', now());
INSERT INTO recipient (id, kind, full_name, date_of_birth, primary_support_reason, ethnicity, team_code, address_lines,
    postcode, home_care_zone, administered_by, version, created_at, updated_at)
SELECT md5('recipient ' || n)::uuid, 'adult', 'Bench Person ' || n, DATE '1960-01-01', 'learning_disability', 'white',
    'bench', '1 Bench Road', 'LX1 1AA', 'melton', 'alone', 1, now(), now()
FROM generate_series(1, {accounts}) n;
INSERT INTO agreement (id, recipient_id, kind, legal_basis, status, payment_schedule, first_payment_on, cash_permitted,
    started_on, version, created_at, updated_at)
SELECT md5('agreement ' || n)::uuid, md5('recipient ' || n)::uuid, 'service_user', 's31', 'active', 'four_weekly',
    DATE '{first_day}', false, DATE '{first_day}', 1, now(), now()
FROM generate_series(1, {accounts}) n;
INSERT INTO budget (id, agreement_id, effective_from, revision, weekly_gross_pence, weekly_contribution_pence,
    weekly_net_pence, weekly_council_pence, weekly_nhs_pence, reason, created_at)
SELECT md5('budget ' || n)::uuid, md5('agreement ' || n)::uuid, DATE '{first_day}', 1, 20000 + n % 20000, 0,
    20000 + n % 20000, 20000 + n % 20000, 0, 'First budget', now()
FROM generate_series(1, {accounts}) n;
INSERT INTO gross_today (agreement_id, budget_id, weekly_gross_pence, valid_on)
SELECT md5('agreement ' || n)::uuid, md5('budget ' || n)::uuid, 20000 + n % 20000, DATE '{today}'
FROM generate_series(1, {accounts}) n;
INSERT INTO account (id, agreement_id, kind, status, provider_code, provider_account_ref, care_group, opened_on,
    version, created_at, updated_at)
SELECT md5('account ' || n)::uuid, md5('agreement ' || n)::uuid, 'prepaid_card', 'open', '{provider}', 'A' || n,
    'learning_disabilities', DATE '{first_day}', 1, now(), now()
FROM generate_series(1, {accounts}) n;
INSERT INTO card (id, account_id, provider_code, provider_card_ref, last_four, opened_on, created_at)
SELECT md5('card ' || n)::uuid, md5('account ' || n)::uuid, '{provider}', 'C' || n, '0000', DATE '{first_day}', now()
FROM generate_series(1, {accounts}) n;
INSERT INTO account_balance (account_id, posted_pence, held_pence, transactions)
SELECT md5('account ' || n)::uuid, 0, 0, 0 FROM generate_series(1, {accounts}) n;
"""

_TRANSACTIONS: Final = """
INSERT INTO card_transaction (provider_code, provider_transaction_id, account_id, card_id, type, amount_pence,
    occurred_at, booked_on, accounting_month, care_group, category, mcc, merchant_name, content_digest, delivery_number,
    row_number, batch_number)
SELECT '{provider}', md5('past ' || n), md5('account ' || 1 + n % {accounts})::uuid, NULL,
    CASE WHEN n / {accounts} % 3 = 0 THEN 'load' ELSE 'purchase_pos' END,
    CASE WHEN n / {accounts} % 3 = 0 THEN 50000 + n % 40000
        + CASE WHEN n % {accounts} % 5 = 0 THEN 60000 ELSE 0 END ELSE -(20000 + n % 30000) END,
    day.booked + TIME '12:00', day.booked, to_char(day.booked, 'YYYYMM')::int, 'learning_disabilities',
    CASE WHEN n / {accounts} % 3 = 0 THEN 'council_load' ELSE (ARRAY['home_care', 'travel', 'leisure'])[1 + n % 3] END,
    CASE WHEN n / {accounts} % 3 = 0 THEN NULL ELSE '8050' END, 'Merchant ' || n % 500, '\\x00', 0, n, 0
FROM generate_series(0, {rows} - 1) n, LATERAL (SELECT DATE '{first_day}' + (n * 730 / {rows})) day(booked);
"""

_BALANCES: Final = """
UPDATE account_balance SET posted_pence = moved.pence, transactions = moved.rows, last_booked_on = moved.last
FROM (SELECT account_id, sum(amount_pence) AS pence, count(*) AS rows, max(booked_on) AS last
    FROM card_transaction GROUP BY account_id) moved
WHERE moved.account_id = account_balance.account_id;
INSERT INTO spend_summary (accounting_month, category, care_group, provider_code, amount_pence, transactions)
SELECT accounting_month, category, care_group, provider_code, sum(amount_pence), count(*)
FROM card_transaction GROUP BY 1, 2, 3, 4;
"""


async def people(superuser: driver.Connection, *, accounts: int) -> None:
    """Make this many recipients, each with an agreement, a budget of £200 to £400 a week, an account and a card."""
    await superuser.execute(
        _PEOPLE.format(provider=PROVIDER, accounts=accounts, first_day=FIRST_DAY.isoformat(), today=TODAY.isoformat())
    )
    await superuser.execute("VACUUM ANALYZE")


async def transactions(superuser: driver.Connection, *, accounts: int, rows: int) -> None:
    """Post this many transactions over two years, with the balances and the summary that belong to them."""
    await superuser.execute(
        _TRANSACTIONS.format(provider=PROVIDER, accounts=accounts, rows=rows, first_day=FIRST_DAY.isoformat())
    )
    await superuser.execute(_BALANCES)
    await superuser.execute("VACUUM ANALYZE")
