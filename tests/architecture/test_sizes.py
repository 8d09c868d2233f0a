"""A function fits a screen, a file is one thing, and no name of ours says nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES = 300
TEST_FILE_LINES = 400
FUNCTION_LINES = 40
EMPTY_NAMES = frozenset({"manager", "helper", "helpers", "util", "utils", "common", "core", "data", "info", "misc"})
EMPTY_ENDINGS = frozenset({"manager", "helper", "helpers", "util", "utils"})
THE_COUNCILS_OWN = re.compile(r"(money|care)_managers?$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def long_functions(text: str) -> list[tuple[str, int]]:
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, Function)]
    lengths = [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions]
    return [(name, length) for name, length in lengths if length > FUNCTION_LINES]


def is_empty_name(name: str) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
    if THE_COUNCILS_OWN.search(words):
        return False
    return words in EMPTY_NAMES or words.split("_")[-1] in EMPTY_ENDINGS


def defined_names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("path", python_files("services", "benchmarks", "docs"), ids=named)
def test_a_file_is_at_most_300_lines_and_its_functions_40(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES
    assert long_functions(text) == []


@pytest.mark.parametrize("path", python_files("tests"), ids=named)
def test_a_test_file_is_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TEST_FILE_LINES


@pytest.mark.parametrize("path", python_files("services", "benchmarks", "migrations", "docs"), ids=named)
def test_no_module_class_or_function_bears_an_empty_name(path: Path) -> None:
    assert [name for name in defined_names(path) if is_empty_name(name)] == []


@pytest.mark.parametrize("path", python_files("services"), ids=named)
def test_no_function_takes_whatever_it_is_given(path: Path) -> None:
    if path.is_relative_to(ROOT / "services/shared/web"):
        pytest.skip("the frame takes what the libraries around it call it with")
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, Function)]
    assert [node.name for node in functions if node.args.kwarg is not None] == []


@pytest.mark.parametrize("folder", ["services", "tests", "benchmarks", "migrations"])
def test_every_package_says_what_it_is_and_exports_nothing(folder: str) -> None:
    for path in (ROOT / folder).rglob("__init__.py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(module), f"{named(path)} says nothing"
        assert len(module.body) == 1, f"{named(path)} holds more than its paragraph"


def test_a_function_past_a_screen_is_seen() -> None:
    body = "\n".join(["def long() -> None:", *["    pass"] * FUNCTION_LINES])
    assert long_functions(body) == [("long", FUNCTION_LINES + 1)]


@pytest.mark.parametrize("name", ["utils", "SessionManager", "date_helpers", "Common", "info", "core"])
def test_an_empty_name_is_seen(name: str) -> None:
    assert is_empty_name(name)


@pytest.mark.parametrize("name", ["MoneyManager", "list_money_managers", "care_manager", "data_dir", "information"])
def test_the_councils_own_words_pass(name: str) -> None:
    assert not is_empty_name(name)
