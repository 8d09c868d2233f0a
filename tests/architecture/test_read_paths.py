"""What a read session cannot refuse itself: SQL on the driver's own connection. Each such question is named here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[2] / "services"
PAST_THE_SESSION = re.compile(r"\bdatabases?\.(raw|once)\(|\blender\.fetch\(")
# Questions: their statements are constants that begin with SELECT or WITH and change nothing.
QUESTIONS = frozenset(
    {
        "services.card_ingest.batches.policy",
        "services.card_ingest.decisions.changed_days.of_row",
        "services.card_ingest.decisions.queries._holder",
        "services.card_ingest.decisions.queries.earlier",
        "services.card_ingest.decisions.queries.has_posted",
        "services.card_ingest.decisions.queries.is_taken_back",
        "services.card_ingest.layouts.earlier",
        "services.card_ingest.pipeline.release_waiting",
        "services.card_ingest.queries.delivery_rows",
        "services.card_ingest.recomputing._posted_rows",
        "services.card_ingest.recomputing.delivery_ids",
        "services.card_ingest.recomputing.recompute",
        "services.card_ingest.reconciliation.queries.feed_health",
        "services.card_ingest.trials._facts",
        "services.shared.direct._alone",
        "services.shared.direct.ask",
        "services.shared.web.health._database",
    }
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def past_the_session(function: Function) -> bool:
    """Whether the function asks for the driver's connection and its session is not a write session."""
    text = ast.unparse(function)
    is_write = "WriteSession" in ast.unparse(function.args) or ".write(" in text
    return PAST_THE_SESSION.search(text) is not None and not is_write


def functions() -> Iterator[tuple[str, Function]]:
    for path in sorted(SERVICES.rglob("*.py")):
        module = ".".join(path.relative_to(SERVICES.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{module}.{node.name}", node


def test_only_named_questions_pass_a_read_session_by() -> None:
    assert {name for name, function in functions() if past_the_session(function)} == QUESTIONS


def test_a_question_on_the_drivers_connection_is_seen() -> None:
    text = "async def q(session: {}) -> None:\n    (await database.raw(session)).fetch('DELETE')"
    seen = [past_the_session(ast.parse(text.format(kind)).body[0]) for kind in ("ReadSession", "WriteSession")]  # type: ignore[arg-type]
    assert seen == [True, False]


# What may be compiled to run past a session: a question. Only these three put a write into one, each of one kind.
WRITERS = {
    "services/shared/questions.py": {"ReadEntry"},
    "services/shared/amendments.py": {"AuditEntry", "stored"},
    "services/shared/personal_keys.py": {"PersonalKey"},
}
COMPILED = re.compile(r"\bdirect\.compiled\(\s*(\w+)")
WRITTEN = re.compile(r"\b(?:insert|update|delete)\((\w+)\)")


def test_only_questions_are_compiled_outside_of_the_three_that_leave_records() -> None:
    for path in sorted(SERVICES.rglob("*.py")):
        name, text = str(path.relative_to(SERVICES.parent)), path.read_text(encoding="utf-8")
        if name in WRITERS:
            assert set(WRITTEN.findall(text)) <= WRITERS[name], name
        else:
            assert set(COMPILED.findall(text)) <= {"select"}, name


def test_only_an_amendment_acts_past_a_session() -> None:
    calling = {path.name for path in SERVICES.rglob("*.py") if "direct.act(" in path.read_text(encoding="utf-8")}
    assert calling == {"amendments.py"}
