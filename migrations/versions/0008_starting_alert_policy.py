"""The policy on alerts that the council starts with: when each kind is raised, and who looks first.

It is a starting policy that the council changes by adding later rows. The merchant category codes (MCC, ISO 18245) are
those that the schemes of direct payment cards usually block or query: betting, lotteries, casinos, racing, bars,
off-licences, tobacco, dating, massage, pawn, quasi-cash and money transfer. The guidance warns against lists of
forbidden spending, so that nothing follows from an alert but that a person looks (Care and Support Statutory Guidance,
ch. 12). Signals about somebody's safety or support go to the care pathway, questions about money to finance.
"""

import json
from datetime import date
from typing import Any

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# From the day on which the Care Act 2014 came into force, so that every transaction has a day on which a policy holds.
EFFECTIVE_FROM = date(2015, 4, 1)
MADE_BY = "machine:migration"
REASON = "the starting policy"

CARE, FINANCE = "care_pathway", "finance"
QUERIED = "4829 5813 5921 5933 5993 6051 7273 7297 7800 7801 7802 7995"
SUPPORT = "personal_assistant home_care respite day_care supported_living hmrc_tax payroll_or_support_fee"
KNOWN = (
    "home_care respite day_care supported_living insurance hmrc_tax pension payroll_or_support_fee money_manager_fee"
)

POLICY: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("cash_without_permission", CARE, {"least_pence": 1}),
    ("queried_merchant", FINANCE, {"least_pence": 1, "mccs": QUERIED.split(), "with_declined": True}),
    ("repeated_declines", CARE, {"declines": 3, "days": 7}),
    ("bounced_direct_debit", CARE, {"least_pence": 1}),
    (
        "care_payments_stopped",
        CARE,
        {
            "categories": SUPPORT.split(),
            "paid_days": 3,
            "look_back_days": 182,
            "silent_days": 42,
            "least_balance_pence": 5_000,
        },
    ),
    ("spend_after_end", FINANCE, {"least_pence": 1, "grace_days": 28}),
    ("spend_after_death", FINANCE, {"least_pence": 1, "grace_days": 0}),
    (
        "same_payee_across_people",
        FINANCE,
        {"people": 4, "days": 91, "expected_categories": [*KNOWN.split(), "personal_assistant", "council_recovery"]},
    ),
    (
        "new_payee_over_limit",
        FINANCE,
        {
            "over_pence": 50_000,
            "settling_days": 84,
            "look_back_days": 100,
            "expected_categories": [*KNOWN.split(), "personal_assistant", "council_recovery"],
        },
    ),
    ("negative_balance", FINANCE, {"over_pence": 0, "look_back_days": 35}),
    ("duplicate_charge", FINANCE, {"least_pence": 2_000, "hours": 24}),
    ("disputed_transaction", FINANCE, {}),
)


INSERT = """
INSERT INTO alert_policy (kind, effective_from, is_active, route, terms, made_by, reason)
VALUES ($1, $2, true, $3, $4::jsonb, $5, $6)
"""


def upgrade() -> None:
    """Enter the first version of each kind's policy."""
    bind = op.get_bind()
    for kind, route, terms in POLICY:
        bind.exec_driver_sql(
            INSERT,
            (kind, EFFECTIVE_FROM, route, json.dumps(terms), MADE_BY, REASON),
        )


def downgrade() -> None:
    """Take the policy out again; the table takes only new rows, so its trigger is put aside for that."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE alert_policy DISABLE TRIGGER append_only")
    run("DELETE FROM alert_policy WHERE made_by = 'machine:migration'")
    run("ALTER TABLE alert_policy ENABLE TRIGGER append_only")
