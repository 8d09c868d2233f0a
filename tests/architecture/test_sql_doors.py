"""SQL stands behind doors: questions in `queries.py`, set-based writes in `statements.py` and in the rooms named."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.house import source

LONGEST_SQL = 40
MAKES_SQL = re.compile(r"^(sqlalchemy|asyncpg)(\.|$)")
DOORS = frozenset({"queries.py", "statements.py"})

ROOMS = (
    "services/shared/",  # The floor: tables, sessions, the trail.
    "services/clawback/grounds/",
    "services/clawback/runs/",  # A run is one sequence of sets over its own temporary tables.
    "services/demo/",  # Loads a county in whole sets, as no service does.
    "services/card_ingest/alerts/finders/",
)
# Rows, types and errors of the driver, and one row written where an act reads like minutes.
ACTS = frozenset(
    {
        "services/clawback/cases/explanation.py",
        "services/clawback/cases/operations.py",
        "services/dp_api/recipients/operations.py",
        "services/running.py",
    }
)
# The card feed's statements stand beside its stages until it has its rooms (docs/adr/0048-sql-behind-doors.md).
OF_THE_FEED = frozenset(
    f"services/card_ingest/{name}.py"
    for name in (
        *("alerts/examined", "alerts/examining", "alerts/finder", "alerts/policies", "batches", "categories/backtest"),
        *("categories/following", "categories/payees", "categories/recategorising", "categories/returns"),
        *("complete_days", "decisions/changed_days", "decisions/replacing_days", "deliveries", "gathering/convoy"),
        *("gathering/one_commit", "holds", "layouts", "originals", "posting", "proving", "quarantine", "recomputing"),
        *("reconciliation/disagreements", "reconciliation/due", "reconciliation/operations", "reconciliation/proof"),
        *("resolving", "spend", "trials"),
    )
)


def holds_sql(path: Path) -> bool:
    """Tell whether a module holds a text of SQL, or imports what makes it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    return bool(source.sql_lengths([path])) or any(MAKES_SQL.match(module) for module in modules)


def test_sql_stands_behind_its_doors_and_the_exceptions_are_still_needed() -> None:
    elsewhere = {
        source.named(path)
        for path in source.files()
        if path.name not in DOORS and not source.named(path).startswith(ROOMS) and holds_sql(path)
    }
    assert elsewhere == ACTS | OF_THE_FEED


@pytest.mark.parametrize("path", source.files(), ids=source.named)
def test_a_text_of_sql_is_at_most_40_lines(path: Path) -> None:
    assert [length for length in source.sql_lengths([path]) if length.lines > LONGEST_SQL] == []


def test_sql_outside_a_door_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "ROOT", tmp_path)
    path = tmp_path / "operations.py"
    for text, is_sql in (("from sqlalchemy import select", True), ('Q = """\nSELECT 1\n"""', True), ("x = 1", False)):
        path.write_text(text, encoding="utf-8")
        assert holds_sql(path) is is_sql
