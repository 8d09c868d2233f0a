"""The county as a whole: everything that follows from a seed and a day, before any database exists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.demo import assistants, granting, population, purses
from services.demo.assistants import Engagement
from services.demo.awards import Award
from services.demo.movements import Movement
from services.demo.population import Person
from services.shared import dates

Moved = list[tuple[Award, Movement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """People, awards and engagements; `start` is the Monday from which feeds are made, up to the day before `today`."""

    seed: int
    today: date
    start: date
    people: tuple[Person, ...]
    awards: tuple[Award, ...]
    engagements: tuple[Engagement, ...]


def county(*, seed: int, recipients: int, months: int, today: date) -> County:
    """Return the synthetic county; raises ValueError below 10 recipients or 2 months, where its shares have no
    meaning.
    """
    if recipients < 10 or months < 2:
        raise ValueError("the demo county needs at least 10 recipients and 2 months")
    people = population.people(seed=seed, recipients=recipients, today=today)
    awarded = granting.awards(people, seed=seed, months=months, today=today)
    return County(
        seed=seed,
        today=today,
        start=granting.window_start(today=today, months=months),
        people=people,
        awards=awarded,
        engagements=assistants.engagements(awarded, seed=seed),
    )


def weeks(made: County, provider_code: str) -> Iterator[tuple[date, Moved]]:
    """Yield the Monday after each week, and the week's movements of one provider's accounts, in order."""
    ends = [made.start + timedelta(days=7 * week) for week in range(1, (made.today - made.start).days // 7 + 1)]
    return periods(made, provider_code, ends)


def months(made: County, provider_code: str) -> Iterator[tuple[date, Moved]]:
    """Yield the first day after each calendar month, and the month's movements of one provider's accounts, in order."""
    first = made.start.replace(day=1)
    count = (made.today.year - first.year) * 12 + made.today.month - first.month
    return periods(made, provider_code, [dates.add_months(first, month) for month in range(1, count + 1)])


def periods(made: County, provider_code: str, ends: Sequence[date]) -> Iterator[tuple[date, Moved]]:
    """Yield the movements up to each of these days, and up to today; one period is held in memory at a time."""
    wages_to: dict[int, tuple[str, ...]] = {}
    for engagement in made.engagements:
        wages_to[engagement.employer] = (*wages_to.get(engagement.employer, ()), engagement.assistant.full_name)
    held = [award for award in made.awards if award.account and award.account.provider_code == provider_code]
    kept = purses.purses(held, seed=made.seed, wages_to=wages_to, today=made.today)
    for end in [*ends, *([] if ends and ends[-1] == made.today else [made.today])]:
        moved = [(purse.award, movement) for purse in kept for movement in purse.until(end)]
        moved.sort(key=lambda pair: (pair[1].on, pair[1].second, pair[0].number, pair[1].number))
        yield end, moved
