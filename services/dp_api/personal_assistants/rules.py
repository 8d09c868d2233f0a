"""Whom direct payment money may not employ."""

from services.shared.law import sources
from services.shared.law.findings import Finding
from services.shared.vocabulary.people import EngagementRelationship


def barred_engagement(
    *, relationship: EngagementRelationship, same_household: bool, exception_reason: str | None
) -> Finding | None:
    """Find an engagement that the Regulations bar unless the authority considers it necessary, for a recorded reason.

    A spouse, civil partner or somebody who lives as one is barred wherever they live; a close relative (parent,
    parent-in-law, child, child-in-law, step-child, sibling, aunt, uncle, grandparent, or the partner of one of these)
    in the same household only.

    Source: Care and Support (Direct Payments) Regulations 2014 (SI 2014/2871), reg. 3.
    """
    if exception_reason is not None:
        return None
    if relationship is EngagementRelationship.SPOUSE_OR_PARTNER:
        return Finding(
            "partner_barred",
            "a spouse or partner is paid only where the council finds it necessary and records why",
            sources.DP_REGS_R3,
        )
    if relationship is EngagementRelationship.CLOSE_RELATIVE and same_household:
        return Finding(
            "close_relative_in_household_barred",
            "a close relative in the same household is paid only where the council finds it necessary and records why",
            sources.DP_REGS_R3,
        )
    return None
