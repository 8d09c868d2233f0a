"""Personal assistants: about 1,200 for 625 employers, some shared between two of them (Direct Payments Development
Plan, s.9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from services.demo import names, streams
from services.demo.awards import Award
from services.shared.vocabulary.people import EngagementRelationship

_PER_EMPLOYER: Final = {1: 31.0, 2: 36.0, 3: 21.0, 4: 12.0}
_SHARED: Final = 0.07
_WEEKLY_WAGE_SHARE: Final = 0.72
_HOURLY_PENCE: Final = 1_260
_RELATIONSHIPS: Final = {
    EngagementRelationship.NONE: 72.0,
    EngagementRelationship.FRIEND_OR_NEIGHBOUR: 16.0,
    EngagementRelationship.OTHER_RELATIVE: 6.0,
    EngagementRelationship.CLOSE_RELATIVE: 6.0,
}


@dataclass(frozen=True, slots=True)
class Assistant:
    """One personal assistant; they belong to the team of their first employer."""

    number: int
    full_name: str
    team_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement:
    """Who employs whom, for how many hours, and what they are to each other."""

    employer: int
    assistant: Assistant
    started_on: date
    hours_per_week: Decimal
    relationship: EngagementRelationship
    same_household: bool
    exception_reason: str | None


def engagements(awards: Sequence[Award], *, seed: int) -> tuple[Engagement, ...]:
    """Return every engagement, in the order of the employers; a shared assistant is taken from the employer before of
    the team.
    """
    found: list[Engagement] = []
    last_of_team: dict[str, Assistant] = {}
    number = 0
    for award in awards:
        if not award.is_employer:
            continue
        random = streams.stream(seed, "assistants", award.number)
        places = streams.weighted(random, _PER_EMPLOYER)
        for place in range(places):
            team = award.person.team_code
            shared = last_of_team.get(team) if place == 0 and random.random() < _SHARED * places else None
            assistant = shared or Assistant(number, names.full_name(random), team)
            number += shared is None
            found.append(_engagement(random, award, assistant, places=places))
            last_of_team[team] = assistant
    return tuple(found)


def _engagement(random: Random, award: Award, assistant: Assistant, *, places: int) -> Engagement:
    """Return one engagement; a close relative in the household needs the council's reason (SI 2014/2871, reg. 3)."""
    relationship = streams.weighted(random, _RELATIONSHIPS)
    is_close = relationship is EngagementRelationship.CLOSE_RELATIVE
    same_household = is_close and random.random() < 0.5
    hours = award.weekly_gross_pence * _WEEKLY_WAGE_SHARE / places / _HOURLY_PENCE
    return Engagement(
        employer=award.number,
        assistant=assistant,
        started_on=award.started_on + timedelta(days=random.randint(0, 20)),
        hours_per_week=min(Decimal(round(hours * 4)) / 4 or Decimal("0.25"), Decimal(60)),
        relationship=relationship,
        same_household=same_household,
        exception_reason="Panel: nobody else can meet the need at night" if same_household else None,
    )
