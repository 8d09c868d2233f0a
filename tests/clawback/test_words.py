from dataclasses import dataclass, replace
from datetime import date

from services.clawback.cases import rules as calculation


@dataclass(frozen=True)
class Figures:
    as_of: date = date(2026, 11, 22)
    weekly_gross_pence: int = 24_343
    threshold_weeks: int = 4
    posted_pence: int = 100_000
    held_pence: int = 0
    low_point_pence: int = 3_000
    low_point_on: date = date(2026, 11, 1)
    last_load_on: date | None = date(2026, 11, 2)
    last_load_pence: int | None = 97_372


MEANING = (
    "This is a flag, not a debt: first somebody asks whether the person has the support that the money is for, and"
    " nothing is taken back unless the council then decides so and says so beforehand."
)


def test_a_flag_since_the_load_is_told_in_plain_words() -> None:
    assert calculation.in_words(Figures(), recipient_has_died=False) == (
        "On 22 November 2026 the accounts held £1,000.00."
        " 4 weeks of £243.43 gross a week is £973.72, so the balance is £26.28 over."
        " At its lowest in the 28 days to that day, on 1 November 2026, it stood at £30.00, which is not over;"
        f" the last load was £973.72 on 2 November 2026. {MEANING}"
    )


def test_money_set_aside_for_card_payments_is_named_and_taken_off() -> None:
    words = calculation.in_words(replace(Figures(), posted_pence=101_000, held_pence=1_000), recipient_has_died=False)
    assert words.startswith(
        "On 22 November 2026 the accounts held £1,010.00, of which £10.00 is set aside for card payments that have not"
        " cleared: £1,000.00 counts. 4 weeks of £243.43 gross a week is £973.72, so the balance is £26.28 over."
    )


def test_a_surplus_of_the_whole_cycle_is_called_that() -> None:
    words = calculation.in_words(replace(Figures(), low_point_pence=97_373), recipient_has_died=False)
    assert (
        "it stood at £973.73, which is also over: more was held than the policy allows on every day of the payment"
        " cycle." in words
    )


def test_without_a_load_none_is_named() -> None:
    words = calculation.in_words(replace(Figures(), last_load_on=None, last_load_pence=None), recipient_has_died=False)
    assert "it stood at £30.00, which is not over. This is a flag" in words


def test_after_a_death_nobody_is_asked_whether_the_person_has_support() -> None:
    words = calculation.in_words(Figures(), recipient_has_died=True)
    assert "so the balance is £26.28 over." in words
    assert words.endswith(
        "The person has died, and the direct payment ended with them. This is a flag, not a debt: the money that is"
        " left is not part of the estate; it first meets what was committed to, such as wages, notice and invoices for"
        " the support, and a person decides what happens to the rest."
    )
    assert "asks whether the person" not in words


def test_one_week_is_one_week() -> None:
    assert " 1 week of £243.43 gross a week is £243.43," in calculation.in_words(
        replace(Figures(), threshold_weeks=1), recipient_has_died=False
    )
