"""Who sees which team is said in one place; a second definition would sooner or later say something else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIGHT = "services/shared/sight.py"
OF_ACTORS = {
    SIGHT,
    "services/shared/identity/actor.py",
    "services/shared/web/idempotency.py",  # The same caller is one with the same teams.
    "services/dp_api/staff/endpoints.py",  # `/v1/me` tells the caller their teams.
}
COMPARED = re.compile(r"team_code\.in_\(|team_code\s*=\s*ANY", re.IGNORECASE)


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "services").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("services/demo/"):
            yield name, path.read_text(encoding="utf-8")


def asks_an_actors_teams(text: str) -> bool:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "teams":
            owner = node.value
            named = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if named in ("actor", "caller"):
                return True
    return False


def test_only_sight_turns_an_actors_teams_into_a_condition() -> None:
    assert {name for name, text in modules() if asks_an_actors_teams(text)} <= OF_ACTORS


def test_no_statement_compares_teams_by_itself() -> None:
    assert [name for name, text in modules() if COMPARED.search(text) and name != SIGHT] == []


def test_a_second_definition_would_be_seen() -> None:
    assert asks_an_actors_teams("def seen(session):\n    return Recipient.team_code.in_(session.actor.teams)\n")
    assert COMPARED.search("WHERE recipient.team_code = ANY($1::text[])")
