"""Who may do what to which table: each has one writing service, append-only ones are never changed or emptied."""

from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SERVICES = ("dp_api", "card_ingest", "clawback")

GRANTS = """
-- the version that the schema stands at, for readiness
GRANT SELECT ON alembic_version TO {dp_api}, {card_ingest}, {clawback};

-- staff
GRANT SELECT, INSERT, UPDATE ON staff_member TO {dp_api};
GRANT SELECT ON staff_member TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON team TO {dp_api};
GRANT SELECT ON team TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_login TO {dp_api};
GRANT SELECT ON staff_login TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE, DELETE ON staff_team TO {dp_api};
GRANT SELECT ON staff_team TO {card_ingest}, {clawback};

-- people
GRANT SELECT, INSERT, UPDATE ON money_manager TO {dp_api};
GRANT SELECT ON money_manager TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON personal_assistant TO {dp_api};
GRANT SELECT ON personal_assistant TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON recipient TO {dp_api};
GRANT SELECT ON recipient TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON personal_assistant_engagement TO {dp_api};
GRANT SELECT ON personal_assistant_engagement TO {card_ingest}, {clawback};

-- feeds
GRANT SELECT ON feed_provider TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON feed_provider TO {card_ingest};
GRANT SELECT ON feed_row TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_row TO {card_ingest};
GRANT SELECT ON feed_delivery TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_delivery TO {card_ingest};
GRANT SELECT, INSERT, UPDATE ON feed_key TO {card_ingest};
GRANT SELECT ON quarantined_row TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON quarantined_row TO {card_ingest};
GRANT SELECT ON feed_batch TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON feed_batch TO {card_ingest};
GRANT SELECT, INSERT ON feed_content TO {card_ingest};
GRANT SELECT ON feed_progress TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON feed_progress TO {card_ingest};

-- agreements
GRANT SELECT, INSERT, UPDATE ON agreement TO {dp_api};
GRANT SELECT ON agreement TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON account TO {dp_api};
GRANT SELECT ON account TO {card_ingest}, {clawback};
GRANT SELECT, INSERT ON budget TO {dp_api};
GRANT SELECT ON budget TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON card TO {dp_api};
GRANT SELECT ON card TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE, DELETE ON gross_today TO {dp_api};
GRANT SELECT ON gross_today TO {card_ingest}, {clawback};

-- transactions
GRANT SELECT ON card_transaction TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON card_transaction TO {card_ingest};
GRANT SELECT ON category TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON category TO {card_ingest};
GRANT SELECT ON category_rule TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON category_rule TO {card_ingest};
GRANT SELECT ON spend_delta TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE, DELETE ON spend_delta TO {card_ingest};
GRANT SELECT ON spend_summary TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON spend_summary TO {card_ingest};
GRANT SELECT ON account_balance TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON account_balance TO {card_ingest};
GRANT SELECT ON card_decline TO {dp_api}, {clawback};
GRANT SELECT, INSERT ON card_decline TO {card_ingest};
GRANT SELECT ON card_hold TO {dp_api}, {clawback};
GRANT SELECT, INSERT, UPDATE ON card_hold TO {card_ingest};

-- clawback
GRANT SELECT ON clawback_policy TO {dp_api}, {card_ingest};
GRANT SELECT, INSERT ON clawback_policy TO {clawback};
GRANT SELECT ON clawback_run TO {dp_api}, {card_ingest};
GRANT SELECT, INSERT ON clawback_run TO {clawback};
GRANT SELECT ON clawback_case TO {dp_api}, {card_ingest};
GRANT SELECT, INSERT, UPDATE ON clawback_case TO {clawback};
GRANT SELECT ON clawback_calculation TO {dp_api}, {card_ingest};
GRANT SELECT, INSERT ON clawback_calculation TO {clawback};
GRANT SELECT ON clawback_calculation_line TO {dp_api}, {card_ingest};
GRANT SELECT, INSERT ON clawback_calculation_line TO {clawback};

-- records
GRANT SELECT, INSERT ON audit_entry TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, INSERT ON audit_seal TO {dp_api};
GRANT SELECT ON audit_seal TO {card_ingest}, {clawback};
GRANT SELECT, INSERT, DELETE ON idempotency_record TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, INSERT ON job_run TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, INSERT ON personal_key TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, INSERT ON read_log TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, INSERT, UPDATE ON scheduler_heartbeat TO {dp_api}, {card_ingest}, {clawback};
GRANT SELECT, DELETE ON unsealed_entry TO {dp_api};
"""


def upgrade() -> None:
    """Grant each service's role exactly what its work needs; nothing goes to PUBLIC."""
    for statement in GRANTS.format(**roles()).strip().removesuffix(";").split(";\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Revoke every table right of the three roles."""
    for role in roles().values():
        op.get_bind().exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema()} FROM {role}")


def roles() -> dict[str, str]:
    """Return the three services' roles, which carry the name of the council's schema."""
    return {service: f"{schema()}_{service}" for service in SERVICES}


def schema() -> str:
    """Return the council's schema, a plain lower-case name (`DP_SCHEMA`)."""
    return str(context.config.attributes["schema"])
