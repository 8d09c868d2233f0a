"""Staff numbers in one spelling (capitals A-Z, digits, hyphens), so that nobody counts as two people.

What only needs folding is folded. Two spellings of one number, and what is no staff number, stop the upgrade with a
list: only the council knows whether they are one person. Rows that are never changed (the trail, the read log, rules
and policies) keep what was written; nobody decides by them as a second person.
"""

import re
import unicodedata
from collections import defaultdict

from alembic import op

from services.shared.migrate import MigrationRefusedError

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FORM = "^[A-Z0-9][A-Z0-9-]{0,39}$"
COLUMNS = (
    ("staff_member", "staff_number"),
    ("staff_login", "staff_number"),
    ("staff_team", "staff_number"),
    ("quarantine_resolution", "proposed_by"),
    ("quarantine_resolution", "decided_by"),
    ("alert", "closed_by"),
    ("reconciliation_finding", "closed_by"),
)
KEYS = (
    ("staff_login", "fk_staff_login_staff_number_staff_member"),
    ("staff_team", "fk_staff_team_staff_number_staff_member"),
)
CHECKS = (
    ("staff_member", "ck_staff_member_staff_number_is_folded", "staff_number"),
    ("quarantine_resolution", "ck_quarantine_resolution_proposed_by_person", "proposed_by"),
    ("quarantine_resolution", "ck_quarantine_resolution_decided_by_person", "decided_by"),
)


def upgrade() -> None:
    """Fold every number that may be changed, or stop with a list; then hold the form by checks."""
    run = op.get_bind().exec_driver_sql
    places = _places()
    if troubles := [*_unreadable(places), *_colliding(places)]:
        raise MigrationRefusedError("\n- ".join(["staff numbers stop the upgrade, see docs/operations.md:", *troubles]))
    for table, key in KEYS:
        run(f"ALTER TABLE {table} DROP CONSTRAINT {key}")
    for spelling in places:
        if (number := _folded(spelling)) is not None and number != spelling:
            for table, column in COLUMNS:
                run(f"UPDATE {table} SET {column} = $1 WHERE {column} = $2", (number, spelling))  # noqa: S608
            _fold_caller(number, spelling)
    for table, key in KEYS:
        run(
            f"ALTER TABLE {table} ADD CONSTRAINT {key}"
            " FOREIGN KEY (staff_number) REFERENCES staff_member (staff_number)"
        )
    for table, name, column in CHECKS:
        run(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} ~ '{FORM}')")


def downgrade() -> None:
    """Let any spelling in again; what was folded stays so."""
    for table, name, _ in CHECKS:
        op.get_bind().exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def _places() -> dict[str, list[str]]:
    """Return each spelling that stands in a row that may be changed, and in which columns; machines are no people."""
    found: dict[str, list[str]] = defaultdict(list)
    for table, column in COLUMNS:
        stored = f"SELECT DISTINCT {column} FROM {table}"  # noqa: S608 (the names are those above)
        for (spelling,) in op.get_bind().exec_driver_sql(f"{stored} WHERE {column} NOT LIKE 'machine:%' ORDER BY 1"):
            found[spelling].append(f"{table}.{column}")
    return found


def _folded(spelling: str) -> str | None:
    plain = unicodedata.normalize("NFKC", spelling)
    return plain.upper() if plain.isascii() and re.fullmatch(FORM, plain.upper()) else None


def _unreadable(places: dict[str, list[str]]) -> list[str]:
    return [
        f"{spelling!a} in {', '.join(columns)} is not 1 to 40 letters A to Z, digits and hyphens"
        for spelling, columns in places.items()
        if _folded(spelling) is None
    ]


def _colliding(places: dict[str, list[str]]) -> list[str]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for spelling in places:
        if (number := _folded(spelling)) is not None:
            spellings[number].append(f"{spelling!a} in {', '.join(places[spelling])}")
    return [f"{number} is written as {'; as '.join(found)}" for number, found in spellings.items() if len(found) > 1]


def _fold_caller(number: str, spelling: str) -> None:
    """Let an act that is sent again find its answer; where the folded number has the same key, the older stays away."""
    op.get_bind().exec_driver_sql(
        "UPDATE idempotency_record AS stored SET caller = $1 WHERE caller = $2 AND NOT EXISTS (SELECT FROM"
        " idempotency_record AS other WHERE other.caller = $1 AND other.operation = stored.operation"
        " AND other.key = stored.key)",
        (number, spelling),
    )
