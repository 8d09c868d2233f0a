"""Print the house in figures: `python -m tests.architecture.house`."""

import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from services.shared import logs
from tests.architecture.house import knots, repeats, requests, source
from tests.architecture.house.source import Length

_LONGEST = 5
_PERCENT = 90


def main() -> None:
    """Measure and print."""
    logs.configure("error")
    paths = source.files()
    console = Console()
    lengths = {
        "files": source.file_lengths(paths),
        "functions": source.function_lengths(paths),
        "SQL texts": source.sql_lengths(paths),
    }
    console.print(_lengths(lengths))
    total = sum(length.lines for length in lengths["files"])
    circle, same = knots.largest(), repeats.pairs(paths)
    console.print(f"{total} lines in {len(paths)} files")
    console.print(f"largest import knot: {0 if len(circle) < 2 else len(circle)} modules")
    console.print(
        f"repeated blocks: {len(same)} pairs, {1000 * len(same) / total:.1f} per thousand lines; the longest:"
    )
    for pair in same[:_LONGEST]:
        console.print(f"  {pair.lines:>3} lines  {pair.one} ~ {pair.other}")
    console.print(_requests(requests.measured()))


def _lengths(lengths: dict[str, list[Length]]) -> Table:
    table = Table("lines of", "number", "median", "90th percentile", "longest", "which")
    for name, found in lengths.items():
        longest = max(found)
        lines = [length.lines for length in found]
        ninetieth = statistics.quantiles(lines, n=100)[_PERCENT - 1]
        table.add_row(
            name,
            str(len(lines)),
            f"{statistics.median(lines):.0f}",
            f"{ninetieth:.0f}",
            str(longest.lines),
            longest.place,
        )
    return table


def _requests(measured: Sequence[requests.Entered]) -> Table:
    table = Table("request", "files of its service", "functions in them", "files of the floor")
    for entered in measured:
        table.add_row(entered.request, str(len(entered.files)), str(entered.functions), str(entered.shared_files))
    return table


if __name__ == "__main__":
    main()
