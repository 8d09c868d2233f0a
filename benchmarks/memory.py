"""How much memory `dp feed import` takes for a CSV file of a million rows that have no id of their own."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks import measure
from benchmarks.measure import Result, Scale, Size, Stopwatch
from services.shared import embedded

ROWS = {Size.SMALL: 20_000, Size.NORMAL: 1_000_000, Size.LONG: 1_000_000}
LIMIT_MB = 300
_PROFILE = """
format = "csv"
name = "bench_statement"
version = 1
title = "A statement without transaction ids"
encoding = "utf-8"
delimiter = ","
reference = "details"

[identity]
covers = "complete_days"

[amount]
column = "amount"
written_in = "pounds"
positive_is = "spend"

[type]
money_out = "purchase_pos"
money_in = "refund"

[dates]
booked = "date"
formats = ["%d/%m/%Y"]

[account]
whole_file = "trial"
"""


async def results(running: embedded.Server, scale: Scale, report: Callable[[str], None]) -> list[Result]:
    """Import the file in a process of its own, with a database of its own, and watch how large it gets."""
    rows = ROWS[scale.size]
    report(f"ingest.memory ({rows:,} rows)")
    folder = Path(tempfile.mkdtemp(prefix="dp-memory-"))
    try:
        file = folder / "statement.csv"
        await asyncio.to_thread(_write, file, rows)
        (folder / "data" / "profiles").mkdir(parents=True)
        (folder / "data" / "profiles" / "bench_statement.toml").write_text(_PROFILE)
        watch = Stopwatch()
        peak_mb, code = await _import(file, data_dir=folder / "data")
        measure.require(code == 0, f"the import ended with {code}")
        rate = watch.rate(rows)
    finally:
        await asyncio.to_thread(_stop, folder / "data")
        shutil.rmtree(folder, ignore_errors=True)
    limit_is = f"the most it may take, at {rows:,} rows ({rate:,.0f} rows/s with start and set-up)"
    return [Result("ingest.memory", peak_mb, LIMIT_MB, "MB", limit_is)]


def _write(file: Path, rows: int) -> None:
    random = Random(1)
    with file.open("w") as out:
        out.write("date,details,amount\n")
        for number in range(rows):
            day = 1 + number * 28 // rows
            out.write(f"{day:02}/10/2026,Shop {random.randrange(500)},{random.randint(100, 9_999) / 100:.2f}\n")


async def _import(file: Path, *, data_dir: Path) -> tuple[float, int]:
    command = [sys.executable, "-m", "services.command", "feed", "import", str(file)]
    command += ["--provider", "bench", "--profile", "bench_statement", "--account", "trial", "--json"]
    importing = await asyncio.create_subprocess_exec(
        *command, env=os.environ | {"DP_DATA_DIR": str(data_dir)}, stdout=asyncio.subprocess.DEVNULL
    )
    largest = 0.0
    ended = asyncio.create_task(importing.wait())
    while not (await asyncio.wait([ended], timeout=0.2))[0]:
        largest = max(largest, _peak_mb(importing.pid))
    return largest, ended.result()


def _peak_mb(pid: int) -> float:
    """Return the most memory that a process has held so far, as the kernel counts it (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _stop(data_dir: Path) -> None:
    if (server := embedded.running(data_dir)) is not None:
        embedded.stop(server)
