"""Names as tills and banks write them, and what is left of them: own samples, and the councils' published files."""

import csv
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from services.card_ingest import reading
from services.card_ingest.categories import codes, merchants, queries, rules
from services.card_ingest.categories.rules import Rules
from services.card_ingest.events import ReadRow
from services.card_ingest.profiles import profile as profiles
from tests.databases import Databases

FILES = {
    "calderdale-2018-07-card.csv": ("calderdale", "Supplier Name"),
    "calderdale-2022-05-card.csv": ("calderdale", "Supplier Name"),
    "birmingham_2017_adult_directorate.csv": ("birmingham", "MERCHANT NAME"),
    "birmingham_dec2019_mcc_sample.csv": ("birmingham", "MERCHANT NAME"),
}


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("SQ *IPHONE DOCTOR LTD", "IPHONE DOCTOR"),
        ("SQ*CORNER CAFE", "CORNER CAFE"),
        ("IZ *FABS ICES", "FABS ICES"),
        ("PAYPAL *EBAY 800-456-3", "EBAY"),
        ("paypal ecosys know", "ECOSYS KNOW"),
        ("PAYPAL", "PAYPAL"),
        ("SumUp  *Mo's Barbers", "MOS BARBERS"),
        ("ZETTLE_*JOES CAFE", "JOES CAFE"),
        ("PPOINT_*SIDS MINI MARKET", "SIDS MINI MARKET"),
        ("UBER *TRIP HELP.UBER.COM", "UBER"),
        ("MSFT *<E0200HWYIW>", "MICROSOFT"),
        ("AMZN MKTP UK*2H4AB1CD0", "AMAZON"),
        ("AMAZON SVCS EU-UK AMAZON.", "AMAZON"),
        ("AMAZON PRIME", "AMAZON DIGITAL"),
        ("ASDA STORES 4567", "ASDA"),
        ("ASDA SUPERSTORE", "ASDA"),
        ("ASDA STORES/PETROL/", "ASDA PETROL"),
        ("TESCO-STORES 2617", "TESCO"),
        ("TESCO PFS 2996", "TESCO PETROL"),
        ("Tesco Bank", "TESCO BANK"),
        ("W M MORRISON PLC", "MORRISONS"),
        ("SAINSBURY'S S/MKT", "SAINSBURYS"),
        ("CO-OP GROUP 108446", "CO OP FOOD"),
        ("COSTA @ TESCO 43036255", "COSTA COFFEE"),
        ("ARGOS(INSIDE SAINSBURY'S", "ARGOS"),
        ("MCDONALDS668", "MCDONALDS"),
        ("PREMIER INN44028765", "PREMIER INN"),
        ("B & Q 1371", "B&Q"),
        ("MARKS&SPENCER PLC", "MARKS & SPENCER"),
        ("WWW.NISBETS.COM", "NISBETS"),
        ("WWW.SHEETPLASTICS.CO.U", "SHEETPLASTICS"),
        ("hmcourts-service.g", "HM COURTS"),
        ("FLYBE.COM   C7MYZ0", "FLYBE"),
        ("SQ *S.Y.R.C.", "SYRC"),
        ("LINK 4 LIFE", "LINK 4 LIFE"),
        ("CURRYS HALIFAX", "CURRYS"),
        ("CORNER SHOP MANCHESTER GB", "CORNER SHOP"),
        ("CITY OF YORK", "CITY OF YORK"),
        ("MANCHESTER", "MANCHESTER"),
        ("EUROGARAGES T/A SOLIHULL", "EUROGARAGES"),
        ("O2", "O2"),
        ("Zoë's Café", "ZOËS CAFÉ"),
        ("*** ", None),
        ("", None),
    ],
)
def test_what_is_left_of_a_merchants_name(given: str, left: str | None) -> None:
    assert merchants.cleaned(given) == left


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("Jane Derby", "JANE DERBY"),
        ("mr p lincoln", "MR P LINCOLN"),
        ("J.SMITH", "J SMITH"),
        ("W M Morrison", "W M MORRISON"),
        ("Maria Costa", "MARIA COSTA"),
        ("NEST IT000123456", "NEST"),
        ("EXAMPLE CARE LIMITED", "EXAMPLE CARE"),
    ],
)
def test_a_payees_name_is_left_as_it_was_given(given: str, left: str) -> None:
    assert merchants.counterparty(given) == left


