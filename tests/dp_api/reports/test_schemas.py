from decimal import Decimal

import pytest

from services.dp_api.reports import schemas


@pytest.mark.parametrize("text", ["=1+1", "+44", "-home", "@SUM(A1)", "\tx", "\r=x"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert schemas.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "written"),
    [("home_care", "home_care"), (None, ""), (-1205, "-1205"), (Decimal("-12.05"), "-12.05"), ("a=b", "a=b")],
)
def test_other_text_and_numbers_stay_as_they_are(value: str | int | Decimal | None, written: str) -> None:
    assert schemas.cell(value) == written
