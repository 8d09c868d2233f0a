from dataclasses import replace
from datetime import date

import pytest

from services.dp_api.agreements import rules
from services.dp_api.agreements.rules import Proposal
from services.shared.law import sources
from services.shared.vocabulary.agreements import AgreementKind as Kind
from services.shared.vocabulary.agreements import AgreementStatus as Status
from services.shared.vocabulary.agreements import LegalBasis as Basis
from services.shared.vocabulary.agreements import PaymentSchedule as Schedule
from services.shared.vocabulary.people import RecipientKind

SOUND = Proposal(
    kind=Kind.SERVICE_USER,
    legal_basis=Basis.S31,
    payment_schedule=Schedule.FOUR_WEEKLY,
    started_on=date(2026, 11, 2),
    today=date(2026, 11, 2),
    recipient_kind=RecipientKind.ADULT,
    date_of_birth=date(1950, 3, 4),
    died_on=None,
    has_budget_at_start=True,
    weekly_contributions_pence=(2_000,),
)


def codes(proposal: Proposal) -> list[str]:
    return [finding.code for finding in rules.activation_findings(proposal)]


def test_nothing_stands_against_a_sound_agreement() -> None:
    assert codes(SOUND) == []


@pytest.mark.parametrize(
    ("schedule", "has_budget", "found"),
    [
        (Schedule.FOUR_WEEKLY, False, ["no_budget"]),
        (Schedule.MONTHLY, False, ["no_budget"]),
        (Schedule.MONTHLY, True, []),
        (Schedule.ONE_OFF, False, []),
    ],
)
def test_an_ongoing_agreement_needs_a_budget_at_its_start(
    schedule: Schedule, has_budget: bool, found: list[str]
) -> None:
    assert codes(replace(SOUND, payment_schedule=schedule, has_budget_at_start=has_budget)) == found


@pytest.mark.parametrize(
    ("kind", "recipient", "is_right"),
    [
        (Kind.CARER, RecipientKind.CARER, True),
        (Kind.CARER, RecipientKind.ADULT, False),
        (Kind.SERVICE_USER, RecipientKind.CARER, False),
        (Kind.NOMINATED_PERSON, RecipientKind.ADULT, True),
        (Kind.NOMINATED_PERSON, RecipientKind.CARER, False),
    ],
)
def test_a_carers_agreement_is_for_a_carer(kind: Kind, recipient: RecipientKind, is_right: bool) -> None:
    assert codes(replace(SOUND, kind=kind, recipient_kind=recipient)) == ([] if is_right else ["wrong_party"])


@pytest.mark.parametrize(
    ("kind", "basis", "is_right"),
    [
        (Kind.AUTHORISED_PERSON, Basis.S32, True),
        (Kind.AUTHORISED_PERSON, Basis.S31, False),
        (Kind.NOMINATED_PERSON, Basis.S32, False),
        (Kind.NOMINATED_PERSON, Basis.S31, True),
        (Kind.AUTHORISED_PERSON, Basis.S117, True),
        (Kind.SERVICE_USER, Basis.S117, True),
    ],
)
def test_section_32_is_the_authorised_persons_alone(kind: Kind, basis: Basis, is_right: bool) -> None:
    free = replace(SOUND, weekly_contributions_pence=(0,))
    assert codes(replace(free, kind=kind, legal_basis=basis)) == ([] if is_right else ["wrong_basis_for_party"])


@pytest.mark.parametrize("basis", list(Basis))
def test_a_carers_agreement_rests_on_section_31(basis: Basis) -> None:
    carer = replace(SOUND, kind=Kind.CARER, recipient_kind=RecipientKind.CARER, weekly_contributions_pence=())
    found = codes(replace(carer, legal_basis=basis))
    assert ("wrong_basis_for_party" in found) == (basis is not Basis.S31)


@pytest.mark.parametrize(
    ("basis", "source"),
    [
        (Basis.S31, sources.CARE_ACT_S31),
        (Basis.S32, sources.CARE_ACT_S32),
        (Basis.S17A, sources.CHILDREN_ACT_S17A),
        (Basis.S117, sources.MENTAL_HEALTH_ACT_S117),
    ],
)
def test_a_missing_budget_is_told_by_the_power_that_needs_it(basis: Basis, source: sources.Source) -> None:
    finding = rules.no_budget(replace(SOUND, legal_basis=basis, has_budget_at_start=False))
    assert finding is not None
    assert finding.source is source


