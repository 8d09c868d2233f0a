import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CITATIONS = ("Source: ", "Council policy: ")


def rule_modules() -> list[Path]:
    services = ROOT / "services"
    found = {*services.rglob("rules.py"), *services.rglob("shared/law/*.py"), *services.rglob("clawback/grounds/*.py")}
    return sorted(path for path in found if path.name != "__init__.py")


def public_functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def cites(docstring: str | None) -> bool:
    """Tell whether the last paragraph, which may run over several lines, names a source."""
    last = inspect.cleandoc(docstring or "").split("\n\n")[-1]
    starts = [line for line in last.splitlines() if line.startswith(CITATIONS)]
    return bool(starts) and all(len(line.split(": ", 1)[1].strip()) > 5 for line in starts)


def uncited(text: str) -> list[str]:
    return [function.name for function in public_functions(text) if not cites(ast.get_docstring(function))]


@pytest.mark.parametrize("path", rule_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_public_rule_names_its_source(path: Path) -> None:
    assert uncited(path.read_text(encoding="utf-8")) == []


def test_there_are_rules_to_read() -> None:
    rules = [function.name for path in rule_modules() for function in public_functions(path.read_text("utf-8"))]
    assert len(rules) >= 10, rules


@pytest.mark.parametrize(
    "docstring",
    ["", "Find it.", "Find it.\n\nSource:", "Source: Care Act 2014, s.31\n\nAnd more.", "Find it, as Source: says."],
)
def test_a_rule_without_its_source_is_seen(docstring: str) -> None:
    assert uncited(f'def rule() -> None:\n    """{docstring}"""\n') == ["rule"]


@pytest.mark.parametrize(
    "docstring",
    ["Find it.\n\nSource: Care Act 2014, s.31.", "Find it.\n\nCouncil policy: Development Plan, s.8,\nthe long way."],
)
def test_a_rule_with_its_source_passes(docstring: str) -> None:
    assert uncited(f'def rule() -> None:\n    """{docstring}"""\n') == []
