"""The words of clawback: why a case is open, where it stands, what set a run off."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Where a clawback case stands; nothing moves money before people have checked support and decided."""

    AWAITING_SUPPORT_CHECK = "awaiting_support_check"
    WITHDRAWN = "withdrawn"


class CaseGround(StrEnum):
    """Why a case was opened."""

    SURPLUS = "surplus"


class RunTrigger(StrEnum):
    """What set a clawback run off; only a scheduled run claims its day."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
