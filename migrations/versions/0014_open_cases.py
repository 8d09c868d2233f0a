"""One meaning of an open case, what the last test of it came to, and a way to the holds of a payment cycle."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# A case was over no more where a run of a later day tested its agreement: not one that had ended or was left out.
UP = """
ALTER TABLE clawback_case ADD COLUMN closed_on DATE, ADD COLUMN not_over_on DATE;
UPDATE clawback_case SET closed_on = (updated_at AT TIME ZONE 'Europe/London')::date WHERE status = 'withdrawn';
UPDATE clawback_case SET not_over_on = tested.as_of
FROM (
    SELECT flagged.id, max(run.as_of) AS as_of
    FROM clawback_case AS flagged JOIN agreement ON agreement.id = flagged.agreement_id
    JOIN clawback_run AS run ON run.as_of > flagged.last_flagged_on
        AND run.as_of < coalesce(least(agreement.ended_on, flagged.left_out_from), 'infinity')
    GROUP BY flagged.id
) AS tested
WHERE tested.id = clawback_case.id;
ALTER TABLE clawback_case ADD CONSTRAINT ck_clawback_case_closed_has_day
    CHECK ((status = 'withdrawn') = (closed_on IS NOT NULL));
DROP INDEX uq_clawback_case_open;
CREATE UNIQUE INDEX uq_clawback_case_open ON clawback_case (agreement_id, ground) WHERE closed_on IS NULL;
ALTER TABLE clawback_case DROP COLUMN left_out_from;
CREATE INDEX ix_card_hold_settled_at ON card_hold USING brin (settled_at)
"""

DOWN = """
DROP INDEX ix_card_hold_settled_at;
ALTER TABLE clawback_case ADD COLUMN left_out_from DATE;
DROP INDEX uq_clawback_case_open;
CREATE UNIQUE INDEX uq_clawback_case_open ON clawback_case (agreement_id, ground) WHERE status <> 'withdrawn';
ALTER TABLE clawback_case DROP CONSTRAINT ck_clawback_case_closed_has_day;
ALTER TABLE clawback_case DROP COLUMN not_over_on, DROP COLUMN closed_on
"""


def upgrade() -> None:
    """Add both days, filled from what is known, and let an agreement have one case on a ground that is not closed."""
    for statement in UP.strip().split(";\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Let a case that is not withdrawn be open again; since when runs left one out is not known any more."""
    for statement in DOWN.strip().split(";\n"):
        op.get_bind().exec_driver_sql(statement)
