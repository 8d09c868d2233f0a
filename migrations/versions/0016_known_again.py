"""What keeps a payment one payment: the layouts by which rows were known before, and what messages tell of payments."""

from alembic import context, op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LAYOUTS = """
CREATE TABLE feed_layout (
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    provider_code TEXT NOT NULL,
    profile TEXT NOT NULL,
    version BIGINT NOT NULL,
    form TEXT NOT NULL,
    digest BYTEA NOT NULL,
    first_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_feed_layout PRIMARY KEY (number),
    CONSTRAINT uq_feed_layout_provider_code_profile_digest UNIQUE (provider_code, profile, digest),
    CONSTRAINT fk_feed_layout_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider (code)
)
"""

PAYMENTS = """
CREATE TABLE payment_telling (
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    source TEXT NOT NULL,
    account_id UUID NOT NULL,
    effect_pence BIGINT NOT NULL,
    booked_on DATE NOT NULL,
    entry_number INTEGER NOT NULL,
    entry_pence BIGINT NOT NULL,
    reference_texts TEXT[] NOT NULL,
    payee TEXT,
    CONSTRAINT pk_payment_telling PRIMARY KEY (delivery_number, row_number),
    CONSTRAINT fk_payment_telling_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
);
CREATE INDEX ix_payment_telling_account_id_booked_on ON payment_telling (account_id, booked_on);
CREATE TABLE payment_match (
    delivery_number BIGINT NOT NULL,
    row_number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    stands_delivery_number BIGINT NOT NULL,
    stands_row_number INTEGER NOT NULL,
    provider_code TEXT NOT NULL,
    ground TEXT NOT NULL,
    matched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    matched_by TEXT NOT NULL,
    CONSTRAINT pk_payment_match PRIMARY KEY
        (delivery_number, row_number, revision, stands_delivery_number, stands_row_number),
    CONSTRAINT ck_payment_match_ground_is_known
        CHECK (ground IN ('reference', 'payee', 'parts', 'earlier_layout', 'decision')),
    CONSTRAINT fk_payment_match_provider_code_feed_provider FOREIGN KEY(provider_code) REFERENCES feed_provider (code)
);
CREATE INDEX ix_payment_match_stands ON payment_match (stands_delivery_number, stands_row_number);
CREATE INDEX ix_quarantined_row_told ON quarantined_row (provider_code, transaction_id)
    WHERE code IN ('told_by_another_message', 'may_be_told_twice', 'told_in_part')
"""

# Rows of bank statements that posted before: the reference that their id is made of, behind which the place of a detail
# stands, has lost its name. Rows known by their content have none.
FILL = """
INSERT INTO payment_telling
SELECT delivery_number, row_number, profile, account_id, amount_pence, booked_on,
    min(row_number) OVER entry, sum(amount_pence) OVER entry,
    CASE WHEN reference IS NULL THEN '{}' ELSE ARRAY['Known:' || reference] END,
    nullif(trim(lower(regexp_replace(merchant_name, '[^[:alnum:]]+', ' ', 'g'))), '')
FROM (
    SELECT posted.delivery_number, posted.row_number, came.profile, posted.account_id, posted.amount_pence,
        posted.booked_on, posted.merchant_name, named.reference,
        CASE WHEN named.reference <> named.text THEN named.reference ELSE posted.row_number::text END AS entry
    FROM card_transaction AS posted JOIN feed_delivery AS came ON came.number = posted.delivery_number
    CROSS JOIN LATERAL (SELECT regexp_replace(
        nullif(regexp_replace(posted.provider_transaction_id, '^([^:]*:|[0-9a-f]{32}-[0-9]+$)', ''), ''),
        '#[0-9]+$', '') AS text) AS whole
    CROSS JOIN LATERAL (SELECT whole.text, regexp_replace(whole.text, '/[0-9]+$', '') AS reference) AS named
    WHERE posted.row_number > 0 AND (came.profile IN ('camt053', 'camt054', 'mt940') OR EXISTS (
        SELECT FROM feed_statement AS stated WHERE stated.delivery_number = came.number
            AND (stated.statement_ref IS NOT NULL OR stated.sequence IS NOT NULL)))
) AS told
WINDOW entry AS (PARTITION BY delivery_number, entry)
"""

TABLES = ("feed_layout", "payment_telling", "payment_match")


def upgrade() -> None:
    """Add the tables, which nobody changes or empties."""
    run = op.get_bind().exec_driver_sql
    for statement in (LAYOUTS, *PAYMENTS.strip().split(";\n"), FILL):
        run(statement)
    for table in TABLES:
        run(f"GRANT SELECT, INSERT ON {table} TO {_role('card_ingest')}")
        run(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    run(f"GRANT SELECT ON payment_match TO {_role('dp_api')}, {_role('clawback')}")


def downgrade() -> None:
    """Take the tables away: every version of a layout knows its own rows alone."""
    run = op.get_bind().exec_driver_sql
    run("DROP INDEX ix_quarantined_row_told")
    for table in reversed(TABLES):
        run(f"DROP TABLE {table}")


def _role(service: str) -> str:
    return f"{context.config.attributes['schema']}_{service}"
