from datetime import date

import pytest

from services.card_ingest import categories
from services.card_ingest.categories import Rule
from services.shared.vocabulary import TransactionType
from tests.databases import Databases

RULES = categories.rules(
    [
        Rule(3, "5411", "leisure", date(2026, 4, 1)),
        Rule(1, "5411", "retail_household", date(2015, 4, 1)),
        Rule(2, "atm_withdrawal", "cash", date(2015, 4, 1)),
    ]
)


@pytest.mark.parametrize(
    ("kind", "mcc", "booked_on", "chosen"),
    [
        ("purchase_pos", "5411", date(2026, 3, 31), ("retail_household", 1)),
        ("purchase_pos", "5411", date(2026, 4, 1), ("leisure", 3)),
        ("purchase_pos", "5411", date(2015, 3, 31), ("uncategorised", None)),
        ("purchase_pos", "9999", date(2026, 4, 1), ("uncategorised", None)),
        ("purchase_pos", None, date(2026, 4, 1), ("uncategorised", None)),
        ("atm_withdrawal", "5411", date(2026, 4, 1), ("cash", 2)),
        ("refund", "5411", date(2026, 3, 31), ("retail_household", 1)),
        ("refund", None, date(2026, 3, 31), ("refund", None)),
        ("reversal", "9999", date(2026, 3, 31), ("refund", None)),
    ],
)
def test_a_type_goes_before_an_mcc_and_each_holds_from_its_day(
    kind: str, mcc: str | None, booked_on: date, chosen: tuple[str, int | None]
) -> None:
    assert RULES.choose(TransactionType(kind), mcc, booked_on) == chosen


async def test_the_starting_rules_cover_types_and_codes_and_name_known_categories(databases: Databases) -> None:
    async with databases.superuser() as connection:
        found = await connection.fetch("SELECT coalesce(mcc, type) AS key, category FROM category_rule")
        known = {row["code"] for row in await connection.fetch("SELECT code FROM category")}
    by_key = {row["key"]: row["category"] for row in found}
    assert set(by_key.values()) <= known
    assert by_key["load"] == "council_load"
    assert (by_key["8050"], by_key["0780"], by_key["3010"]) == ("home_care", "domestic", "tourism")
    assert "7995" not in by_key
