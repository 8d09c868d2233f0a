"""The people: who they are, why they need support, which team knows them; in the shares of the council's published
tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

from services.demo import names, streams
from services.shared import dates
from services.shared.vocabulary.people import (
    AdministeredBy,
    CareGroup,
    Ethnicity,
    HomeCareZone,
    PrimarySupportReason,
    RecipientKind,
)

# Carers are the 154 of the 2,467 people of the equality assessment of December 2018 whose need is none of mental
# health, physical or learning disability; at that number the carers' budget of 2017/18 (GBP 1,036,508) is a plausible
# GBP 118 a week each.
CARER_SHARE: Final = 154 / 2_467
# Direct Payments Development Plan 2018-2023, s.13.
ADULT_SHARES: Final[Mapping[CareGroup, float]] = MappingProxyType(
    {
        CareGroup.OLDER_PEOPLE: 40,
        CareGroup.LEARNING_DISABILITIES: 24,
        CareGroup.PHYSICAL_DISABILITIES: 20,
        CareGroup.MENTAL_HEALTH: 16,
    }
)
ETHNICITY_COUNTS: Final[Mapping[Ethnicity, float]] = MappingProxyType(
    {
        Ethnicity.ASIAN: 217,
        Ethnicity.BLACK: 15,
        Ethnicity.MIXED: 8,
        Ethnicity.OTHER: 12,
        Ethnicity.WHITE: 2_185,
        Ethnicity.NOT_RECORDED: 64,
    }
)
# Direct Payments Development Plan 2018-2023, s.1.
ADMINISTERED_COUNTS: Final[Mapping[AdministeredBy, float]] = MappingProxyType(
    {
        AdministeredBy.ALONE: 239,
        AdministeredBy.FAMILY: 356,
        AdministeredBy.REPRESENTATIVE: 74,
        AdministeredBy.SOMEONE_ELSE: 36,
    }
)
TEAM_ZONES: Final[Mapping[str, tuple[HomeCareZone, ...]]] = MappingProxyType(
    {
        "charnwood": (HomeCareZone.CHARNWOOD_NORTH, HomeCareZone.CHARNWOOD_SOUTH),
        "north-west": (HomeCareZone.COALVILLE_AND_ASHBY, HomeCareZone.CASTLE_DONINGTON),
        "hinckley-bosworth": (HomeCareZone.HINCKLEY, HomeCareZone.WEST_LEICESTERSHIRE_RURAL),
        "blaby-oadby-wigston": (
            HomeCareZone.OADBY_AND_WIGSTON,
            HomeCareZone.SOUTH_LEICESTERSHIRE,
            HomeCareZone.WEST_LEICESTER,
        ),
        "melton-rutland-border": (HomeCareZone.MELTON, HomeCareZone.BOTTESFORD),
        "harborough": (HomeCareZone.MARKET_HARBOROUGH, HomeCareZone.HARBOROUGH_RURAL, HomeCareZone.LUTTERWORTH),
    }
)
_REASONS: Final[Mapping[CareGroup, Mapping[PrimarySupportReason, float]]] = MappingProxyType(
    {
        CareGroup.OLDER_PEOPLE: {
            PrimarySupportReason.PHYSICAL_PERSONAL_CARE: 58,
            PrimarySupportReason.PHYSICAL_ACCESS_AND_MOBILITY: 20,
            PrimarySupportReason.MEMORY_AND_COGNITION: 15,
            PrimarySupportReason.SENSORY_VISUAL: 4,
            PrimarySupportReason.SENSORY_DUAL: 3,
        },
        CareGroup.LEARNING_DISABILITIES: {PrimarySupportReason.LEARNING_DISABILITY: 1},
        CareGroup.PHYSICAL_DISABILITIES: {
            PrimarySupportReason.PHYSICAL_PERSONAL_CARE: 60,
            PrimarySupportReason.PHYSICAL_ACCESS_AND_MOBILITY: 34,
            PrimarySupportReason.SENSORY_HEARING: 3,
            PrimarySupportReason.SENSORY_VISUAL: 3,
        },
        CareGroup.MENTAL_HEALTH: {PrimarySupportReason.MENTAL_HEALTH: 1},
        CareGroup.CARERS: {PrimarySupportReason.SUPPORT_TO_CARER: 1},
    }
)
_COMMUNICATION = ("Large print", "Easy read", "British Sign Language interpreter", "Telephone, not letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One adult or carer; `number` is the place in the county's list and the root of the person's random streams."""

    number: int
    kind: RecipientKind
    care_group: CareGroup
    full_name: str
    known_as: str | None
    date_of_birth: date
    died_on: date | None
    nhs_number: str | None
    primary_support_reason: PrimarySupportReason
    ethnicity: Ethnicity
    team_code: str
    address_lines: tuple[str, ...]
    postcode: str
    home_care_zone: HomeCareZone
    administered_by: AdministeredBy
    communication_needs: str | None


