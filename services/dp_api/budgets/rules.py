"""What a weekly budget must satisfy before it is set."""

from datetime import date

from services.shared import dates
from services.shared.law import figures, sources
from services.shared.law.findings import Finding
from services.shared.vocabulary.agreements import LegalBasis, PaymentSchedule


def budget_findings(
    *,
    date_of_birth: date,
    day: date,
    legal_basis: LegalBasis,
    payment_schedule: PaymentSchedule,
    weekly_gross_pence: int,
    weekly_contribution_pence: int,
    weekly_nhs_pence: int,
) -> tuple[Finding, ...]:
    """Find everything that stands against a weekly budget; amounts in pence a week.

    `day` is the later of the day from which it holds and the day on which it is set.

    Source: Children Act 1989, s.17A; Mental Health Act 1983, s.117; National Health Service Act 2006, s.1(4); Direct
    Payments Development Plan 2018-2023, Appendix B (each finding names its own).
    """
    found = (
        weekly_one_off(payment_schedule=payment_schedule),
        outgrown_basis(legal_basis=legal_basis, date_of_birth=date_of_birth, day=day),
        charged_after_care(legal_basis=legal_basis, weekly_contribution_pence=weekly_contribution_pence),
        charged_health_care(
            weekly_contribution_pence=weekly_contribution_pence,
            weekly_council_pence=weekly_gross_pence - weekly_nhs_pence,
        ),
    )
    return tuple(finding for finding in found if finding is not None)


def outgrown_basis(*, legal_basis: LegalBasis, date_of_birth: date, day: date) -> Finding | None:
    """Find section 17A for somebody who is an adult on the day: from then on another agreement is needed.

    Source: Children Act 1989, s.17A.
    """
    adult_from = figures.ADULT_YEARS.on(day)
    if legal_basis is not LegalBasis.S17A or dates.age_on(date_of_birth, day) < adult_from:
        return None
    return Finding(
        "wrong_basis_for_age",
        f"section 17A is the basis before the age of {adult_from}, and no longer from then on",
        sources.CHILDREN_ACT_S17A,
    )


def charged_after_care(*, legal_basis: LegalBasis, weekly_contribution_pence: int) -> Finding | None:
    """Find a contribution asked for after-care, which is free of charge.

    Source: Mental Health Act 1983, s.117.
    """
    if legal_basis is not LegalBasis.S117 or weekly_contribution_pence == 0:
        return None
    return Finding(
        "after_care_charged",
        "after-care is free of charge: the weekly contribution must be 0",
        sources.MENTAL_HEALTH_ACT_S117,
    )


def charged_health_care(*, weekly_contribution_pence: int, weekly_council_pence: int) -> Finding | None:
    """Find a contribution larger than the council's own share: what the NHS funds is free of charge.

    Source: National Health Service Act 2006, s.1(4).
    """
    if weekly_contribution_pence <= weekly_council_pence:
        return None
    return Finding(
        "health_care_charged",
        f"the NHS share is free of charge: the contribution may be {weekly_council_pence} pence a week at most",
        sources.NHS_ACT_S1,
    )


def weekly_one_off(*, payment_schedule: PaymentSchedule) -> Finding | None:
    """Find a weekly budget for an agreement that pays once: it has no weekly gross, and no surplus to test.

    Council policy: Direct Payments Development Plan 2018-2023, Appendix B.
    """
    if payment_schedule is not PaymentSchedule.ONE_OFF:
        return None
    return Finding("one_off_has_no_weekly_budget", "a one-off payment has no weekly budget", sources.PLAN_APPENDIX_B)
