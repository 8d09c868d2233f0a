"""The first day that a provider declares, and the kind of alert for money booked before an account was opened."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KINDS = (
    "'cash_without_permission', 'queried_merchant', 'repeated_declines', 'bounced_direct_debit', "
    "'care_payments_stopped', 'spend_after_end', 'spend_after_death', 'same_payee_across_people', "
    "'new_payee_over_limit', 'negative_balance', 'duplicate_charge', 'disputed_transaction'"
)

# From the day on which there were direct payments at all: no row is booked before it.
POLICY = """
INSERT INTO alert_policy (kind, effective_from, is_active, route, terms, made_by, reason)
VALUES ('booked_before_opening', '1997-04-01', true, 'finance', '{}'::jsonb, 'machine:migration', 'the starting policy')
"""

TAKE_BACK = """
DELETE FROM alert WHERE kind = 'booked_before_opening';
ALTER TABLE alert_policy DISABLE TRIGGER append_only;
DELETE FROM alert_policy WHERE kind = 'booked_before_opening';
ALTER TABLE alert_policy ENABLE TRIGGER append_only;
ALTER TABLE feed_provider DROP COLUMN first_day_on
"""


def upgrade() -> None:
    """Add the column, the kind and its starting policy."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE feed_provider ADD COLUMN first_day_on date")
    _allow(f"{KINDS}, 'booked_before_opening'")
    run(POLICY)


def downgrade() -> None:
    """Take them back, with the alerts of the kind."""
    run = op.get_bind().exec_driver_sql
    for statement in TAKE_BACK.split(";"):
        run(statement)
    _allow(KINDS)


def _allow(kinds: str) -> None:
    """Allow these kinds of alert, and no others."""
    run = op.get_bind().exec_driver_sql
    for table in ("alert", "alert_policy"):
        name = f"ck_{table}_alert_kind"
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK (kind IN ({kinds}))")
