"""People's words: who is supported, why, by whom, and where they live."""

from enum import StrEnum


class RecipientKind(StrEnum):
    """An adult with needs for care and support, or a carer with needs for support (Care Act 2014, ss. 18 and 20)."""

    ADULT = "adult"
    CARER = "carer"


class PrimarySupportReason(StrEnum):
    """Why support is needed, as the national client level data collection names it."""

    PHYSICAL_ACCESS_AND_MOBILITY = "physical_access_and_mobility"
    PHYSICAL_PERSONAL_CARE = "physical_personal_care"
    SENSORY_VISUAL = "sensory_visual"
    SENSORY_HEARING = "sensory_hearing"
    SENSORY_DUAL = "sensory_dual"
    MEMORY_AND_COGNITION = "memory_and_cognition"
    LEARNING_DISABILITY = "learning_disability"
    MENTAL_HEALTH = "mental_health"
    SOCIAL_SUBSTANCE_MISUSE = "social_substance_misuse"
    SOCIAL_ASYLUM_SEEKER = "social_asylum_seeker"
    SOCIAL_ISOLATION_OR_OTHER = "social_isolation_or_other"
    SUPPORT_TO_CARER = "support_to_carer"


class CareGroup(StrEnum):
    """The budget headings of the council's published tables (Direct Payments Development Plan 2018-2023, s.7)."""

    OLDER_PEOPLE = "older_people"
    LEARNING_DISABILITIES = "learning_disabilities"
    PHYSICAL_DISABILITIES = "physical_disabilities"
    MENTAL_HEALTH = "mental_health"
    CARERS = "carers"


class Ethnicity(StrEnum):
    """The groups of the council's published table (Direct Payments Development Plan 2018-2023, s.13)."""

    ASIAN = "asian"
    BLACK = "black"
    MIXED = "mixed"
    OTHER = "other"
    WHITE = "white"
    NOT_RECORDED = "not_recorded"


class AdministeredBy(StrEnum):
    """Who runs the direct payment day to day (Direct Payments Development Plan 2018-2023, s.1)."""

    ALONE = "alone"
    FAMILY = "family"
    REPRESENTATIVE = "representative"
    SOMEONE_ELSE = "someone_else"


class HomeCareZone(StrEnum):
    """The fourteen home-care zones by which the council buys managed home care."""

    COALVILLE_AND_ASHBY = "coalville_and_ashby"
    CHARNWOOD_NORTH = "charnwood_north"
    CHARNWOOD_SOUTH = "charnwood_south"
    WEST_LEICESTER = "west_leicester"
    OADBY_AND_WIGSTON = "oadby_and_wigston"
    HINCKLEY = "hinckley"
    MELTON = "melton"
    SOUTH_LEICESTERSHIRE = "south_leicestershire"
    MARKET_HARBOROUGH = "market_harborough"
    CASTLE_DONINGTON = "castle_donington"
    LUTTERWORTH = "lutterworth"
    BOTTESFORD = "bottesford"
    WEST_LEICESTERSHIRE_RURAL = "west_leicestershire_rural"
    HARBOROUGH_RURAL = "harborough_rural"


class EngagementRelationship(StrEnum):
    """What a personal assistant is to the person who employs them (SI 2014/2871, reg. 3, turns on it)."""

    NONE = "none"
    SPOUSE_OR_PARTNER = "spouse_or_partner"
    CLOSE_RELATIVE = "close_relative"
    OTHER_RELATIVE = "other_relative"
    FRIEND_OR_NEIGHBOUR = "friend_or_neighbour"
