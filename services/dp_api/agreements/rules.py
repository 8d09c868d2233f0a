"""What must hold before an agreement may be activated, and what may still be amended of it."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from services.dp_api.recipients import rules as recipient_rules
from services.shared import dates
from services.shared.law import figures, sources
from services.shared.law.findings import Finding
from services.shared.vocabulary.agreements import AgreementKind, AgreementStatus, LegalBasis, PaymentSchedule
from services.shared.vocabulary.people import RecipientKind

THIRD_PARTY: Final = frozenset({AgreementKind.NOMINATED_PERSON, AgreementKind.AUTHORISED_PERSON})
"""The agreements that somebody other than the person signs; they name that somebody."""

_OF_AUTHORISED: Final = frozenset({LegalBasis.S32, LegalBasis.S117})
_CONFERRED_BY: Final = MappingProxyType(
    {
        LegalBasis.S31: sources.CARE_ACT_S31,
        LegalBasis.S32: sources.CARE_ACT_S32,
        LegalBasis.S17A: sources.CHILDREN_ACT_S17A,
        LegalBasis.S117: sources.MENTAL_HEALTH_ACT_S117,
    }
)
_MONEY_TERMS: Final = frozenset({"money_manager_id", "payment_schedule", "cash_permitted", "cash_reason"})
_WHILE_RUNNING: Final = _MONEY_TERMS | {"first_payment_on"}
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
    """An agreement about to be activated today, with what the rules turn on; contributions are in pence a week."""

    kind: AgreementKind
    legal_basis: LegalBasis
    payment_schedule: PaymentSchedule
    started_on: date
    today: date
    recipient_kind: RecipientKind
    date_of_birth: date
    died_on: date | None
    has_budget_at_start: bool
    weekly_contributions_pence: tuple[int, ...]


def activation_findings(proposal: Proposal) -> tuple[Finding, ...]:
    """Find what stands against activating an agreement of what is tested: budget, party, basis, age, charge, death.

    Not tested are the conditions of section 31 or 32 (capacity, ability to manage, suitability) and the exclusions of
    SI 2014/2871, Sch. 1: staff settle them before.

    Source: Care Act 2014, ss.20 and 31 to 33; Children Act 1989, s.17A; Mental Health Act 1983, s.117 (each finding
    names its own).
    """
    found = (
        no_budget(proposal),
        wrong_party(proposal),
        wrong_basis_for_party(proposal),
        wrong_basis_for_age(proposal),
        recipient_rules.too_young(date_of_birth=proposal.date_of_birth, today=proposal.started_on),
        charged_after_care(proposal),
        recipient_died(proposal),
    )
    return tuple(finding for finding in found if finding is not None)


def no_budget(proposal: Proposal) -> Finding | None:
    """Find an ongoing agreement without a personal budget in force on its first day; a one-off one has no weekly gross.

    Source: the power on which it rests (Care Act 2014, s.31 or s.32; Children Act 1989, s.17A; Mental Health Act 1983,
    s.117).
    """
    if proposal.has_budget_at_start or proposal.payment_schedule is PaymentSchedule.ONE_OFF:
        return None
    return Finding(
        "no_budget",
        f"no budget is in force on {proposal.started_on}: a direct payment needs a budget with an amount",
        _CONFERRED_BY[proposal.legal_basis],
    )


def wrong_party(proposal: Proposal) -> Finding | None:
    """Find a carer's agreement for somebody who is not a carer, or any other for a carer.

    Source: Care Act 2014, s.20.
    """
    if (proposal.kind is AgreementKind.CARER) == (proposal.recipient_kind is RecipientKind.CARER):
        return None
    return Finding("wrong_party", "a carer's agreement is for a carer, and a carer has no other", sources.CARE_ACT_S20)


def wrong_basis_for_party(proposal: Proposal) -> Finding | None:
    """Find a carer's agreement without section 31, section 32 without an authorised person, or the reverse.

    Direct payments for after-care are made under section 31 or 32 as well: an authorised person may have section 117.

    Source: Care Act 2014, ss.20, 31, 32 and 75 with Sch. 4.
    """
    if proposal.kind is AgreementKind.CARER and proposal.legal_basis is not LegalBasis.S31:
        return Finding("wrong_basis_for_party", "a carer's agreement rests on section 31", sources.CARE_ACT_S31)
    is_authorised = proposal.kind is AgreementKind.AUTHORISED_PERSON
    if is_authorised and proposal.legal_basis not in _OF_AUTHORISED:
        detail = "an authorised person's agreement rests on section 32, or on section 117 for after-care"
        return Finding("wrong_basis_for_party", detail, sources.CARE_ACT_S32)
    if not is_authorised and proposal.legal_basis is LegalBasis.S32:
        detail = "section 32 is the basis of an authorised person's agreement, and of no other"
        return Finding("wrong_basis_for_party", detail, sources.CARE_ACT_S32)
    return None


def wrong_basis_for_age(proposal: Proposal) -> Finding | None:
    """Find section 17A for an adult, or any other basis for a young person: the Care Act's payments are for adults.

    It is tested on the first day, and today where the agreement is activated later: a young person may have grown up.

    Source: Children Act 1989, s.17A.
    """
    adult_from = figures.ADULT_YEARS.on(proposal.started_on)
    days = {proposal.started_on, max(proposal.started_on, proposal.today)}
    are_young = {dates.age_on(proposal.date_of_birth, day) < adult_from for day in days}
    if are_young == {proposal.legal_basis is LegalBasis.S17A}:
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


def needs_care_manager(*, status: AgreementStatus, fields: AbstractSet[str]) -> bool:
    """Tell whether an amendment changes how the money of an agreement that has been activated is held or paid.

    Council policy: whoever may activate an agreement answers for its money terms, then and later.
    """
    return status is not AgreementStatus.DRAFT and not _MONEY_TERMS.isdisjoint(fields)


def schedule_fixed(*, status: AgreementStatus, old: PaymentSchedule, new: PaymentSchedule) -> bool:
    """Tell whether a change of schedule turns an ongoing agreement into a one-off one, or back, when it has begun.

    Council policy: Direct Payments Development Plan 2018-2023, Appendix B (one-off and ongoing payments are two types).
    """
    turns = (old is PaymentSchedule.ONE_OFF) != (new is PaymentSchedule.ONE_OFF)
    return turns and status is not AgreementStatus.DRAFT


def lacks_holder(*, kind: AgreementKind, holder_name: str | None) -> bool:
    """Tell whether an agreement that somebody other than the person signs does not name them.

    Council policy: Direct Payments Development Plan 2018-2023, s.2 (each agreement has its party, who answers for it).
    """
    return kind in THIRD_PARTY and holder_name is None


def lacks_cash_reason(*, cash_permitted: bool, cash_reason: str | None) -> bool:
    """Tell whether cash is permitted without a reason.

    Council policy: Direct Payments Development Plan 2018-2023, s.11 (cash is for those who need it).
    """
    return cash_permitted and cash_reason is None
