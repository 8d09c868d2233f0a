"""The simulated provider's own record: the same for the same seed, whole, and never guessed from the software."""

import json
from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from services.card_ingest import json_events
from services.card_ingest.events import ReadRow
from services.card_ingest.reasons import Reason
from services.provider_kit import plan, simulation, stories
from services.provider_kit.plan import Plan
from services.provider_kit.simulation import RunTooLarge, Wanted
from services.provider_kit.stories import Account, Scribe

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def accounts(count: int) -> list[Account]:
    return [
        Account(ref=f"SIM-{n:04d}", card_ref=f"C{n:04d}", next_card_ref=f"N{n:04d}", cash_permitted=n % 2 == 0)
        for n in range(count)
    ]


def a_plan(*, seed: int = 1, deliveries: int = 300) -> Plan:
    return plan.make(accounts(20), run="run", deliveries=deliveries, seed=seed, now=NOW)


def test_a_plan_has_exactly_the_deliveries_asked_for_and_the_same_seed_makes_the_same() -> None:
    for deliveries in (60, 300, 1_200):
        assert len(a_plan(deliveries=deliveries).parcels) == deliveries
    first, again, other = a_plan(), a_plan(), a_plan(seed=2)
    assert [each.body for each in first.parcels] == [each.body for each in again.parcels]
    assert [each.body for each in first.parcels] != [each.body for each in other.parcels]


def test_every_row_ends_in_exactly_one_place_of_the_record() -> None:
    made = a_plan()
    books = plan.books(made)
    waiting = sum(books.waiting.values())
    assert books.rows == books.posted_rows + books.already_posted_rows + books.holding_rows + waiting
    assert sum(len(parcel.rows) for parcel in made.parcels if not parcel.repeats) == books.rows
    assert len({parcel.id for parcel in made.parcels if not parcel.repeats}) == sum(not p.repeats for p in made.parcels)
    assert len({parcel.body for parcel in made.parcels if not parcel.repeats}) == sum(
        not p.repeats for p in made.parcels
    )


def test_a_plan_repeats_deliveries_sends_rows_again_and_mixes_what_happened() -> None:
    made = a_plan(deliveries=1_200)
    assert sum(parcel.repeats for parcel in made.parcels) > 20
    assert made.rows_sent_again > 20
    places = {
        row["provider_transaction_id"]: place for place, row in enumerate(made.rows) if not isinstance(row, bytes)
    }
    before = Counter(
        places[row["reverses_transaction_id"]] > place
        for place, row in enumerate(made.rows)
        if not isinstance(row, bytes) and "reverses_transaction_id" in row
    )
    assert before[True] > 3
    assert before[False] > 3


def test_a_repetition_is_the_same_delivery_and_comes_after_it() -> None:
    first: dict[str, bytes] = {}
    for parcel in a_plan(deliveries=1_200).parcels:
        assert parcel.repeats == (parcel.id in first)
        assert first.setdefault(parcel.id, parcel.body) == parcel.body


def test_no_account_is_ever_short_and_no_two_charges_are_equal_by_chance() -> None:
    made = a_plan(deliveries=1_200)
    for posted in plan.books(made).posted.values():
        assert sum(pence for pence in posted.values() if pence < 0) > -stories.FIRST_LOAD_PENCE


@pytest.mark.parametrize(
    "tell", [tell for tell, _ in stories.USUAL] + [tell for tells in stories.ONCE for tell in tells]
)
def test_every_story_is_written_in_the_layout_and_says_what_its_rows_do(tell: stories.Tell) -> None:
    scribe = Scribe(accounts(2)[1], run="run", random=Random(3), now=NOW)
    story = tell(scribe)
    for event in story.events:
        raw = json.dumps(event).encode()
        row = json_events.read(raw, number=1, received_on=NOW.date())
        assert isinstance(row, ReadRow), row
        if event["status"] == "posted":
            assert story.posted[event["provider_transaction_id"]] == row.effect_pence
    posted = {event["provider_transaction_id"] for event in story.events if event["status"] == "posted"}
    assert posted == story.posted.keys()


def test_lines_that_are_no_json_can_be_left_out() -> None:
    made = plan.without_broken_lines(a_plan())
    assert not any(isinstance(row, bytes) for row in made.rows)
    assert Reason.BROKEN_JSON_LINE not in plan.books(made).waiting
    assert Reason.BROKEN_JSON_LINE in plan.books(a_plan()).waiting


@pytest.mark.parametrize(
    ("rate", "seconds", "accounts"), [(0, 10, 5), (20, 0, 5), (20, 10**6, 5), (1, 3, 5), (20, 60, 0), (10**6, 60, 5)]
)
def test_a_run_out_of_bounds_is_refused(rate: float, seconds: int, accounts: int) -> None:
    with pytest.raises(RunTooLarge):
        Wanted(rate=rate, seconds=seconds, accounts=accounts, seed=1).checked()


def test_a_run_has_a_name_in_letters_that_no_other_has() -> None:
    names = {simulation._name(NOW.replace(microsecond=1000 * n)) for n in range(50)}
    assert len(names) == 50
    assert all(name.isalpha() for name in names)
