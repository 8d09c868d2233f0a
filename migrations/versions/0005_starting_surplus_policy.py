"""The surplus policy that the council starts with: four weeks of the gross payment, from the Plan's first day."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

POLICY = """
INSERT INTO clawback_policy (effective_from, threshold_weeks, source, made_by, reason)
VALUES (
    DATE '2018-10-01', 4, 'Direct Payments Development Plan 2018-2023, s.8', 'machine:migration',
    'The council considers carefully the reasons for balances greater than four weeks'' worth of the gross payment.'
)
"""


def upgrade() -> None:
    """Enter the first version of the policy."""
    op.get_bind().exec_driver_sql(POLICY)


def downgrade() -> None:
    """Take it out again; the table takes only new rows, so its trigger is put aside for that."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE clawback_policy DISABLE TRIGGER append_only")
    run("DELETE FROM clawback_policy WHERE effective_from = DATE '2018-10-01' AND made_by = 'machine:migration'")
    run("ALTER TABLE clawback_policy ENABLE TRIGGER append_only")
