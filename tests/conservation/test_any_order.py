"""Whatever order and batches events come in, the same balances, holds, categories and outcomes."""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.card_ingest import batches, pipeline
from services.shared import database, driver, embedded
from services.shared.database import Database
from services.shared.vocabulary.records import Service
from tests import databases
from tests.builders import deliveries as build
from tests.conservation import arena as arenas
from tests.conservation.arena import AFTERWARDS, Arena
from tests.conservation.plants import forget_early_releases
from tests.conservation.record import STORIES, Event, Expected, Teller, expected

NAMES = itertools.count()
_TRANSACTIONS = """
    SELECT substr(provider_transaction_id, $2), amount_pence, category FROM card_transaction
    WHERE provider_transaction_id LIKE $1 ORDER BY 1
"""
_HOLDS = """
    SELECT substr(provider_transaction_id, $2), amount_pence, released_pence,
        CASE WHEN status = 'authorised' THEN amount_pence - released_pence ELSE 0 END
    FROM card_hold WHERE provider_transaction_id LIKE $1 ORDER BY 1
"""
_BALANCES = """
    SELECT provider_account_ref, coalesce(posted_pence, 0), coalesce(held_pence, 0), coalesce(transactions, 0)
    FROM account LEFT JOIN account_balance ON account_id = account.id
    WHERE provider_account_ref = ANY ($1::text[]) ORDER BY provider_account_ref
"""
_OUTCOMES = """
    SELECT sum(posted_rows) AS posted, sum(already_posted_rows) AS already_posted, sum(held_rows) AS held,
        sum(no_money_rows) AS no_money, sum(quarantined_rows) AS quarantined
    FROM feed_progress JOIN feed_delivery ON id = delivery_id WHERE external_id LIKE $1
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which the same events come: their order, where one delivery ends, and how many rows a batch has."""

    order: Sequence[int]
    ends: Sequence[int]
    rows_of_a_batch: int

    def deliveries(self, events: Sequence[Event]) -> list[list[Event]]:
        """Return the events as they come."""
        shuffled = [events[place] for place in self.order]
        edges = [0, *sorted(self.ends), len(shuffled)]
        parts = (shuffled[start:end] for start, end in itertools.pairwise(edges))
        return [part for part in parts if part]


@dataclass(frozen=True, slots=True)
class Found:
    """What the books say in the end, the purchases' own names left out."""

    balances: list[tuple[int, ...]]
    transactions: list[tuple[Any, ...]]
    holds: list[tuple[Any, ...]]
    outcomes: dict[str, int]


@st.composite
def ways(draw: st.DrawFn) -> tuple[list[int], int, Way]:
    """Draw purchases by the number of their story, a seed for their amounts, and the way in which they come."""
    told = draw(st.lists(st.integers(0, len(STORIES) - 1), min_size=1, max_size=5))
    seed = draw(st.integers(0, 999))
    size = len(events_of(told, seed, name="any"))
    ends = draw(st.lists(st.integers(0, size), max_size=4))
    return told, seed, Way(draw(st.permutations(range(size))), ends, draw(st.integers(1, 8)))


def accounts_of(name: str) -> dict[str, list[str]]:
    """Return the accounts of an example with their cards: two cards of one, one of another."""
    return {name: [f"{name}/1", f"{name}/2"], f"{name}b": [f"{name}/3"]}


def events_of(told: Sequence[int], seed: int, *, name: str) -> list[Event]:
    """Return the events of these purchases in the order in which they happened, the first of them sent twice."""
    chance, cards = random.Random(seed), [card for of_one in accounts_of(name).values() for card in of_one]
    tellers = [Teller(chance, f"{name}-{place}", chance.choice(cards)) for place in range(len(told))]
    purchases = [STORIES[story](teller) for story, teller in zip(told, tellers, strict=True)]
    events = [event for purchase in purchases for event in purchase]
    return [*events, events[0]]


@dataclass(frozen=True, slots=True)
class Stand:
    """The books, with one loop and one pool for all examples."""

    arena: Arena
    runner: asyncio.Runner
    own: Database

    def both_ways(self, told: list[int], seed: int, way: Way) -> tuple[Found, Found, Expected]:
        """Send the same events both ways."""
        return self.runner.run(both_ways(self, told, seed, way))


