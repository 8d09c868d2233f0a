"""Values beside their limits: medians of interleaved rounds, so that a noisy neighbour strikes both alike."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Size(StrEnum):
    """How much work a run does: `small` fits a pipeline's minute, `long` is for a quiet machine."""

    SMALL = "small"
    NORMAL = "normal"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class Scale:
    """The figures of a size; `rounds` is odd, so that the median is a round that happened."""

    size: Size
    warm_up: int
    rounds: int
    accounts: int
    rows_a_round: int
    transactions: int
    requests: int


SCALES = {
    Size.SMALL: Scale(
        Size.SMALL, warm_up=1, rounds=3, accounts=13_500, rows_a_round=10_000, transactions=100_000, requests=160
    ),
    Size.NORMAL: Scale(
        Size.NORMAL, warm_up=1, rounds=5, accounts=130_000, rows_a_round=40_000, transactions=1_000_000, requests=3_200
    ),
    Size.LONG: Scale(
        Size.LONG, warm_up=1, rounds=5, accounts=130_000, rows_a_round=100_000, transactions=5_000_000, requests=5_000
    ),
}


class WrongResultError(AssertionError):
    """The software was fast and wrong; no figure counts then."""


@dataclass(frozen=True, slots=True)
class Result:
    """A measured value beside the limit of the same run, and the bar for their ratio, where one is set."""

    name: str
    value: float
    limit: float
    unit: str
    limit_is: str
    at_least: float | None = None
    aim: float | None = None

    @property
    def ratio(self) -> float:
        """Return the value as a share of the limit."""
        return self.value / self.limit if self.limit else 0.0


Contender = Callable[[int], Awaitable[float]]


async def interleaved(scale: Scale, contenders: Mapping[str, Contender]) -> dict[str, float]:
    """Run the contenders in turn, a round at a time, and return each one's median; rounds below 0 only warm them up."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-scale.warm_up, scale.rounds):
        for name, contender in contenders.items():
            value = await contender(number)
            if number >= 0:
                measured[name].append(value)
    return {name: statistics.median(values) for name, values in measured.items()}


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Return the seconds that have passed."""
        return time.perf_counter() - self._started

    def rate(self, count: int) -> float:
        """Return how many a second that is."""
        return count / self.seconds

    @property
    def milliseconds(self) -> float:
        """Return the milliseconds that have passed."""
        return self.seconds * 1_000


def median(values: Sequence[float]) -> float:
    """Return the value in the middle."""
    return statistics.median(values)


def require(is_right: bool, what: str) -> None:
    """Raise WrongResultError unless the result is right."""
    if not is_right:
        raise WrongResultError(what)
