from datetime import date

import pytest

from services.shared.law import figures, sources
from services.shared.law.figures import Figure

STEPPED = Figure("a number", sources.PLAN_S8, ((date(2018, 10, 1), 4), (date(2024, 4, 1), 6)))


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2018, 10, 1), 4),
        (date(2024, 3, 31), 4),
        (date(2024, 4, 1), 6),
        (date(2099, 1, 1), 6),
    ],
)
def test_a_figure_holds_from_its_first_day_until_the_next(day: date, value: int) -> None:
    assert STEPPED.on(day) == value


def test_a_day_before_the_first_value_has_none() -> None:
    with pytest.raises(ValueError, match="a number has no value on 2018-09-30"):
        STEPPED.on(date(2018, 9, 30))


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        (figures.YOUNGEST_RECIPIENT_YEARS, 16),
        (figures.ADULT_YEARS, 18),
        (figures.OLDER_PEOPLE_YEARS, 65),
    ],
)
def test_the_ages_hold_since_the_care_act_was_in_force(figure: Figure, value: int) -> None:
    assert figure.on(date(2015, 4, 1)) == value
    with pytest.raises(ValueError, match="no value"):
        figure.on(date(2015, 3, 31))


def test_every_figure_is_in_the_order_of_its_days() -> None:
    every = [figure for figure in vars(figures).values() if isinstance(figure, Figure)]
    assert len(every) >= 3
    for figure in every:
        assert list(figure.values) == sorted(figure.values)
        assert figure.source.citation
