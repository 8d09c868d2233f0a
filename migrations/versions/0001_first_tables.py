"""The first tables, area by area: `migrations/first_tables/` has one file of SQL for each module of `shared.tables`."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parents[1] / "first_tables"
AREAS = ("staff", "people", "feeds", "agreements", "transactions", "clawback", "records")


def upgrade() -> None:
    """Create every table with its constraints and indexes."""
    for area in AREAS:
        for statement in statements(area):
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop the tables, the last made first."""
    for area in reversed(AREAS):
        for table in reversed(tables(area)):
            op.get_bind().exec_driver_sql(f"DROP TABLE {table}")


def statements(area: str) -> list[str]:
    """Return the statements of an area's file, which a semicolon at a line's end divides."""
    text = (FOLDER / f"{area}.sql").read_text().removesuffix(";\n")
    return [part.split("\n\n", 1)[-1] if part.startswith("--") else part for part in text.split(";\n\n")]


def tables(area: str) -> list[str]:
    """Return the names of an area's tables in the order in which they are made."""
    return [part.split()[2] for part in statements(area) if part.startswith("CREATE TABLE ")]
