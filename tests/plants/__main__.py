"""`make plants`: plant every bug in a copy of the tree, run the tests that must catch it, and say which were caught.

A plant is caught where each test that it names goes red; all of them are green before anything is planted.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Table

from tests.plants.bugs import PLANTS
from tests.plants.plant import ROOT, Plant

_LEFT_OUT = (".git", ".venv", ".tools", ".data", ".peers", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
_SECONDS = 900
_REPORT = ("-o", "junit_family=xunit1")  # the newer form takes no figures that tests tell


class NotGreenError(RuntimeError):
    """A test that is to catch a bug is red, or is not run at all, where nothing is planted."""


def main(arguments: Sequence[str]) -> int:
    """Plant what was asked for, print the table, and return 1 where something was not caught."""
    asked = _asked(arguments)
    chosen = [plant for plant in PLANTS if not asked.only or plant.name in asked.only or plant.area in asked.only]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="plants") as folder:
        copies = [_copied(Path(folder) / str(number)) for number in range(asked.workers)]
        _say(f"{len(chosen)} plants; first their {len(_tests_of(chosen))} tests without any")
        _require_green(copies[0], _tests_of(chosen))
        _say(f"green in {time.monotonic() - began:.0f} s; now with each bug, {asked.workers} at the same time")
        missed = _all_planted(chosen, copies)
    _show(chosen, missed)
    _say(f"{len(chosen) - len(missed)} of {len(chosen)} plants caught by name in {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.plants", description=__doc__)
    parser.add_argument("only", nargs="*", help="names or areas of plants; all where none is named")
    parser.add_argument("--workers", type=int, default=2, help="plants that are tried at the same time")
    return parser.parse_args(arguments)


def _all_planted(chosen: Sequence[Plant], copies: Sequence[Path]) -> dict[str, list[str]]:
    """Plant each in a copy that is free; return the tests that stayed green, by the plant's name."""
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)
    done = itertools.count(1)

    def tried(plant: Plant) -> tuple[str, list[str]]:
        copy = free.get()
        try:
            with _planted(plant, copy):
                red = _red(copy, plant.caught_by)
        finally:
            free.put(copy)
        missed = [test for test in plant.caught_by if test not in red]
        _say(f"{next(done)}/{len(chosen)} {plant.name}: {'NOT caught' if missed else 'caught'}")
        return plant.name, missed

    with ThreadPoolExecutor(len(copies)) as pool:
        return {name: missed for name, missed in pool.map(tried, chosen) if missed}


@contextmanager
def _planted(plant: Plant, copy: Path) -> Iterator[None]:
    path = copy / plant.place().relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    path.write_text(plant.planted(), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def _copied(copy: Path) -> Path:
    shutil.copytree(ROOT, copy, ignore=lambda _folder, names: [name for name in names if name in _LEFT_OUT])
    return copy


def _require_green(copy: Path, tests: Sequence[str]) -> None:
    troubles = _troubles(copy, tests)
    red = {test: troubles.get(test, "not run") for test in tests if troubles.get(test, "not run")}
    if red:
        raise NotGreenError(f"not green without a plant: {red}")


def _red(copy: Path, tests: Sequence[str]) -> set[str]:
    troubles = _troubles(copy, tests)
    return {test for test in tests if troubles.get(test)}


def _troubles(copy: Path, tests: Sequence[str]) -> dict[str, str]:
    """Run tests in a copy; return of each that was run what was wrong with its cases, nothing where all were green."""
    report = copy / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_REPORT, f"--junitxml={report}", *tests]
    subprocess.run(command, cwd=copy, env=_environment(copy), capture_output=True, timeout=_SECONDS, check=False)
    troubles: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest's own report)
        wrong = [part.get("message", "") or "red" for kind in ("failure", "error") for part in case.findall(kind)]
        for test in _named(case):
            troubles[test] = troubles.get(test, "") + "; ".join(wrong)
    return troubles


def _named(case: ET.Element) -> tuple[str, str]:
    """Return a case by its test, whatever its parameters, and by its file."""
    path = f"{case.get('classname', '').replace('.', '/')}.py"
    return path, f"{path}::{case.get('name', '').partition('[')[0]}"


def _environment(copy: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(copy), "DP_REFERENCE_DATA": str(copy / "nowhere")}


def _tests_of(plants: Iterable[Plant]) -> list[str]:
    return sorted({test for plant in plants for test in plant.caught_by})


def _show(chosen: Sequence[Plant], missed: dict[str, list[str]]) -> None:
    table = Table("area", "plant", "what is wrong", "caught", "by")
    for plant in chosen:
        left = missed.get(plant.name, [])
        names = "\n".join(f"{test.rpartition('::')[2]}{' (green)' if test in left else ''}" for test in plant.caught_by)
        table.add_row(plant.area.value, plant.name, plant.says, "NO" if left else "yes", names)
    Console(width=200).print(table)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
