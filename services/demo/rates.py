"""What an award is worth a week over time: April uplifts, changes at reviews, contributions and NHS shares."""

from datetime import date, timedelta
from random import Random
from typing import Final

from services.demo.awards import Rate
from services.shared.vocabulary.agreements import LegalBasis

# Wages follow the council's rate each April; most agencies' prices are agreed for longer than a year.
_UPLIFTED: Final = 0.45
_UPLIFT: Final = 1.035
# After-care is free by law. For children's services a council may charge (Children Act 1989, s.29); this one does not.
_UNCHARGED: Final = frozenset({LegalBasis.S117, LegalBasis.S17A})
_JOINTLY_FUNDED_FROM_PENCE: Final = 25_000


def rates(
    random: Random, *, basis: LegalBasis, weekly_gross_pence: int, started_on: date, start: date, today: date
) -> tuple[Rate, ...]:
    """Return the award's rates, oldest first; the last is today's gross, earlier ones are lower by the April uplift
    or a review.

    After-care under s.117 is free by law, and this county does not charge under s.17A; about 45 % of the others carry a
    contribution.
    """
    contribution = 0 if basis in _UNCHARGED or random.random() > 0.45 else _contribution(random, weekly_gross_pence)
    is_joint = weekly_gross_pence >= _JOINTLY_FUNDED_FROM_PENCE and random.random() < 0.06
    nhs_share = random.choice((0.3, 0.4, 0.5)) if is_joint else 0.0
    factors = _factors(random, started_on=started_on, start=start, today=today)
    now = 1.0
    drawn: list[Rate] = []
    for effective_from, factor, reason in reversed(factors):
        gross = round(weekly_gross_pence * now)
        drawn.append(
            Rate(effective_from, gross, min(round(contribution * now), gross), round(gross * nhs_share), reason)
        )
        now /= factor
    return tuple(reversed(drawn))


def _contribution(random: Random, weekly_gross_pence: int) -> int:
    return round(min(weekly_gross_pence * 0.35, random.uniform(800, 9_500)))


def _factors(random: Random, *, started_on: date, start: date, today: date) -> list[tuple[date, float, str]]:
    """Return the day, the change against the rate before, and the reason of each rate, oldest first."""
    is_uplifted = random.random() < _UPLIFTED
    aprils = [day for day in _aprils(start, today) if is_uplifted and day > started_on]
    changes = [(day, _UPLIFT, "Annual uplift of rates") for day in aprils]
    if random.random() < 0.08 and (today - max(start, started_on)).days > 60:
        reviewed_on = max(start, started_on) + timedelta(
            days=random.randrange(14, (today - max(start, started_on)).days)
        )
        if all(reviewed_on != day for day, *_ in changes):
            changes.append((reviewed_on, random.choice((0.8, 0.9, 1.15, 1.3)), "Change of needs found at review"))
    return [(started_on, 1.0, "First budget"), *sorted(changes)]


def _aprils(start: date, today: date) -> list[date]:
    return [day for year in range(start.year, today.year + 1) if start < (day := date(year, 4, 1)) <= today]
