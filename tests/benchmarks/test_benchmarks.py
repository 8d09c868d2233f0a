import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest

from benchmarks import __main__ as program
from benchmarks import batches, measure
from benchmarks.measure import Result, Scale, Size

ROOT = Path(__file__).resolve().parents[2]


async def test_the_median_of_interleaved_rounds_leaves_out_the_first() -> None:
    order: list[str] = []

    async def slow(number: int) -> float:
        order.append(f"slow {number}")
        return {-1: 1_000.0, 0: 1.0, 1: 3.0, 2: 2.0}[number]

    async def quick(number: int) -> float:
        order.append(f"quick {number}")
        return 10.0

    assert await measure.interleaved(
        replace(measure.SCALES[Size.SMALL], warm_up=1), {"slow": slow, "quick": quick}
    ) == {"slow": 2.0, "quick": 10.0}
    assert order[:4] == ["slow -1", "quick -1", "slow 0", "quick 0"]


def test_a_ratio_is_the_value_as_a_share_of_its_limit() -> None:
    assert Result("a", 30.0, 40.0, "rows/s", "a limit").ratio == 0.75


def test_a_batch_says_what_it_will_do_to_the_balances() -> None:
    made = batches.batches(Random(3), count=3, rows=200, accounts=50)
    seen: dict[str, tuple[int, int]] = {}
    for batch in made:
        rows = [msgspec.json.decode(line) for line in batch.body.splitlines()]
        assert len(rows) == batch.rows == 200
        fresh = {row["provider_transaction_id"]: row for row in rows if row["provider_transaction_id"] not in seen}
        assert len(fresh) == batch.distinct == len(batch.copy_text.splitlines())
        moved: Counter[int] = Counter()
        for number, row in fresh.items():
            moved[int(row["account_ref"][1:])] -= row["amount_pence"]
            seen[number] = (1, 1)
        assert moved == batch.moved_pence
    assert [batch.distinct for batch in made] == [198, 198, 198]


def test_a_run_prints_and_writes_its_results(tmp_path: Path) -> None:
    written = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--size", "small", "--only", "report", "--json", str(written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "fsync=on" in done.stdout
    rows = json.loads(written.read_text())
    assert {row["name"] for row in rows} == {"report.council", "report.all"}
    for row in rows:
        assert set(row) == {"name", "value", "limit", "ratio", "unit", "limit_is", "at_least", "aim"}
        assert row["value"] > 0 < row["limit"]
        assert row["name"] in done.stdout


def test_a_wrong_result_ends_the_run_with_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wrong(_running: object, _scale: Scale, _report: object) -> list[Result]:
        measure.require(False, "a row is missing")
        return []

    written = tmp_path / "results.json"
    monkeypatch.setitem(program.AREAS, "report", wrong)
    monkeypatch.setattr(
        sys, "argv", ["benchmarks", "--size", Size.SMALL.value, "--only", "report", "--json", str(written)]
    )
    assert program.main() == 1
    assert "a row is missing" in capsys.readouterr().err
    assert not written.exists()
