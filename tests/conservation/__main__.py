"""The long proof: `python -m tests.conservation --kills 10000 --database-kills 1000 --cuts 10000 --mutations 10000000`.

Everything runs on servers of its own in a temporary folder. It ends with 1 where anything was lost, doubled or crashed.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Lock
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.card_ingest.profiles.profile import Profile
from services.shared import embedded, logs
from tests.conservation import arena as arenas
from tests.conservation import cuts, kills, mutations
from tests.conservation.kills import Outcome

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
_LEAST_SHARE = 0.8

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the proof: what it counts, how many of it, and how it is done."""

    what: str
    count: int
    prove: Callable[[Advance], Outcome]


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and say what came of it."""
    asked = _asked(arguments)
    logs.configure("critical")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="conservation") as folder:
        server = embedded.start(Path(folder) / "server")
        try:
            failed += sum(not _proved(part) for part in _parts(asked, server, Path(folder)) if part.count)
        finally:
            embedded.stop(embedded.start(server.data_dir))
        if asked.mutations:
            failed += not _mangled(Path(folder), files=asked.mutations, seed=asked.seed)
    return 1 if failed else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conservation", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="worker processes killed")
    parser.add_argument("--database-kills", type=int, default=10, help="database servers killed")
    parser.add_argument("--cuts", type=int, default=100, help="connections cut, half of them to the database")
    parser.add_argument("--mutations", type=int, default=10_000, help="mangled files")
    parser.add_argument("--seed", type=int, default=1, help="of the chance by which all of it is done")
    return parser.parse_args(arguments)


def _parts(asked: argparse.Namespace, server: embedded.Server, folder: Path) -> list[Part]:
    made = partial(_made, server, folder)
    seed, half = asked.seed, asked.cuts // 2

    def killed(say: Advance) -> Outcome:
        return kills.kill_workers(made(), kills=asked.kills, seed=seed, progress=say)

    def killed_servers(say: Advance) -> Outcome:
        return kills.kill_databases(made(), server, kills=asked.database_kills, seed=seed, progress=say)

    def cut_connections(say: Advance) -> Outcome:
        return cuts.cut_database(made(), cuts=half, seed=seed, progress=say)

    def cut_pushes(say: Advance) -> Outcome:
        return cuts.cut_pushes(made(), cuts=asked.cuts - half, seed=seed, progress=say)

    return [
        Part("workers killed", asked.kills, killed),
        Part("database servers killed", asked.database_kills, killed_servers),
        Part("connections to the database cut", half, cut_connections),
        Part("pushes cut", asked.cuts - half, cut_pushes),
    ]


def _made(server: embedded.Server, folder: Path) -> arenas.Arena:
    return arenas.make(embedded.start(server.data_dir), folder, template=None)


def _proved(part: Part) -> bool:
    with Progress(*_COLUMNS) as bar:
        task = bar.add_task(part.what, total=part.count)
        outcome = part.prove(lambda done, _of: bar.update(task, completed=done))
    _say(outcome.sentence(part.what))
    for difference in outcome.differences:
        _say(f"  {difference}")
    is_aimed = "killed" not in part.what or outcome.share_inside >= _LEAST_SHARE
    return is_aimed and not outcome.differences


def _mangled(folder: Path, *, files: int, seed: int) -> bool:
    """Mangle files in as many processes as there are processors; what the parsers' libraries print is left out."""
    processes = os.cpu_count() or 1
    done, lock = multiprocessing.Value("q", 0, lock=False), multiprocessing.Lock()
    forked = multiprocessing.get_context("fork")
    with (
        ProcessPoolExecutor(processes, forked, initializer=_quiet, initargs=(done, lock)) as pool,
        Progress(*_COLUMNS) as bar,
    ):
        task = bar.add_task("mangled files", total=files)
        shares = {place: files // processes + (place < files % processes) for place in range(processes)}
        found = [pool.submit(_mangle_share, folder, seed + place, share) for place, share in shares.items()]
        while wait(found, timeout=1.0).not_done:
            bar.update(task, completed=done.value)
    outcomes = [each.result() for each in found if each.exception() is None]
    for outcome in outcomes:
        _say(outcome.sentence)
        for failure in outcome.failures[:20]:
            _say(f"  {failure}")
    if len(outcomes) < processes:
        _say("a parser has ended its process; the files that the processes had in hand:")
        for at_hand in sorted(folder.glob("at_hand_*")):
            _say(f"  {at_hand.read_bytes().hex()}")
    return len(outcomes) == processes and not any(outcome.failures for outcome in outcomes)


_counter: list[tuple[object, Lock]] = []


def _quiet(done: object, lock: Lock) -> None:
    _counter.append((done, lock))
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _mangle_share(folder: Path, seed: int, files: int) -> mutations.Outcome:
    done, lock = _counter[0]
    told = [0]

    def say(so_far: int) -> None:
        with lock:
            done.value += so_far - told[0]  # type: ignore[attr-defined]
        told[0] = so_far

    def noted(profile: Profile, content: bytes) -> tuple[int, int]:
        at_hand.write_bytes(content)  # What ends the process cannot tell it any more.
        return mutations.told(profile, content)

    own, at_hand = folder / f"layouts_{seed}", folder / f"at_hand_{seed}"
    own.mkdir()
    return mutations.mangle(own, seed=seed, files=files, plant=noted, progress=say)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
