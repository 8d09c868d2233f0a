"""Every row and every penny that came is in exactly one place, or the batch is rolled back."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.card_ingest import outcomes
from services.card_ingest.outcomes import Count, RowsLostError
from services.shared.vocabulary.feeds import RowOutcome

counts = st.builds(Count, st.integers(0, 50), st.integers(0, 10_000))
tallies = st.dictionaries(st.sampled_from(RowOutcome), counts, min_size=1)


def came(tally: Mapping[RowOutcome, Count]) -> Count:
    return Count(sum(count.rows for count in tally.values()), sum(count.pence for count in tally.values()))


@given(tally=tallies)
def test_what_adds_up_is_whole(tally: dict[RowOutcome, Count]) -> None:
    outcomes.require_all(came(tally), tally)


@given(tally=tallies, outcome=st.sampled_from(RowOutcome), pence=st.integers(-5, 5).filter(bool))
def test_a_penny_that_is_in_no_place_is_lost(tally: dict[RowOutcome, Count], outcome: RowOutcome, pence: int) -> None:
    whole = came(tally)
    counted = tally.get(outcome, Count())
    with pytest.raises(RowsLostError):
        outcomes.require_all(whole, {**tally, outcome: Count(counted.rows, counted.pence + pence)})


@given(tally=tallies, outcome=st.sampled_from(RowOutcome))
def test_a_row_that_is_in_two_places_is_lost(tally: dict[RowOutcome, Count], outcome: RowOutcome) -> None:
    whole = came(tally)
    counted = tally.get(outcome, Count())
    with pytest.raises(RowsLostError):
        outcomes.require_all(whole, {**tally, outcome: Count(counted.rows + 1, counted.pence)})
