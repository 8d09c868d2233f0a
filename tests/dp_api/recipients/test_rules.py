from datetime import date

import pytest

from services.dp_api.recipients import rules
from services.shared import dates
from services.shared.vocabulary.people import CareGroup, PrimarySupportReason, RecipientKind

ADULT, CARER = RecipientKind.ADULT, RecipientKind.CARER
CARE = PrimarySupportReason.PHYSICAL_PERSONAL_CARE
TODAY = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("9434765919", "9434765919"),
        ("943 476 5919", "9434765919"),
        ("6541003238", "6541003238"),
        ("671 668 9966", "6716689966"),
        ("9990000018", "9990000018"),
    ],
)
def test_an_nhs_number_is_kept_as_ten_digits(written: str, digits: str) -> None:
    assert rules.nhs_number(written) == digits


@pytest.mark.parametrize(
    "written",
    [
        "3459124359",
        "9434765918",
        "0000000000",
        "000 000 0000",
        "943476591",
        "94347659190",
        "943-476-5919",
        "94 34765919",
        "943 476 591 9",
        "943476591X",
        "٩٤٣٤٧٦٥٩١٩",
        " 9434765919",
        "9434765919\n",
        "",
    ],
)
def test_anything_else_is_no_nhs_number_and_is_not_repeated(written: str) -> None:
    with pytest.raises(ValueError, match="NHS number") as refusal:
        rules.nhs_number(written)
    assert not written.strip() or written.strip() not in str(refusal.value)


def test_every_wrong_check_digit_is_refused() -> None:
    for digit in "012345678":
        with pytest.raises(ValueError, match="check digit"):
            rules.nhs_number(f"943476591{digit}")


def test_an_nhs_number_is_shown_3_3_4() -> None:
    assert rules.shown_nhs_number("9434765919") == "943 476 5919"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("le13 1aa", "LE13 1AA"),
        ("LE131AA", "LE13 1AA"),
        ("  LE3  8RA ", "LE3 8RA"),
        ("M1 1AE", "M1 1AE"),
        ("W1A 0AX", "W1A 0AX"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("DN55 1PT", "DN55 1PT"),
        ("GIR 0AA", "GIR 0AA"),
    ],
)
def test_a_postcode_is_kept_in_one_form(written: str, kept: str) -> None:
    assert rules.postcode(written) == kept


@pytest.mark.parametrize("written", ["", "LE13", "LE13 1A", "LE13 1CA", "QE1 1AA", "LE1311AA", "13LE 1AA", "LE13 AA1"])
def test_any_other_text_is_no_postcode(written: str) -> None:
    with pytest.raises(ValueError, match="postcode"):
        rules.postcode(written)


@pytest.mark.parametrize(
    ("born", "is_too_young"),
    [(date(2010, 11, 2), False), (date(2010, 11, 3), True), (date(1950, 1, 1), False), (date(2026, 11, 2), True)],
)
def test_a_recipient_is_sixteen_on_the_day(born: date, is_too_young: bool) -> None:
    finding = rules.too_young(date_of_birth=born, today=TODAY)
    assert (finding is not None) == is_too_young
    assert finding is None or finding.source.citation.endswith("Appendix A")


@pytest.mark.parametrize(
    ("born", "trouble"),
    [
        (TODAY, None),
        (date(2026, 11, 3), "future"),
        (date(1905, 11, 3), None),
        (date(1905, 11, 2), "120 years"),
    ],
)
def test_a_birth_lies_in_the_past_and_within_a_lifetime(born: date, trouble: str | None) -> None:
    said = rules.birth_trouble(date_of_birth=born, today=TODAY)
    assert (said is None) if trouble is None else (said is not None and trouble in said)


def test_only_who_they_were_is_put_right_after_a_death() -> None:
    fields = {"full_name", "postcode", "primary_support_reason", "administered_by", "nhs_number"}
    assert rules.amendments_too_late(died_on=None, fields=fields) == frozenset()
    late = rules.amendments_too_late(died_on=TODAY, fields=fields)
    assert late == {"postcode", "primary_support_reason", "administered_by"}


@pytest.mark.parametrize(
    ("kind", "reason", "born", "group"),
    [
        (CARER, PrimarySupportReason.LEARNING_DISABILITY, date(1950, 1, 1), CareGroup.CARERS),
        (CARER, PrimarySupportReason.SUPPORT_TO_CARER, date(1990, 1, 1), CareGroup.CARERS),
        (ADULT, PrimarySupportReason.LEARNING_DISABILITY, date(1950, 1, 1), CareGroup.LEARNING_DISABILITIES),
        (ADULT, PrimarySupportReason.MENTAL_HEALTH, date(1950, 1, 1), CareGroup.MENTAL_HEALTH),
        (ADULT, CARE, date(1961, 11, 2), CareGroup.OLDER_PEOPLE),
        (ADULT, CARE, date(1961, 11, 3), CareGroup.PHYSICAL_DISABILITIES),
        (ADULT, PrimarySupportReason.MEMORY_AND_COGNITION, date(1990, 1, 1), CareGroup.PHYSICAL_DISABILITIES),
    ],
)
def test_the_care_group_goes_by_kind_then_reason_then_age(
    kind: RecipientKind, reason: PrimarySupportReason, born: date, group: CareGroup
) -> None:
    found = rules.care_group(kind=kind, primary_support_reason=reason, date_of_birth=born, today=TODAY)
    assert found is group


@pytest.mark.parametrize(
    "today", [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2025, 2, 28), date(2025, 3, 1), TODAY]
)
def test_older_people_are_those_whose_age_is_65_leap_days_included(today: date) -> None:
    born_by = rules.older_people_born_by(today)
    assert dates.age_on(born_by, today) >= 65
    assert dates.age_on(born_by.fromordinal(born_by.toordinal() + 1), today) == 64
