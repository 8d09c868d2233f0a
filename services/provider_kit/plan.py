"""How the stories of a run are sent: split, mixed, late, reversed, sent again. Pure, the same for the same seed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from services.card_ingest.reasons import Reason
from services.provider_kit import stories
from services.provider_kit.stories import Account, Event, Scribe, Story
from services.shared.vocabulary.alerts import AlertKind

LARGEST_PARCEL: Final = 12
_LOADS_OF_A_PARCEL: Final = 10
_SINGLE: Final = 0.45
_REPEATED: Final = 0.04
_SENT_AGAIN: Final = 0.03
_LATE: Final = 0.05
_REVERSED: Final = 0.08
_AS_ARRAY: Final = 0.2
_REGISTERED_AT: Final = 0.6
_HELD: Final = frozenset({"authorised", "reversed", "expired", "declined"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One delivery: its own id, its bytes and their media type; `repeats` tells that the same one went before."""

    id: str
    media_type: str
    body: bytes
    rows: Sequence[Event | bytes]
    repeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is sent, in three parts that wait for each other, and what must be true in the end.

    New cards are registered before the parcel of number `register_at` of the middle part.
    """

    accounts: Sequence[Account]
    first: Sequence[Parcel]
    middle: Sequence[Parcel]
    last: Sequence[Parcel]
    register_at: int
    stories: Sequence[Story]
    rows_sent_again: int

    @property
    def parcels(self) -> Sequence[Parcel]:
        """Every parcel, in order."""
        return [*self.first, *self.middle, *self.last]

    @property
    def rows(self) -> Sequence[Event | bytes]:
        """Every row of every delivery that is not a repetition, in order."""
        return [row for parcel in self.parcels if not parcel.repeats for row in parcel.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The outside record: what every account holds, what waits and what people are told, by account reference."""

    posted: Mapping[str, Mapping[str, int]]
    held_pence: Mapping[str, int]
    waiting: Mapping[Reason, int]
    alerts: Mapping[tuple[str, AlertKind], int]
    rows: int
    posted_rows: int
    posted_pence: int
    already_posted_rows: int
    holding_rows: int


def books(plan: Plan) -> Books:
    """Add up what the stories say must be true, and how many rows of each kind go out."""
    posted: dict[str, dict[str, int]] = {account.ref: {} for account in plan.accounts}
    held: Counter[str] = Counter()
    waiting: Counter[Reason] = Counter()
    alerts: Counter[tuple[str, AlertKind]] = Counter()
    for story in plan.stories:
        posted[story.account.ref] |= story.posted
        held[story.account.ref] += story.held_pence
        waiting.update(story.waiting)
        alerts.update({(story.account.ref, kind): count for kind, count in story.alerts.items()})
    by_id = [pence for each in posted.values() for pence in each.values()]
    return Books(
        posted=posted,
        held_pence={account.ref: held[account.ref] for account in plan.accounts},
        waiting=waiting,
        alerts=alerts,
        rows=len(plan.rows),
        posted_rows=len(by_id),
        posted_pence=sum(abs(pence) for pence in by_id),
        already_posted_rows=plan.rows_sent_again,
        holding_rows=sum(not isinstance(row, bytes) and row["status"] in _HELD for row in plan.rows),
    )


def make(accounts: Sequence[Account], *, run: str, deliveries: int, seed: int, now: datetime) -> Plan:
    """Return the plan of a run of so many deliveries, repetitions included.

    Raises ValueError where there are fewer deliveries than twice what the loads take.
    """
    random = Random(seed)  # noqa: S311 (a run has to be the same again, not unguessable)
    scribes = [Scribe(account, run=run, random=random, now=now) for account in accounts]
    loads = [stories.first_load(scribe) for scribe in scribes]
    once = [tell(scribe) for place, scribe in enumerate(scribes) for tell in stories.ONCE[place % len(stories.ONCE)]]
    later = [row for story in once for row in story.later]
    first = _cut([story.events[0] for story in loads], [_LOADS_OF_A_PARCEL] * len(loads))
    last = _cut(later, _sizes(random, len(later)))
    count = round((deliveries - len(first) - len(last)) / (1 + _REPEATED))
    if count < len(first):
        raise ValueError("a run needs more deliveries for so many accounts")
    sizes = _sizes(random, count)
    told, again = _told(random, scribes, once, rows=sum(sizes))
    name = _names(run)
    middle = [_parcel(next(name), rows, random) for rows in _cut(_mixed(random, told, again), sizes)]
    repeated = deliveries - len(first) - len(last) - len(middle)
    return Plan(
        accounts=accounts,
        first=[_parcel(next(name), rows, random) for rows in first],
        middle=_with_repetitions(random, middle, repeated),
        last=[_parcel(next(name), rows, random) for rows in last],
        register_at=int(len(middle) * _REGISTERED_AT),
        stories=[*loads, *told],
        rows_sent_again=len(again),
    )


