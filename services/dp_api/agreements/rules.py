"""What must hold before an agreement may be activated, and what may still be amended of it."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from services.shared import dates
from services.shared.law import figures, sources
from services.shared.law.findings import Finding
from services.shared.vocabulary import (
    AgreementKind,
    AgreementStatus,
    LegalBasis,
    PaymentSchedule,
    RecipientKind,
)

THIRD_PARTY: Final = frozenset({AgreementKind.NOMINATED_PERSON, AgreementKind.AUTHORISED_PERSON})
"""The agreements that somebody other than the person signs; they name that somebody."""

_WHILE_RUNNING: Final = frozenset(
    {"money_manager_id", "payment_schedule", "first_payment_on", "cash_permitted", "cash_reason"}
)
_AMENDABLE: Final = MappingProxyType(
    {
        AgreementStatus.DRAFT: _WHILE_RUNNING | {"kind", "legal_basis", "holder_name"},
        AgreementStatus.ACTIVE: _WHILE_RUNNING,
        AgreementStatus.SUSPENDED: _WHILE_RUNNING,
        AgreementStatus.ENDED: frozenset[str](),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An agreement about to be activated, with what the rules turn on; contributions are in pence a week."""

    kind: AgreementKind
    legal_basis: LegalBasis
    payment_schedule: PaymentSchedule
    started_on: date
    recipient_kind: RecipientKind
    date_of_birth: date
    died_on: date | None
    has_budget_at_start: bool
    weekly_contributions_pence: tuple[int, ...]


def activation_findings(proposal: Proposal) -> tuple[Finding, ...]:
    """Find everything that stands against activating an agreement, in the order of the provisions.

    Source: Care Act 2014, ss.20 and 31 to 33; Children Act 1989, s.17A; Mental Health Act 1983, s.117 (each finding
    names its own).
    """
    found = (
        no_budget(proposal),
        wrong_party(proposal),
        wrong_basis_for_party(proposal),
        wrong_basis_for_age(proposal),
        charged_after_care(proposal),
        recipient_died(proposal),
    )
    return tuple(finding for finding in found if finding is not None)


def no_budget(proposal: Proposal) -> Finding | None:
    """Find an ongoing agreement without a personal budget in force on its first day; a one-off one has no weekly gross.

    Source: Care Act 2014, s.31(1)(a).
    """
    if proposal.has_budget_at_start or proposal.payment_schedule is PaymentSchedule.ONE_OFF:
        return None
    return Finding(
        "no_budget",
        f"no budget is in force on {proposal.started_on}: a direct payment needs a personal budget with an amount",
        sources.CARE_ACT_S31,
    )


def wrong_party(proposal: Proposal) -> Finding | None:
    """Find a carer's agreement for somebody who is not a carer, or any other for a carer.

    Source: Care Act 2014, s.20.
    """
    if (proposal.kind is AgreementKind.CARER) == (proposal.recipient_kind is RecipientKind.CARER):
        return None
    return Finding("wrong_party", "a carer's agreement is for a carer, and a carer has no other", sources.CARE_ACT_S20)


def wrong_basis_for_party(proposal: Proposal) -> Finding | None:
    """Find an authorised person without section 32, or section 32 without an authorised person.

    Source: Care Act 2014, s.32.
    """
    if (proposal.kind is AgreementKind.AUTHORISED_PERSON) == (proposal.legal_basis is LegalBasis.S32):
        return None
    return Finding(
        "wrong_basis_for_party",
        "section 32 is the basis of an authorised person's agreement, and of no other",
        sources.CARE_ACT_S32,
    )


def wrong_basis_for_age(proposal: Proposal) -> Finding | None:
    """Find section 17A for an adult, or any other basis for a young person: the Care Act's payments are for adults.

    Source: Children Act 1989, s.17A.
    """
    adult_from = figures.ADULT_YEARS.on(proposal.started_on)
    is_young = dates.age_on(proposal.date_of_birth, proposal.started_on) < adult_from
    if is_young == (proposal.legal_basis is LegalBasis.S17A):
        return None
    return Finding(
        "wrong_basis_for_age",
        f"section 17A is the basis before the age of {adult_from}, and no longer from then on",
        sources.CHILDREN_ACT_S17A,
    )


def charged_after_care(proposal: Proposal) -> Finding | None:
    """Find a contribution asked for after-care, which is free of charge.

    Source: Mental Health Act 1983, s.117.
    """
    if proposal.legal_basis is not LegalBasis.S117 or not any(proposal.weekly_contributions_pence):
        return None
    return Finding(
        "after_care_charged",
        "after-care is free of charge: the weekly contribution must be 0",
        sources.MENTAL_HEALTH_ACT_S117,
    )


def recipient_died(proposal: Proposal) -> Finding | None:
    """Find an agreement for somebody who has died: the conditions of a direct payment are no longer met.

    Source: Care Act 2014, s.33.
    """
    if proposal.died_on is None:
        return None
    return Finding("recipient_died", "the recipient has died", sources.CARE_ACT_S33)


def in_one(findings: Iterable[Finding]) -> Finding:
    """Return several findings as the first of them, with the others and their sources told in its detail.

    Council policy: a refusal says at once everything that stands in the way.
    """
    first, *others = findings
    told = [first.detail, *(f"{other.detail} ({other.source.citation})" for other in others)]
    return Finding(first.code, "; ".join(told), first.source)


def not_amendable(*, status: AgreementStatus, fields: AbstractSet[str]) -> frozenset[str]:
    """Return those of the fields that may no longer be amended: who signed, and by what power, stands once activated.

    Council policy: another party or another legal basis is another agreement.
    """
    return frozenset(fields) - _AMENDABLE[status]


def schedule_fixed(*, status: AgreementStatus, old: PaymentSchedule, new: PaymentSchedule) -> bool:
    """Tell whether a change of schedule turns an ongoing agreement into a one-off one, or back, when it has begun.

    Council policy: Direct Payments Development Plan 2018-2023, Appendix B (one-off and ongoing payments are two types).
    """
    turns = (old is PaymentSchedule.ONE_OFF) != (new is PaymentSchedule.ONE_OFF)
    return turns and status is not AgreementStatus.DRAFT
