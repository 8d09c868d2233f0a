"""The queues by which reconciliation looks at what is new, and which account a finding is about."""

from alembic import context, op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE reconciliation_due (
    batch_number BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    CONSTRAINT pk_reconciliation_due PRIMARY KEY (batch_number)
);
CREATE TABLE statement_due (
    delivery_number BIGINT NOT NULL,
    CONSTRAINT pk_statement_due PRIMARY KEY (delivery_number)
);
CREATE TABLE statement_waiting (
    provider_code TEXT NOT NULL,
    account_ref TEXT NOT NULL,
    has_account BOOLEAN NOT NULL,
    next_closing_on DATE,
    CONSTRAINT pk_statement_waiting PRIMARY KEY (provider_code, account_ref),
    CONSTRAINT ck_statement_waiting_waits_for_something CHECK (NOT has_account OR next_closing_on IS NOT NULL),
    CONSTRAINT fk_statement_waiting_provider_code_feed_provider FOREIGN KEY(provider_code)
        REFERENCES feed_provider (code)
);
ALTER TABLE reconciliation_finding ADD COLUMN account_ref TEXT;
CREATE INDEX ix_reconciliation_finding_account ON reconciliation_finding (provider_code, account_ref, concerns_on)
    WHERE status = 'open';
CREATE INDEX ix_feed_statement_disproved ON feed_statement (provider_code, account_ref) WHERE is_proved IS FALSE;
CREATE INDEX ix_feed_delivery_sequence ON feed_delivery (provider_code, sequence) WHERE sequence IS NOT NULL
"""

# Which account the findings that stand are about; and whatever was ever stated is new to the first look.
FILL = """
UPDATE reconciliation_finding AS finding SET account_ref = account.provider_account_ref
    FROM account WHERE account.id = finding.account_id;
UPDATE reconciliation_finding AS finding SET account_ref = wrong.account_ref
    FROM feed_statement AS wrong WHERE finding.kind = 'statement_does_not_add_up'
    AND finding.key = 'statement_does_not_add_up:' || wrong.id;
UPDATE reconciliation_finding AS finding SET account_ref = after.account_ref
    FROM feed_statement AS after WHERE finding.kind = 'sequence_gap' AND finding.account_ref IS NULL
    AND after.delivery_number = finding.delivery_number AND after.closing_on = finding.concerns_on
    AND starts_with(finding.key, concat_ws(':', 'sequence_gap', after.provider_code, after.account_ref, ''));
INSERT INTO statement_due SELECT DISTINCT delivery_number FROM feed_statement
"""

GRANTED = ("reconciliation_due", "statement_due", "statement_waiting")

TAKE_BACK = """
DROP INDEX ix_feed_delivery_sequence;
DROP INDEX ix_feed_statement_disproved;
DROP INDEX ix_reconciliation_finding_account;
ALTER TABLE reconciliation_finding DROP COLUMN account_ref;
DROP TABLE statement_waiting;
DROP TABLE statement_due;
DROP TABLE reconciliation_due
"""


def upgrade() -> None:
    """Add the queues, fill them with what was stated so far, and let card_ingest alone read and empty them."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.strip().split(";\n"), *FILL.strip().split(";\n")):
        run(statement)
    for table in GRANTED:
        run(f"GRANT SELECT, INSERT, DELETE ON {table} TO {context.config.attributes['schema']}_card_ingest")


def downgrade() -> None:
    """Take the queues away: every look goes over everything again."""
    run = op.get_bind().exec_driver_sql
    for statement in TAKE_BACK.strip().split(";\n"):
        run(statement)
