"""What was sent, and what the books must be by it: worked out from the events alone, knowing nothing of the tables."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from tests.builders import deliveries as build

Event: TypeAlias = dict[str, Any]
"""One event as a provider sends it."""

CARDS = ("C0", "C1", "C2", "C3", "C4")
LATE_CARD = "CARD-REGISTERED-LATE"
"""A card that nobody has registered when its first rows come."""

STORIES_OF_A_BLOCK = 40
DELIVERIES_OF_A_BLOCK = 8
SMALL_DELIVERIES_OF_A_BLOCK = 48
"""So many that each has two rows or so, as a provider pushes what happens at the till."""
_BEGINNING = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
_CATEGORIES = ("5411", "8050", "5812", "4121", None)


@dataclass(frozen=True, slots=True)
class Account:
    """What the books must say of one account."""

    posted_pence: int
    held_pence: int
    transactions: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What the books must say: of each card's account, of every transaction, and of all rows by where they ended."""

    accounts: dict[str, Account]
    transactions: dict[str, int]
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Record:
    """Every delivery that was sent, in the order of its making; it is filed apart from the software under test."""

    chance: random.Random
    deliveries: list[list[Event]] = field(default_factory=list)
    deliveries_of_a_block: int = DELIVERIES_OF_A_BLOCK

    def grow(self) -> None:
        """Add a block of deliveries, whose stories are torn apart, shuffled and partly repeated."""
        prefix = f"b{len(self.deliveries)}"
        told = [event for story in stories(self.chance, prefix, STORIES_OF_A_BLOCK) for event in story]
        told += self.chance.sample(told, len(told) // 10)
        self.chance.shuffle(told)
        size = -(-len(told) // self.deliveries_of_a_block)
        self.deliveries.extend(told[place : place + size] for place in range(0, len(told), size))

    def body(self, place: int) -> bytes:
        """Return a delivery as it goes over the wire, always the same bytes."""
        return build.ndjson(self.deliveries[place])


class Teller:
    """Makes the events of one purchase, with their own ids and each a minute after the one before."""

    def __init__(self, chance: random.Random, name: str, card: str) -> None:
        self._chance, self._name, self._card = chance, name, card
        self._minutes, self._mcc = chance.randrange(10_000), chance.choice(_CATEGORIES)

    def tell(self, suffix: str, status: str, pence: int, **changes: Any) -> Event:
        """Return the next event; ids are the purchase's name and a suffix."""
        self._minutes += 1
        at = (_BEGINNING + timedelta(minutes=self._minutes)).isoformat()
        known = {"status": status, "amount_pence": pence, "card_ref": self._card, "mcc": self._mcc, "occurred_at": at}
        return build.an_event(f"{self._name}{suffix}", **(known | changes))

    def pence(self, most: int = 9_999) -> int:
        """Return an amount."""
        return self._chance.randint(2, most)

    @property
    def hold(self) -> str:
        """The id of the purchase's authorisation."""
        return f"{self._name}h"


def stories(chance: random.Random, prefix: str, count: int) -> Iterator[list[Event]]:
    """Yield purchases, each the list of its events in the order in which they happened."""
    for number in range(count):
        card = LATE_CARD if chance.random() < 0.05 else chance.choice(CARDS)
        yield chance.choice(STORIES)(Teller(chance, f"{prefix}-{number}", card))


def _offline(told: Teller) -> list[Event]:
    return [told.tell("p", "posted", told.pence())]


def _cleared(told: Teller) -> list[Event]:
    cleared = told.tell("p", "posted", told.pence(), authorisation_id=told.hold)
    return [told.tell("h", "authorised", told.pence()), cleared]


def _cleared_under_its_id(told: Teller) -> list[Event]:
    return [told.tell("h", "authorised", told.pence()), told.tell("h", "posted", told.pence())]


def _cleared_twice(told: Teller) -> list[Event]:
    parts = [told.tell(part, "posted", told.pence(), authorisation_id=told.hold) for part in ("p", "q")]
    return [told.tell("h", "authorised", told.pence()), *parts]


def _lessened(told: Teller) -> list[Event]:
    pence = told.pence()
    part = told.tell("r", "reversed", told.pence(pence), authorisation_id=told.hold)
    return [told.tell("h", "authorised", pence), part]


def _lessened_and_cleared(told: Teller) -> list[Event]:
    return [*_lessened(told), told.tell("p", "posted", told.pence(), authorisation_id=told.hold)]


def _released_in_parts(told: Teller) -> list[Event]:
    pence = told.pence()
    first = told.tell("r", "reversed", pence - 1, authorisation_id=told.hold)
    return [told.tell("h", "authorised", pence), first, told.tell("s", "reversed", 1, authorisation_id=told.hold)]


def _reversed(told: Teller) -> list[Event]:
    pence = told.pence()
    return [told.tell("h", "authorised", pence), told.tell("h", "reversed", pence)]


def _expired(told: Teller) -> list[Event]:
    pence = told.pence()
    return [told.tell("h", "authorised", pence), told.tell("h", "expired", pence)]


def _declined_afterwards(told: Teller) -> list[Event]:
    pence = told.pence()
    return [told.tell("h", "authorised", pence), told.tell("d", "declined", pence, authorisation_id=told.hold)]


def _declined(told: Teller) -> list[Event]:
    return [told.tell("d", "declined", told.pence(), decline_reason="INSUFFICIENT_FUNDS")]


def _open(told: Teller) -> list[Event]:
    return [told.tell("h", "authorised", told.pence())]


def _taken_back(told: Teller) -> list[Event]:
    pence = told.pence()
    bought = told.tell("p", "posted", pence)
    back = told.tell("v", "posted", pence, type="reversal", reverses_transaction_id=bought["provider_transaction_id"])
    return [bought, back]


def _disputed_back_and_forth(told: Teller) -> list[Event]:
    pence = told.pence()
    bought = told.tell("p", "posted", pence)
    back = told.tell("c", "posted", pence, type="chargeback", reverses_transaction_id=bought["provider_transaction_id"])
    again = {"type": "representment", "reverses_transaction_id": back["provider_transaction_id"]}
    return [bought, back, told.tell("n", "posted", pence, **again)]


def _refunded_without_a_link(told: Teller) -> list[Event]:
    return [told.tell("f", "posted", told.pence(), type="refund")]


def _loaded(told: Teller) -> list[Event]:
    return [told.tell("l", "posted", told.pence(50_000), type="load", mcc=None)]


STORIES: Sequence[Callable[[Teller], list[Event]]] = (
    _offline, _cleared, _cleared_under_its_id, _cleared_twice, _lessened, _lessened_and_cleared, _released_in_parts,
    _reversed, _expired, _declined_afterwards, _declined, _open, _taken_back, _disputed_back_and_forth,
    _refunded_without_a_link, _loaded,
)  # fmt: skip
"""Every way a purchase goes, as providers tell it."""

_ENDS_AS = {"posted": "posted", "authorised": "held", "reversed": "no_money", "expired": "no_money"} | {
    "declined": "no_money"
}


def expected(deliveries: Iterable[Sequence[Event]]) -> Expected:
    """Work out what the books must be once all of it has come, in whatever order, and every card is known."""
    once: dict[str, Event] = {}
    outcomes: Counter[str] = Counter()
    for event in (event for delivery in deliveries for event in delivery):
        key = repr(sorted(event.items()))
        outcomes["already_posted" if key in once else _ENDS_AS[event["status"]]] += 1
        once[key] = event
    held = _held(once.values())
    posted: dict[str, dict[str, int]] = defaultdict(dict)
    for event in once.values():
        if event["status"] == "posted":
            posted[event["card_ref"]][event["provider_transaction_id"]] = build.effect([event])
    accounts = {
        card: Account(sum(posted[card].values()), held[card], len(posted[card]))
        for card in sorted({event["card_ref"] for event in once.values()})
    }
    transactions = {name: pence for of_card in posted.values() for name, pence in of_card.items()}
    return Expected(accounts, transactions, dict(outcomes))


def _held(events: Iterable[Event]) -> Counter[str]:
    """Return what is still held of each card: an authorisation less its reversals, nil once anything has ended it."""
    left: dict[str, int] = {}
    cards: dict[str, str] = {}
    ended: set[str] = set()
    released: Counter[str] = Counter()
    for event in events:
        own, named = event["provider_transaction_id"], event.get("authorisation_id")
        if event["status"] == "authorised":
            left[own], cards[own] = event["amount_pence"], event["card_ref"]
        elif event["status"] == "reversed":
            released[named or own] += event["amount_pence"]
        else:
            ended.add(named or own)
    held: Counter[str] = Counter()
    for hold, pence in left.items():
        held[cards[hold]] += 0 if hold in ended else max(0, pence - released[hold])
    return held