def without_broken_lines(made: Plan) -> Plan:
    """Return the plan without lines that are no JSON, for a page is JSON as a whole."""
    broken = Reason.BROKEN_JSON_LINE
    told = [
        replace(story, waiting={why: n for why, n in story.waiting.items() if why is not broken})
        for story in made.stories
    ]
    last = [replace(each, rows=[row for row in each.rows if not isinstance(row, bytes)]) for each in made.last]
    return replace(made, stories=told, last=last)


def _sizes(random: Random, count: int) -> list[int]:
    return [1 if random.random() < _SINGLE else random.randint(2, LARGEST_PARCEL) for _ in range(count)]


def _told(
    random: Random, scribes: Sequence[Scribe], once: Sequence[Story], *, rows: int
) -> tuple[list[Story], list[Event]]:
    """Return stories of about so many rows, and which of their rows are sent once more."""
    told, again = list(once), list[Event]()
    left = rows - sum(len(story.events) for story in once)
    tells, weights = zip(*stories.USUAL, strict=True)
    while left > 0:
        story = random.choices(tells, weights)[0](random.choice(scribes))
        told.append(story)
        left -= len(story.events)
        if random.random() < _SENT_AGAIN and story.events[-1]["status"] == "posted":
            again.append(story.events[-1])
            left -= 1
    return told, again


def _mixed(random: Random, told: Sequence[Story], again: Sequence[Event]) -> list[Event]:
    """Return all rows in the order in which they are sent: mostly as they happened, some late, some before others."""
    placed: list[tuple[float, int, Event]] = []
    for story in told:
        begun = random.random()
        events = story.events if random.random() > _REVERSED else [*reversed(story.events)]
        for step, event in enumerate(events):
            late = random.uniform(0.2, 0.5) if random.random() < _LATE else 0.0
            placed.append((begun + 0.01 * step + random.gauss(0, 0.004) + late, len(placed), event))
    placed += [(random.uniform(0.3, 1.5), len(placed) + place, event) for place, event in enumerate(again)]
    return [event for _, _, event in sorted(placed, key=lambda each: each[:2])]


def _cut(rows: Sequence[Event | bytes], sizes: Sequence[int]) -> list[Sequence[Event | bytes]]:
    """Cut rows into pieces of these sizes; the last piece takes what is over, and no piece is empty."""
    pieces: list[Sequence[Event | bytes]] = []
    begun = 0
    for place, size in enumerate(sizes):
        end = len(rows) if place == len(sizes) - 1 else begun + size
        if begun < len(rows):
            pieces.append(rows[begun:end])
        begun = end
    return pieces


def _parcel(name: str, rows: Sequence[Event | bytes], random: Random) -> Parcel:
    mixed = [*reversed(rows)] if random.random() < _REVERSED else rows
    if random.random() < _AS_ARRAY and not any(isinstance(row, bytes) for row in rows):
        body, media_type = json.dumps({"events": mixed}).encode(), "application/json"
    else:
        lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in mixed)
        body, media_type = b"".join(line + b"\n" for line in lines), "application/x-ndjson"
    return Parcel(id=name, media_type=media_type, body=body, rows=mixed)


def _with_repetitions(random: Random, parcels: Sequence[Parcel], count: int) -> list[Parcel]:
    """Return the parcels, and so many of them once more, some time after the first."""
    placed = [(float(place), parcel) for place, parcel in enumerate(parcels)]
    for place in random.choices(range(len(parcels)), k=max(count, 0)):
        parcel = parcels[place]
        again = Parcel(id=parcel.id, media_type=parcel.media_type, body=parcel.body, rows=parcel.rows, repeats=True)
        placed.append((random.uniform(place + 0.5, len(parcels)), again))
    return [parcel for _, parcel in sorted(placed, key=lambda each: each[0])]


def _names(run: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{run}-delivery-{number}"