def test_a_cleaned_name_stays_as_it_is() -> None:
    given = ("SQ *IPHONE DOCTOR LTD", "TESCO PFS 2996", "CO-OP GROUP 1", "B & Q 2")
    names = [merchants.cleaned(name) for name in given]
    assert [merchants.cleaned(name) for name in names if name] == names


def test_no_name_is_too_strange_or_too_long() -> None:
    repeated = ("*", " _", "A.", "((", "&", "9", "WWW.", "A B ", "A/", "\u200b*\ufeff")
    strange = [(each * 500)[:500] for each in repeated]
    started = time.perf_counter()
    for name in strange:
        cleaned = merchants.cleaned(name)
        assert cleaned is None or cleaned == cleaned.strip()
    assert time.perf_counter() - started < 1


def published(folder: Path) -> Iterator[tuple[str, str]]:
    for name, (_, column) in FILES.items():
        with (folder / "cards" / name).open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                yield name, row[column]


def test_the_published_merchants_are_grouped(reference_data: Path) -> None:
    given = {name for _, name in published(reference_data)}
    left = {name: merchants.cleaned(name) for name in given}
    assert all(left.values())
    assert len(set(left.values())) < 0.72 * len(given)
    for chain, least in (("TESCO", 14), ("ASDA", 7), ("AMAZON", 10), ("MCDONALDS", 3), ("SUBWAY", 5), ("FACEBOOK", 20)):
        assert sum(each == chain for each in left.values()) >= least, chain
    for shown in left.values():
        assert shown is not None
        assert not any(mark in shown for mark in ("*", ".", "_", "(", "  "))


async def starting_rules(databases: Databases) -> Rules:
    async with databases.superuser() as connection:
        return await queries.policy(connection)


async def test_published_spending_finds_its_category_with_codes_and_mostly_without(
    databases: Databases, reference_data: Path
) -> None:
    policy = await starting_rules(databases)
    rows = with_codes = without = 0
    for name, (profile, _) in FILES.items():
        with (reference_data / "cards" / name).open("rb") as content:
            found = reading.rows(
                profiles.load(profile, own_folder=reference_data),
                content,
                account_ref="trial",
                received_on=date(2026, 11, 20),
                is_redacted=False,
            )
            for row in found:
                assert isinstance(row, ReadRow)
                event = row.event
                rows += 1
                told, bare = (
                    policy.choose(event.type, mcc, event.merchant_name, row.booked_on) for mcc in (event.mcc, None)
                )
                with_codes += told.rule_id is not None
                without += bare.rule_id is not None
    assert rows == 971 + 789 + 2_130 + 27
    assert with_codes / rows > 0.7, (with_codes, rows)
    assert without / rows > 0.5, (without, rows)


def test_the_lists_of_codes_agree_but_for_codes_of_single_companies(reference_data: Path) -> None:
    with (reference_data / "mcc/greggles_mcc_codes.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["mcc"] for row in csv.DictReader(file)}
    unknown = {code for code in listed if codes.is_unknown(code)}
    assert len(listed) == 981
    assert len(unknown) <= 15, sorted(unknown)
    assert not any(codes.is_unknown(code) for code in ("0780", "5411", "8050", "7995", "3000"))
    assert all(codes.is_unknown(code) for code in ("0000", "9998", "0001"))


def test_a_rules_words_are_cleaned_like_names_but_keep_their_town() -> None:
    assert merchants.phrase("wm morrisons") == "MORRISONS"
    assert merchants.phrase("Taxi Leeds") == "TAXI LEEDS"
    assert rules.MONEY_MANAGER.islower()