def people(*, seed: int, recipients: int, today: date) -> tuple[Person, ...]:
    """Return the county's people, shares exact, in an order that mixes the groups."""
    carers = round(recipients * CARER_SHARE)
    groups = [*streams.shared_out(ADULT_SHARES, recipients - carers), *[CareGroup.CARERS] * carers]
    mixed = streams.shuffled(streams.stream(seed, "care group"), groups)
    ethnicities = streams.shuffled(streams.stream(seed, "ethnicity"), streams.shared_out(ETHNICITY_COUNTS, recipients))
    administered = streams.shuffled(
        streams.stream(seed, "administered"), streams.shared_out(ADMINISTERED_COUNTS, recipients)
    )
    nhs_numbers = names.nhs_numbers(streams.stream(seed, "nhs numbers"))
    died = frozenset(streams.stream(seed, "deaths").sample(range(recipients), k=round(recipients * 0.005)))
    return tuple(
        _person(
            streams.stream(seed, "person", number),
            number=number,
            care_group=mixed[number],
            ethnicity=ethnicities[number],
            administered_by=administered[number],
            nhs_number=next(nhs_numbers),
            has_died=number in died,
            today=today,
        )
        for number in range(recipients)
    )


def _person(
    random: Random,
    *,
    number: int,
    care_group: CareGroup,
    ethnicity: Ethnicity,
    administered_by: AdministeredBy,
    nhs_number: str,
    has_died: bool,
    today: date,
) -> Person:
    team_code = random.choice(list(TEAM_ZONES))
    zone = random.choice(TEAM_ZONES[team_code])
    full_name = names.full_name(random)
    address_lines, postcode = names.address(random, zone)
    is_carer = care_group is CareGroup.CARERS
    return Person(
        number=number,
        kind=RecipientKind.CARER if is_carer else RecipientKind.ADULT,
        care_group=care_group,
        full_name=full_name,
        known_as=full_name.split()[0][:3] if random.random() < 0.08 else None,
        date_of_birth=_date_of_birth(random, care_group=care_group, number=number, today=today),
        died_on=today - timedelta(days=random.randint(12, 75)) if has_died else None,
        nhs_number=None if random.random() < (0.5 if is_carer else 0.02) else nhs_number,
        primary_support_reason=streams.weighted(random, _REASONS[care_group]),
        ethnicity=ethnicity,
        team_code=team_code,
        address_lines=address_lines,
        postcode=postcode,
        home_care_zone=zone,
        administered_by=administered_by,
        communication_needs=random.choice(_COMMUNICATION) if random.random() < 0.06 else None,
    )


def _date_of_birth(random: Random, *, care_group: CareGroup, number: int, today: date) -> date:
    """Return a day that makes the person's age fit the group; one in 60 with a learning disability is 17."""
    if care_group is CareGroup.OLDER_PEOPLE:
        age = 65 + round(33 * random.betavariate(2, 2))
    elif care_group is CareGroup.CARERS:
        age = random.randint(24, 84)
    elif care_group is CareGroup.LEARNING_DISABILITIES and number % 60 == 7:
        age = 17
    else:
        age = random.randint(19, 64)
    # A day short of the next birthday at the most, and never so near that the age changes within the window's last
    # weeks.
    return dates.add_months(today, -12 * age) - timedelta(days=random.randint(70, 330))
