"""The source as it is measured: files, functions, and the texts of SQL in them, each with its length in lines."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SQL = re.compile(r"^\s*(SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|MERGE)\s", re.IGNORECASE | re.MULTILINE)
SCREAMS = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\b")


@dataclass(frozen=True, slots=True, order=True)
class Length:
    """How many lines something has, and where it begins."""

    lines: int
    place: str


def files(folder: str = "services") -> list[Path]:
    """Return every module below a folder of the project, in the order of their names."""
    return sorted((ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    """Return a file's name as the project knows it."""
    return path.relative_to(ROOT).as_posix()


def file_lengths(paths: Sequence[Path]) -> list[Length]:
    """Return the lines of each file."""
    return [Length(len(path.read_text(encoding="utf-8").splitlines()), named(path)) for path in paths]


def function_lengths(paths: Sequence[Path]) -> list[Length]:
    """Return the lines of each function and method, signature and docstring included."""
    return [
        _length(node, path)
        for path in paths
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def sql_lengths(paths: Sequence[Path]) -> list[Length]:
    """Return the lines of each text that is SQL: a string of several lines, docstrings aside, that holds a clause."""
    return [
        _length(node, path)
        for path in paths
        for node in _texts(_tree(path))
        if SQL.search(_content(node)) and SCREAMS.search(_content(node)) and node.end_lineno != node.lineno
    ]


def _texts(tree: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield every string that is a value of its own: no docstring, and of an f-string the whole alone."""
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            is_text = isinstance(child, ast.Constant) and isinstance(child.value, str)
            if isinstance(parent, ast.Expr | ast.JoinedStr | ast.FormattedValue):
                continue
            if is_text or isinstance(child, ast.JoinedStr):
                assert isinstance(child, ast.Constant | ast.JoinedStr)
                yield child


def _content(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def _length(node: ast.stmt | ast.expr, path: Path) -> Length:
    return Length((node.end_lineno or node.lineno) - node.lineno + 1, f"{named(path)}:{node.lineno}")


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))
