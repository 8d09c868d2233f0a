"""The tables for any feed: schemes, polling, complete days, statements, findings, alerts, decisions by two people."""

from pathlib import Path

from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FOLDER = Path(__file__).resolve().parent.parent / "any_feed"
SERVICES = ("dp_api", "card_ingest", "clawback")

APPEND_ONLY = (
    "alert_policy",
    "categorisation",
    "feed_complete_day",
    "feed_increment_row",
    "feed_statement",
    "card_release",
)

NEW_TABLES = (
    "alert_due",
    "alert_policy",
    "categorisation",
    "feed_complete_day",
    "feed_increment_row",
    "feed_poll",
    "feed_statement",
    "quarantine_resolution",
    "alert",
    "card_release",
    "reconciliation_finding",
)

GRANTS = """
GRANT SELECT ON alert_due TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_due TO {card_ingest};
GRANT SELECT ON alert_policy TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON alert_policy TO {card_ingest};
GRANT SELECT ON categorisation TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON categorisation TO {card_ingest};
GRANT SELECT ON feed_complete_day TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_complete_day TO {card_ingest};
GRANT SELECT ON feed_increment_row TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_increment_row TO {card_ingest};
GRANT SELECT, INSERT, UPDATE ON feed_poll TO {card_ingest};
GRANT SELECT ON feed_statement TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_statement TO {card_ingest};
GRANT SELECT ON quarantine_resolution TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON quarantine_resolution TO {card_ingest};
GRANT SELECT ON alert TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON alert TO {card_ingest};
GRANT SELECT ON card_release TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON card_release TO {card_ingest};
GRANT SELECT ON reconciliation_finding TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON reconciliation_finding TO {card_ingest};
"""

TAKE_BACK = """
ALTER TABLE clawback_case DROP COLUMN left_out_from;
ALTER TABLE clawback_run DROP COLUMN stale_accounts;
ALTER TABLE category_rule
    DROP CONSTRAINT ck_category_rule_one_key,
    DROP CONSTRAINT uq_category_rule_key,
    DROP COLUMN merchant,
    DROP COLUMN payee,
    DROP COLUMN account_id,
    ADD CONSTRAINT ck_category_rule_one_key CHECK ((mcc IS NULL) <> (type IS NULL)),
    ADD CONSTRAINT uq_category_rule_mcc_type_effective_from UNIQUE NULLS NOT DISTINCT (mcc, type, effective_from);
DROP INDEX ix_card_decline_delivery_number_row_number;
ALTER TABLE card_hold DROP COLUMN released_pence;
ALTER TABLE card_transaction DROP COLUMN payee, DROP COLUMN authorisation_id;
ALTER TABLE quarantined_row DROP COLUMN transaction_id;
DROP INDEX ix_feed_delivery_provider_code_received_at;
ALTER TABLE feed_delivery
    DROP COLUMN sequence,
    DROP CONSTRAINT ck_feed_delivery_delivery_door,
    ADD CONSTRAINT ck_feed_delivery_delivery_door CHECK (door IN ('signed_push', 'staff_upload', 'command_line')),
    DROP CONSTRAINT uq_feed_delivery_content,
    ADD CONSTRAINT uq_feed_delivery_provider_code_sha256_account_ref_profile
        UNIQUE NULLS NOT DISTINCT (provider_code, sha256, account_ref, profile);
ALTER TABLE feed_key DROP COLUMN kind, DROP COLUMN fingerprint;
ALTER TABLE feed_provider DROP COLUMN signature_scheme, DROP COLUMN push_profile, DROP COLUMN expected_every_hours
"""


def upgrade() -> None:
    """Add what is new, change what is there; append-only tables refuse change, each service gets what it needs."""
    run = op.get_bind().exec_driver_sql
    for file in ("changed_tables.sql", "new_tables.sql"):
        for statement in (FOLDER / file).read_text().strip().removesuffix(";").split(";\n"):
            run(statement)
    for table in APPEND_ONLY:
        run(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for statement in GRANTS.format(**_roles()).strip().removesuffix(";").split(";\n"):
        run(statement)


def downgrade() -> None:
    """Take the new tables and columns away. Fails where a row would no longer fit."""
    run = op.get_bind().exec_driver_sql
    for table in reversed(NEW_TABLES):
        run(f"DROP TABLE {table}")
    for statement in TAKE_BACK.strip().split(";\n"):
        run(statement)


def _roles() -> dict[str, str]:
    return {service: f"{context.config.attributes['schema']}_{service}" for service in SERVICES}
