"""A proof of each key of the installation, so that a lost or wrong one stops the start."""

from alembic import context, op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SERVICES = ("dp_api", "card_ingest", "clawback")


def upgrade() -> None:
    """Add the table; each service leaves the proofs of its own first start in it."""
    run = op.get_bind().exec_driver_sql
    run(
        "CREATE TABLE key_check (setting text NOT NULL, key_id text NOT NULL, made bytea NOT NULL,"
        " first_used_at timestamptz NOT NULL, CONSTRAINT pk_key_check PRIMARY KEY (setting, key_id))"
    )
    for service in SERVICES:
        run(f"GRANT SELECT, INSERT ON key_check TO {context.config.attributes['schema']}_{service}")


def downgrade() -> None:
    """Forget the proofs: what is stored is asked instead."""
    op.get_bind().exec_driver_sql("DROP TABLE key_check")
