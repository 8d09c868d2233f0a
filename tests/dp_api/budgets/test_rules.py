from datetime import date

import pytest

from services.dp_api.budgets import rules
from services.shared.vocabulary.agreements import LegalBasis, PaymentSchedule


def codes(
    *,
    basis: LegalBasis = LegalBasis.S31,
    schedule: PaymentSchedule = PaymentSchedule.FOUR_WEEKLY,
    gross: int = 10_000,
    contribution: int = 0,
    nhs: int = 0,
    born: date = date(1950, 3, 4),
) -> list[str]:
    found = rules.budget_findings(
        date_of_birth=born,
        day=date(2026, 11, 2),
        legal_basis=basis,
        payment_schedule=schedule,
        weekly_gross_pence=gross,
        weekly_contribution_pence=contribution,
        weekly_nhs_pence=nhs,
    )
    return [finding.code for finding in found]


@pytest.mark.parametrize(
    ("basis", "contribution", "found"),
    [
        (LegalBasis.S117, 0, []),
        (LegalBasis.S117, 1, ["after_care_charged"]),
        (LegalBasis.S31, 1, []),
        (LegalBasis.S32, 10_000, []),
    ],
)
def test_after_care_is_free_of_charge(basis: LegalBasis, contribution: int, found: list[str]) -> None:
    assert codes(basis=basis, contribution=contribution) == found


@pytest.mark.parametrize(
    ("nhs", "contribution", "found"),
    [
        (0, 10_000, []),
        (4_000, 6_000, []),
        (4_000, 6_001, ["health_care_charged"]),
        (10_000, 0, []),
        (10_000, 1, ["health_care_charged"]),
    ],
)
def test_the_contribution_is_to_the_councils_share_alone(nhs: int, contribution: int, found: list[str]) -> None:
    assert codes(nhs=nhs, contribution=contribution) == found


@pytest.mark.parametrize("schedule", list(PaymentSchedule))
def test_a_one_off_payment_has_no_weekly_budget(schedule: PaymentSchedule) -> None:
    is_one_off = schedule is PaymentSchedule.ONE_OFF
    assert codes(schedule=schedule) == (["one_off_has_no_weekly_budget"] if is_one_off else [])


@pytest.mark.parametrize(
    ("basis", "born", "found"),
    [
        (LegalBasis.S17A, date(2008, 11, 3), []),
        (LegalBasis.S17A, date(2008, 11, 2), ["wrong_basis_for_age"]),
        (LegalBasis.S31, date(2008, 11, 2), []),
    ],
)
def test_section_17a_takes_no_budget_after_the_eighteenth_birthday(
    basis: LegalBasis, born: date, found: list[str]
) -> None:
    assert codes(basis=basis, born=born) == found


def test_everything_that_stands_against_a_budget_is_found() -> None:
    found = codes(basis=LegalBasis.S117, schedule=PaymentSchedule.ONE_OFF, contribution=1, nhs=10_000)
    assert found == ["one_off_has_no_weekly_budget", "after_care_charged", "health_care_charged"]
