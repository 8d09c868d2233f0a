"""The long proof: `python -m tests.conservation --kills 10000 --database-kills 1000 --cuts 10000 --mutations 10000000`.

Everything runs on servers of its own in a temporary folder. A first percent of each part tells how long all of it will
take. It ends with 1 where anything was lost, doubled or crashed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services.shared import embedded, logs
from tests.conservation import parts
from tests.conservation.parts import Part

_PERCENT = 100
_LEAST_OF_A_TRIAL = 2
_OTHER_CHANCE = 1_000_000
"""Added to the seed of a first percent, so that the proof itself does other things."""
_TELL_EVERY = 30.0


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for and say what came of it."""
    asked = _asked(arguments)
    logs.configure("critical")
    chosen = parts.parts(killed=asked.kills, databases=asked.database_kills, cut=asked.cuts, mangled=asked.mutations)
    with tempfile.TemporaryDirectory(prefix="conservation") as folder:
        server = embedded.start(Path(folder) / "server")
        try:
            failed, expected = _tried(chosen, server, Path(folder), seed=asked.seed + _OTHER_CHANCE)
            left = sum(expected.values())
            _say(f"expected: {_long(left)} ({', '.join(f'{what} {_long(of)}' for what, of in expected.items())})")
            for part in chosen:
                failed += not _proved(part, server, Path(folder), seed=asked.seed, told=_Told(part, expected, left))
                left -= expected[part.what]
        finally:
            embedded.stop(embedded.start(server.data_dir))
    return 1 if failed else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conservation", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="worker processes killed, and as many servers")
    parser.add_argument("--database-kills", type=int, default=10, help="database servers killed, under each of the two")
    parser.add_argument("--cuts", type=int, default=100, help="connections cut, half of them to the database")
    parser.add_argument("--mutations", type=int, default=10_000, help="mangled files")
    parser.add_argument("--seed", type=int, default=1, help="of the chance by which all of it is done")
    return parser.parse_args(arguments)


def _tried(
    chosen: Sequence[Part], server: embedded.Server, folder: Path, *, seed: int
) -> tuple[int, Mapping[str, float]]:
    """Do a percent of each part; return how many failed, and how many seconds the whole of each will take."""
    failed, expected = 0, {}
    for part in chosen:
        first = part.of(min(part.count, max(part.count // _PERCENT, _LEAST_OF_A_TRIAL * part.processes)))
        began = time.monotonic()
        outcome = parts.proved(first, server, folder, seed=seed, advance=lambda _: None)
        setting_up = time.monotonic() - began - outcome.seconds
        expected[part.what] = setting_up + outcome.seconds / first.count * part.count
        _, *wrong = parts.sentences(first, outcome)
        failed += bool(wrong)
        for line in wrong:
            _say(f"  {part.what}: {line}")
    return failed, expected


class _Told:
    """Says now and then how far a part is, and how much time is left of it and of all."""

    def __init__(self, part: Part, expected: Mapping[str, float], left: float) -> None:
        self._part, self._after = part, left - expected[part.what]
        self._began = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        """Say it, unless that was a moment ago."""
        now = time.monotonic()
        if not done or done == self._part.count or now - self._last < _TELL_EVERY:
            return
        self._last = now
        left = (now - self._began) / done * (self._part.count - done)
        far, rest = f"{done} of {self._part.count}", _long(left + self._after)
        _say(f"  {self._part.what}: {far}, {_long(left)} left, {rest} with what follows")


def _proved(part: Part, server: embedded.Server, folder: Path, *, seed: int, told: Callable[[int], None]) -> bool:
    outcome = parts.proved(part, server, folder, seed=seed, advance=told)
    sentence, *wrong = parts.sentences(part, outcome)
    _say(sentence)
    for line in wrong:
        _say(f"  {line}")
    return not wrong


def _long(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
