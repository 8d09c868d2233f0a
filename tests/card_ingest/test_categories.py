from datetime import date

import pytest

from services.card_ingest.categories import rules
from services.card_ingest.categories.rules import Rule
from services.shared.vocabulary.money import SpendCategory, TransactionType
from tests.databases import Databases

FIRST, LATER = date(2015, 4, 1), date(2026, 4, 1)
RULES = rules.in_order(
    [
        Rule(id=1, mcc="5411", category="retail_household", effective_from=FIRST),
        Rule(id=2, type="atm_withdrawal", category="cash", effective_from=FIRST),
        Rule(id=3, mcc="5411", category="leisure", effective_from=LATER),
        Rule(id=4, merchant="TESCO", category="retail_household", effective_from=FIRST),
        Rule(id=5, merchant="TESCO PETROL", category="travel", effective_from=FIRST),
        Rule(id=6, mcc="6011", category="cash", effective_from=FIRST),
        Rule(id=7, payee="NEST", category="pension", effective_from=FIRST),
        Rule(id=8, merchant="HOMECARE", category="home_care", effective_from=FIRST),
        Rule(id=9, merchant="BET", category="leisure", effective_from=FIRST),
        Rule(id=10, mcc="5812", category="social_activities", effective_from=FIRST),
        Rule(id=11, merchant="HOMECARE", category="domestic", effective_from=LATER),
        Rule(id=12, merchant="BRITISH GAS", category="retail_household", effective_from=FIRST),
        Rule(id=13, mcc="5541", category="travel", effective_from=FIRST),
        Rule(id=14, type="load", category="council_load", effective_from=FIRST),
        Rule(id=15, type="direct_debit", category="retail_household", effective_from=FIRST),
    ]
)
BEFORE = date(2026, 3, 31)


def chosen(kind: str, mcc: str | None, name: str | None, on: date = BEFORE) -> tuple[str, int | None]:
    return RULES.choose(TransactionType(kind), mcc, name, on)[:2]


@pytest.mark.parametrize(
    ("mcc", "on", "expected"),
    [
        ("5411", date(2026, 3, 31), ("retail_household", 1)),
        ("5411", date(2026, 4, 1), ("leisure", 3)),
        ("5411", date(2015, 3, 31), ("uncategorised", None)),
        ("9998", date(2026, 4, 1), ("uncategorised", None)),
        (None, date(2026, 4, 1), ("uncategorised", None)),
    ],
)
def test_a_code_decides_from_the_day_of_its_rule(mcc: str | None, on: date, expected: tuple[str, int | None]) -> None:
    assert chosen("purchase_pos", mcc, "CORNER SHOP", on) == expected


def test_a_merchant_goes_before_its_code_and_a_longer_rule_before_a_shorter_one() -> None:
    assert chosen("purchase_pos", "5812", "TESCO STORES 2617") == ("retail_household", 4)
    assert chosen("purchase_pos", "5411", "TESCO PFS 2996") == ("travel", 5)
    assert chosen("direct_debit", None, "BRITISH GAS HOMECARE") == ("retail_household", 12)


def test_of_rules_that_are_equally_long_the_one_that_stands_first_in_the_name_decides() -> None:
    assert chosen("purchase_pos", None, "HOMECARE BET") == ("home_care", 8)
    assert chosen("purchase_pos", None, "BET HOMECARE") == ("leisure", 9)


def test_a_merchant_goes_before_the_type_and_the_type_decides_where_nothing_else_does() -> None:
    assert chosen("direct_debit", None, "ACME HOMECARE LTD") == ("home_care", 8)
    assert chosen("direct_debit", None, "ACME HOMECARE LTD", LATER) == ("domestic", 11)
    assert chosen("direct_debit", None, "ACME WINDOWS LTD") == ("retail_household", 15)


@pytest.mark.parametrize("name", ["WWW.NISBETS.COM", "ELIZABETH'S", "SCOTBET LEEDS", "BETTER HEARING", "ALPHABET 12"])
def test_words_inside_words_do_not_decide(name: str) -> None:
    assert chosen("purchase_pos", None, name) == ("uncategorised", None)


def test_cash_is_cash_whoever_gave_it() -> None:
    assert chosen("atm_withdrawal", "5411", "TESCO STORES 2617") == ("cash", 2)
    assert chosen("purchase_pos", "6011", "TESCO STORES 2617") == ("cash", 6)
    assert chosen("reversal", "6011", "TESCO STORES 2617") == ("cash", 6)
    assert chosen("load", "5411", "TESCO") == ("council_load", 14)


def test_a_payees_rule_is_for_transfers_to_exactly_that_name() -> None:
    assert chosen("direct_debit", None, "Nest") == ("pension", 7)
    assert chosen("direct_debit_bounce", None, "NEST") == ("pension", 7)
    assert chosen("direct_debit", None, "NEST FURNITURE") == ("retail_household", 15)
    assert chosen("purchase_pos", "5812", "NEST") == ("social_activities", 10)


def test_money_that_comes_back_goes_to_where_it_was_spent() -> None:
    assert chosen("refund", "5411", "CORNER SHOP") == ("retail_household", 1)
    assert chosen("chargeback", "5541", "TESCO PFS 2996") == ("travel", 5)
    assert chosen("refund", None, None) == ("refund", None)
    assert chosen("reversal", "9998", "CORNER SHOP") == ("refund", None)


def test_the_payee_comes_with_the_choice() -> None:
    assert RULES.choose(TransactionType.PURCHASE_POS, None, "Asda Stores 4567", BEFORE).payee == "ASDA"
    assert RULES.choose(TransactionType.FASTER_PAYMENT_OUT, None, "Jane York", BEFORE).payee == "JANE YORK"
    assert RULES.choose(TransactionType.LOAD, None, None, BEFORE).payee is None


def test_no_file_makes_the_rules_remember_without_end() -> None:
    own = rules.in_order([])
    for number in range(rules.MOST_CHOSEN + 10):
        own.choose(TransactionType.PURCHASE_POS, None, f"SHOP {number}A", BEFORE)
    assert len(own.chosen) <= rules.MOST_CHOSEN


async def test_the_starting_rules_name_known_categories_and_give_reasons(databases: Databases) -> None:
    async with databases.superuser() as connection:
        found = await connection.fetch("SELECT coalesce(mcc, type, merchant, payee) AS key, * FROM category_rule")
        known = {row["code"] for row in await connection.fetch("SELECT code FROM category")}
    by_key = {row["key"]: row["category"] for row in found}
    assert set(by_key.values()) <= known == {category.value for category in SpendCategory}
    assert len(by_key) == len(found)
    assert by_key["load"] == "council_load"
    assert (by_key["8050"], by_key["0780"], by_key["3010"]) == ("home_care", "domestic", "tourism")
    assert by_key[rules.REGISTERED_ASSISTANT] == "personal_assistant"
    assert by_key[rules.MONEY_MANAGER] == "money_manager_fee"
    assert by_key.keys().isdisjoint({"7995", "5813", "5921", "5993", "CARE", "NEST CAFE"})
    assert all(len(row["reason"]) > 5 and row["made_by"] == "machine:migration" for row in found)
