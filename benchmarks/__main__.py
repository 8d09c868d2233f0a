"""Run the benchmarks: `python -m benchmarks [--size small|normal|long] [--json PATH] [--only AREA]`."""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from benchmarks import api, clawback, growth, ingest, measure, memory, over_http, peers, report, stage, webhook
from benchmarks.measure import Result, Scale, Size, Stopwatch
from services.shared import embedded, garbage

Area = Callable[[embedded.Server, Scale, Callable[[str], None]], Awaitable[list[Result]]]

AREAS: dict[str, Area] = {
    "ingest": ingest.results,
    "http": over_http.results,
    "webhook": webhook.results,
    "peers": peers.results,
    "memory": memory.results,
    "growth": growth.results,
    "clawback": clawback.results,
    "report": report.results,
    "api": api.results,
}
RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    """Measure, print and write the results; 1 when a result was wrong."""
    options = _options()
    watch = Stopwatch()
    garbage.settle()  # As each service does when it starts, and on the loop that they run on.
    try:
        found = uvloop.run(_measure(measure.SCALES[Size(options.size)], options.only or list(AREAS)))
    except measure.WrongResultError as error:
        print(f"WRONG RESULT: {error}", file=sys.stderr)
        return 1
    _print(found)
    _write(found, options.json)
    print(f"\n{len(found)} results in {watch.seconds:.0f} s, written to {options.json}")
    return 0


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    reader.add_argument("--size", choices=[size.value for size in Size], default=Size.NORMAL.value)
    reader.add_argument("--json", type=Path, default=RESULTS, help="where the results are written")
    reader.add_argument("--only", choices=list(AREAS), action="append", help="one area; may be given more than once")
    return reader.parse_args()


async def _measure(scale: Scale, areas: Sequence[str]) -> list[Result]:
    found: list[Result] = []
    watch = Stopwatch()

    def told(what: str) -> None:
        print(f"{watch.seconds:6.1f} s  measuring {what}", flush=True)

    async with stage.server() as running:
        print(" ".join(f"{name}={value}" for name, value in running.settings().items()))
        for area in areas:
            found += await AREAS[area](running, scale, told)
    return found


def _print(found: Sequence[Result]) -> None:
    print(f"\n{'name':<26}{'value':>12}{'limit':>12} {'unit':<8}{'ratio':>7}{'at least':>10}{'aim':>7}  limit")
    for result in found:
        figures = f"{result.value:>12,.1f}{result.limit:>12,.1f} {result.unit:<8}{result.ratio:>7.2f}"
        print(f"{result.name:<26}{figures}{_bar(result.at_least):>10}{_bar(result.aim):>7}  {result.limit_is}")


def _bar(bar: float | None) -> str:
    return "" if bar is None else f"{bar:.2f}"


def _write(found: Sequence[Result], path: Path) -> None:
    rows = [
        {
            "name": result.name,
            "value": round(result.value, 3),
            "limit": round(result.limit, 3),
            "ratio": round(result.ratio, 4),
            "unit": result.unit,
            "limit_is": result.limit_is,
            "at_least": result.at_least,
            "aim": result.aim,
        }
        for result in found
    ]
    path.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
