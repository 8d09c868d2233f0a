"""The roles a token can carry, and the groups of them that operations are granted to."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The roles a token can carry, in the order in which the one that grants is looked for."""

    CARE_WORKER = "care_worker"
    CARE_MANAGER = "care_manager"
    FINANCE_OFFICER = "finance_officer"
    FINANCE_APPROVER = "finance_approver"
    AUDITOR = "auditor"
    FEED = "feed"
    ADMINISTRATOR = "administrator"


CARE: Final = frozenset({Role.CARE_WORKER, Role.CARE_MANAGER})
CARE_MANAGER: Final = frozenset({Role.CARE_MANAGER})
FINANCE: Final = frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER})
FINANCE_APPROVER: Final = frozenset({Role.FINANCE_APPROVER})
AUDITOR: Final = frozenset({Role.AUDITOR})
FEED: Final = frozenset({Role.FEED})
ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})
EVERYONE: Final = frozenset(Role)
STAFF: Final = EVERYONE - FEED

TEAM_BOUND: Final = CARE
"""Whoever holds one of these roles sees their own teams' caseloads only, whatever other role they hold as well."""
