"""What `make house` measures, on small houses of which the answer is known, and the goals that the house holds to."""

from pathlib import Path

import pytest

from tests.architecture.house import knots, repeats, requests, source

FUNCTION = """def {name}(rows, limit):
    total = 0
    for row in rows:
        if row.pence > limit:
            total += row.pence
        else:
            total -= 1
    return total
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(source, "ROOT", tmp_path)
    return tmp_path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_lines_that_differ_in_names_alone_are_a_repetition(house: Path) -> None:
    one = written(house, "one.py", FUNCTION.format(name="over"))
    other = written(house, "other.py", FUNCTION.format(name="above").replace("row", "case"))
    assert repeats.pairs([one, other]) == [repeats.Pair("one.py:1", "other.py:1", 8)]
    assert repeats.pairs([one, written(house, "list.py", "a = 1\n" * 20)]) == []


def test_a_circle_of_imports_is_a_knot_and_a_chain_is_none() -> None:
    chain = {"main": {"rooms"}, "rooms": {"floor"}, "floor": set[str]()}
    assert [len(circle) for circle in knots.circles(chain)] == [1, 1, 1]
    assert [sorted(circle) for circle in knots.circles(chain | {"floor": {"main"}})] == [["floor", "main", "rooms"]]


def test_the_length_of_an_sql_text_is_its_lines_and_no_docstring_is_one(house: Path) -> None:
    first, second = '"""\n    SELECT 1\n    FROM case_row\n"""', 'f"""\nSELECT {FIRST}\n"""'
    text = f'"""SELECT\nwhat is no SQL"""\nFIRST = {first}\nSECOND = {second}\n'
    lengths = source.sql_lengths([written(house, "queries.py", text)])
    assert lengths == [source.Length(4, "queries.py:3"), source.Length(3, "queries.py:7")]


def test_our_own_modules_know_no_circle() -> None:
    assert len(knots.largest()) == 1


def test_a_request_enters_few_files_between_its_door_and_its_sql() -> None:
    entered = {request.request: len(request.files) for request in requests.measured()}
    assert entered["read a recipient"] in range(2, 5)
    assert entered["activate an agreement"] in range(4, 10)
    assert entered["push of three rows"] in range(6, 30)
    assert entered["a CSV file without ids"] in range(6, 38)
    assert entered["a clawback run"] in range(4, 9)