@pytest.fixture(scope="module")
def stand(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    arena = arenas.make(server, tmp_path_factory.mktemp("any_order"), template=template)
    with asyncio.Runner() as runner:
        own = runner.run(database.connect(arena.settings, service=Service.CARD_INGEST))
        yield Stand(arena, runner, own)
        runner.run(own.close())


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=ways())
def test_any_order_and_any_batches_come_to_the_same(stand: Stand, drawn: tuple[list[int], int, Way]) -> None:
    one, other, wanted = stand.both_ways(*drawn)
    assert other == one
    assert one.balances == balances(wanted)
    assert one.outcomes == dict.fromkeys(one.outcomes, 0) | wanted.outcomes


RELEASE_FIRST = ([4], 1, Way([1, 0, 2], [1], 8))


def test_a_release_that_comes_first_and_is_forgotten_is_caught(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, _ = stand.both_ways(*RELEASE_FIRST)
    assert one == other
    forget_early_releases(monkeypatch)
    one, other, wanted = stand.both_ways(*RELEASE_FIRST)
    assert [held for _, held, _ in one.balances] != [held for _, held, _ in balances(wanted)]


def balances(wanted: Expected) -> list[tuple[int, ...]]:
    """Return what the books of the example's two accounts must say."""
    name = next(iter(wanted.accounts)).partition("/")[0]
    nothing = (0, 0, 0)
    told = {card: (own.posted_pence, own.held_pence, own.transactions) for card, own in wanted.accounts.items()}
    by_account = ([told.get(card, nothing) for card in cards] for cards in accounts_of(name).values())
    return [tuple(map(sum, zip(*of_cards, strict=True))) for of_cards in by_account]


async def both_ways(stand: Stand, told: list[int], seed: int, way: Way) -> tuple[Found, Found, Expected]:
    """Send the events as they happened in one delivery, then others like them in the way drawn; return both ends."""
    plain = Way(range(len(way.order)), [], batches.ROWS)
    async with databases.superuser(stand.arena.settings) as connection:
        one, wanted = await come_to(stand.own, connection, told, seed, plain)
        other, _ = await come_to(stand.own, connection, told, seed, way)
    return one, other, wanted


def distinct(events: Sequence[Event], place: int) -> bytes:
    """Return a body whose bytes no other delivery has: equal bytes are one delivery, and rightly so."""
    return build.ndjson(events).replace(b"{", b"{" + b" " * place, 1)


async def come_to(
    own: Database, connection: driver.Connection, told: list[int], seed: int, way: Way
) -> tuple[Found, Expected]:
    """Send the purchases to two accounts of their own and return what their books say."""
    name = f"example{next(NAMES):05d}"
    for account_ref, cards in accounts_of(name).items():
        await build.an_account(connection, account_ref, cards=cards)
    deliveries = way.deliveries(events_of(told, seed, name=name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "ROWS", way.rows_of_a_batch)
        for place, events in enumerate(deliveries):
            await build.receive(own, distinct(events, place), external_id=f"{name}-{place}")
        while await pipeline.release_waiting(own, actor=build.ACTOR, now=AFTERWARDS):
            pass
    asked = (f"{name}-%", len(name) + 1)
    books = await connection.fetch(_BALANCES, list(accounts_of(name)))
    outcomes = await connection.fetchrow(_OUTCOMES, f"{name}-%")
    found = Found(
        [tuple(row)[1:] for row in books],
        [tuple(row) for row in await connection.fetch(_TRANSACTIONS, *asked)],
        [tuple(row) for row in await connection.fetch(_HOLDS, *asked)],
        {key: int(count) for key, count in (outcomes or {}).items()},
    )
    return found, expected(deliveries)


@pytest.mark.parametrize("first", [0, 1])
async def test_of_two_versions_the_second_is_held_and_the_first_is_disputed(databases: Any, first: int) -> None:
    versions = [build.an_event("t1", amount_pence=1000), build.an_event("t1", amount_pence=700)]
    async with databases.superuser() as connection:
        await build.a_provider(connection)
        account_id = await build.an_account(connection, "ACC-1", cards=["CARD-1"])
        for place in (first, 1 - first):
            await build.receive(databases.card_ingest, build.ndjson([versions[place]]))
        books = await build.books(connection, account_id)
        waiting = await connection.fetch("SELECT transaction_id, code, delivered_pence FROM quarantined_row")
    assert books.posted_pence == -versions[first]["amount_pence"]
    assert [tuple(row) for row in waiting] == [("t1", "same_id_other_content", versions[1 - first]["amount_pence"])]
