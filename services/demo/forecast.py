"""What the database must hold once the county is loaded, worked out from the movements alone: an outside record for
tests and text.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from services.demo import accounts, county
from services.demo.awards import CYCLE_DAYS, Award, Temper
from services.demo.county import County
from services.demo.movements import Movement
from services.shared.vocabulary.agreements import AgreementStatus
from services.shared.vocabulary.money import EventStatus

_THRESHOLD_WEEKS: Final = 4
_OPEN: Final = frozenset({AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED})


@dataclass(slots=True)
class Standing:
    """One account at the end of the window: what is posted, what is held, and the low point of its last 28 days, in
    pence.
    """

    award: Award
    posted_pence: int = 0
    holds: dict[int, int] = field(default_factory=dict)
    low_point_pence: int | None = None

    @property
    def counted_pence(self) -> int:
        """The balance that the surplus test counts: posted less open holds."""
        return self.posted_pence - sum(self.holds.values())

    @property
    def excess_pence(self) -> int:
        """What is above four weeks' gross; not positive means no flag (Direct Payments Development Plan, s.8)."""
        return self.counted_pence - _THRESHOLD_WEEKS * self.award.weekly_gross_pence


@dataclass(frozen=True, slots=True)
class Forecast:
    """The county's figures: rows by status, and what the plain rule finds; `persistent` flags stood at the cycle's
    low point too.
    """

    rows: Counter[EventStatus]
    standings: dict[int, Standing]
    flagged: int
    excess_pence: int
    held_back: int
    held_back_pence: int
    persistent: int
    persistent_pence: int


def forecast(made: County) -> Forecast:
    """Live the county through and return its figures (a few seconds at full size)."""
    standings = {award.number: Standing(award) for award in made.awards if award.account}
    rows: Counter[EventStatus] = Counter()
    for provider_code in accounts.PROVIDERS:
        for _, moved in county.weeks(made, provider_code):
            rows.update(movement.status for _, movement in moved)
            for award, movement in moved:
                _apply(standings[award.number], movement, low_from=made.today - timedelta(days=CYCLE_DAYS))
    flagged = [one for one in standings.values() if one.award.status in _OPEN and one.excess_pence > 0]
    held_back = [one for one in flagged if one.award.temper is not Temper.HEALTHY]
    persistent = [one for one in flagged if _low(one) > _THRESHOLD_WEEKS * one.award.weekly_gross_pence]
    return Forecast(
        rows=rows,
        standings=standings,
        flagged=len(flagged),
        excess_pence=sum(one.excess_pence for one in flagged),
        held_back=len(held_back),
        held_back_pence=sum(one.excess_pence for one in held_back),
        persistent=len(persistent),
        persistent_pence=sum(one.excess_pence for one in persistent),
    )


def _low(standing: Standing) -> int:
    low = standing.low_point_pence
    return standing.posted_pence if low is None else low


def _apply(standing: Standing, movement: Movement, *, low_from: date) -> None:
    if movement.on >= low_from and standing.low_point_pence is None:
        standing.low_point_pence = standing.posted_pence
    if movement.status is EventStatus.AUTHORISED:
        standing.holds[movement.number] = movement.pence
    else:
        standing.holds.pop(movement.number, None)
    standing.posted_pence += movement.effect_pence
    if standing.low_point_pence is not None:
        standing.low_point_pence = min(standing.low_point_pence, standing.posted_pence)
