import pytest

from services.dp_api.personal_assistants import rules
from services.shared.law import sources
from services.shared.vocabulary.people import EngagementRelationship as Is


@pytest.mark.parametrize(
    ("relationship", "same_household", "code"),
    [
        (Is.SPOUSE_OR_PARTNER, True, "partner_barred"),
        (Is.SPOUSE_OR_PARTNER, False, "partner_barred"),
        (Is.CLOSE_RELATIVE, True, "close_relative_in_household_barred"),
        (Is.CLOSE_RELATIVE, False, None),
        (Is.OTHER_RELATIVE, True, None),
        (Is.FRIEND_OR_NEIGHBOUR, True, None),
        (Is.NONE, True, None),
        (Is.NONE, False, None),
    ],
)
def test_partners_anywhere_and_close_relatives_at_home_are_barred(
    relationship: Is, same_household: bool, code: str | None
) -> None:
    finding = rules.barred_engagement(relationship=relationship, same_household=same_household, exception_reason=None)
    assert (finding.code if finding else None) == code
    assert finding is None or finding.source is sources.DP_REGS_R3


@pytest.mark.parametrize("relationship", list(Is))
def test_a_recorded_reason_lifts_the_bar(relationship: Is) -> None:
    assert (
        rules.barred_engagement(
            relationship=relationship, same_household=True, exception_reason="nobody else signs BSL"
        )
        is None
    )
