import pytest

from services.clawback.cases import rules as calculation
from services.clawback.cases.rules import Reading
from services.clawback.grounds import surplus
from services.clawback.grounds.position import Position


@pytest.mark.parametrize(
    ("weekly_gross", "weeks", "posted", "held", "excess"),
    [
        (24_343, 4, 97_372, 0, None),
        (24_343, 4, 97_373, 0, 1),
        (24_343, 8, 194_744, 0, None),
        (24_343, 8, 194_745, 0, 1),
        (24_343, 4, 97_373, 1, None),
        (24_343, 4, 97_374, 1, 1),
        (24_343, 1, 24_344, 0, 1),
        (24_343, 4, -5_000, 0, None),
        (24_343, 4, 0, 0, None),
        (0, 4, 0, 0, None),
        (0, 4, 1, 0, 1),
        (10_000, 4, 3_200_000_000_000, 0, 3_199_999_960_000),
    ],
)
def test_only_a_balance_greater_than_the_weeks_of_gross_is_found(
    weekly_gross: int, weeks: int, posted: int, held: int, excess: int | None
) -> None:
    position = Position(weekly_gross_pence=weekly_gross, posted_pence=posted, held_pence=held)
    found = surplus.surplus(position, weeks)
    assert (found is not None) is (excess is not None)
    if excess is not None:
        assert surplus.excess_pence(position, weeks) == excess


def test_the_finding_names_the_excess_and_the_plan() -> None:
    found = surplus.surplus(Position(weekly_gross_pence=24_343, posted_pence=97_373, held_pence=0), 4)
    assert found is not None
    assert found.code == "surplus"
    assert found.detail == "the balance is £0.01 over 4 weeks of the gross payment"
    assert found.source.citation == "Direct Payments Development Plan 2018-2023, s.8"


@pytest.mark.parametrize(
    ("counted", "weekly_gross", "hundredths"),
    [(97_372, 24_343, 400), (97_373, 24_343, 400), (97_615, 24_343, 400), (97_616, 24_343, 401), (1, 0, None)],
)
def test_weeks_of_cover_are_rounded_down_to_hundredths(counted: int, weekly_gross: int, hundredths: int | None) -> None:
    assert calculation.weeks_of_cover_hundredths(counted, weekly_gross) == hundredths


@pytest.mark.parametrize(
    ("low_point", "reading"),
    [(97_372, Reading.OVER_ONLY_SINCE_LOAD), (97_373, Reading.SURPLUS_ALL_CYCLE), (-1, Reading.OVER_ONLY_SINCE_LOAD)],
)
def test_a_surplus_of_the_whole_cycle_is_over_at_its_lowest_point_too(low_point: int, reading: Reading) -> None:
    assert calculation.reading(low_point_pence=low_point, threshold_pence=97_372) is reading