@pytest.mark.parametrize(
    ("born", "today", "found"),
    [
        (date(2010, 11, 3), date(2026, 11, 2), ["too_young"]),
        (date(2010, 11, 2), date(2026, 11, 2), []),
        (date(2008, 11, 20), date(2026, 11, 19), []),
        (date(2008, 11, 20), date(2026, 11, 20), ["wrong_basis_for_age"]),
    ],
)
def test_a_young_person_is_sixteen_at_the_start_and_no_adult_today(born: date, today: date, found: list[str]) -> None:
    young = replace(SOUND, legal_basis=Basis.S17A, date_of_birth=born)
    assert codes(replace(young, today=today)) == found


def test_a_start_to_come_is_judged_by_its_own_day() -> None:
    grown_by_then = replace(SOUND, date_of_birth=date(2008, 11, 2), today=date(2026, 10, 1))
    assert codes(grown_by_then) == []


@pytest.mark.parametrize(
    ("born", "basis", "is_right"),
    [
        (date(2008, 11, 2), Basis.S31, True),
        (date(2008, 11, 2), Basis.S17A, False),
        (date(2008, 11, 3), Basis.S17A, True),
        (date(2008, 11, 3), Basis.S31, False),
    ],
)
def test_section_17a_holds_until_the_eighteenth_birthday(born: date, basis: Basis, is_right: bool) -> None:
    found = codes(replace(SOUND, date_of_birth=born, legal_basis=basis))
    assert found == ([] if is_right else ["wrong_basis_for_age"])


@pytest.mark.parametrize(
    ("contributions", "is_right"), [((), True), ((0, 0), True), ((0, 1), False), ((2_000,), False)]
)
def test_after_care_is_free_now_and_later(contributions: tuple[int, ...], is_right: bool) -> None:
    found = codes(replace(SOUND, legal_basis=Basis.S117, weekly_contributions_pence=contributions))
    assert found == ([] if is_right else ["after_care_charged"])


def test_the_dead_are_paid_nothing() -> None:
    assert codes(replace(SOUND, died_on=date(2026, 11, 1))) == ["recipient_died"]


def test_a_refusal_tells_everything_with_its_source() -> None:
    findings = rules.activation_findings(replace(SOUND, has_budget_at_start=False, died_on=date(2026, 11, 1)))
    told = rules.in_one(findings)
    assert (told.code, told.source) == ("no_budget", sources.CARE_ACT_S31)
    assert "needs a budget" in told.detail
    assert "the recipient has died (Care Act 2014, s.33)" in told.detail


@pytest.mark.parametrize(
    ("status", "fixed"),
    [
        (Status.DRAFT, set()),
        (Status.ACTIVE, {"kind", "legal_basis", "holder_name"}),
        (Status.SUSPENDED, {"kind", "legal_basis", "holder_name"}),
        (Status.ENDED, {"kind", "legal_basis", "holder_name", "cash_permitted", "payment_schedule"}),
    ],
)
def test_who_signs_and_by_what_power_is_fixed_by_activation(status: Status, fixed: set[str]) -> None:
    fields = {"kind", "legal_basis", "holder_name", "cash_permitted", "payment_schedule"}
    assert rules.not_amendable(status=status, fields=fields) == fixed


@pytest.mark.parametrize(
    ("status", "old", "new", "is_fixed"),
    [
        (Status.DRAFT, Schedule.ONE_OFF, Schedule.MONTHLY, False),
        (Status.ACTIVE, Schedule.ONE_OFF, Schedule.MONTHLY, True),
        (Status.ACTIVE, Schedule.MONTHLY, Schedule.ONE_OFF, True),
        (Status.ACTIVE, Schedule.MONTHLY, Schedule.FOUR_WEEKLY, False),
        (Status.SUSPENDED, Schedule.ONE_OFF, Schedule.ONE_OFF, False),
    ],
)
def test_a_running_agreement_stays_ongoing_or_one_off(
    status: Status, old: Schedule, new: Schedule, is_fixed: bool
) -> None:
    assert rules.schedule_fixed(status=status, old=old, new=new) == is_fixed
