"""What a decision carries along: the rows that a replaced day takes back, the refunds that follow their original."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what two people agree to take back, and which transaction another one's category follows."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE quarantine_resolution ADD COLUMN withdraws text[]")
    run(
        "ALTER TABLE categorisation ADD COLUMN follows_id bigint,"
        " ADD CONSTRAINT fk_categorisation_follows_id_card_transaction"
        " FOREIGN KEY (follows_id) REFERENCES card_transaction (id)"
    )


def downgrade() -> None:
    """Forget both: what was taken back and moved stays so."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE categorisation DROP COLUMN follows_id")
    run("ALTER TABLE quarantine_resolution DROP COLUMN withdraws")
