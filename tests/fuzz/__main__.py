"""Calls without end of every operation in every role: `python -m tests.fuzz --calls 30000`.

It ends with 1 where an answer was 500 or broke its document, after saying which and by what call.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.shared import database, embedded, logs, migrate
from services.shared.vocabulary.records import Service
from tests import databases as test_databases
from tests.databases import Databases
from tests.fuzz import running
from tests.fuzz.running import Outcome

NAME = "fuzz"


def main(arguments: Sequence[str]) -> int:
    """Make the calls that are asked for, on a server of their own, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--calls", type=int, default=30_000, help="how many calls")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same choices")
    asked = parser.parse_args(arguments)
    logs.configure("critical")
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        server = embedded.start(Path(folder) / "server")
        try:
            outcome = asyncio.run(_fuzzed(server, calls=asked.calls, seed=asked.seed))
        finally:
            embedded.stop(embedded.start(server.data_dir))
    return _told(outcome)


async def _fuzzed(server: embedded.Server, *, calls: int, seed: int) -> Outcome:
    embedded.create_database_if_missing(server, database=NAME)
    settings = test_databases.settings_for(server, name=NAME, data_dir=server.data_dir)
    await migrate.migrate(settings)
    opened = {service.value: await database.connect(settings, service=service) for service in Service}
    columns = (TextColumn("calls"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns) as shown:
            task = shown.add_task("calls", total=calls)
            return await running.fuzz(
                Databases(settings=settings, **opened),
                calls=calls,
                seed=seed,
                progress=lambda done: shown.update(task, completed=done),
            )
    finally:
        for each in opened.values():
            await each.close()


def _told(outcome: Outcome) -> int:
    by_status: dict[int, int] = {}
    for (_, status), count in outcome.statuses.items():
        by_status[status] = by_status.get(status, 0) + count
    counted = ", ".join(f"{count:,} of {status}" for status, count in sorted(by_status.items()))
    print(f"{outcome.calls:,} calls: {counted}")  # noqa: T201
    print(f"{len(outcome.operations_that_succeeded())} operations succeeded at least once")  # noqa: T201
    for words, call in sorted(outcome.broken.items()):
        print(f"BROKEN {words}\n    first by {call}")  # noqa: T201
    return 1 if outcome.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
