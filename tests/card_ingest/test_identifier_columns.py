"""Columns that a profile declares to hold identifiers are spared the scan, where what they hold bears that out."""

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from stdnum import luhn

from services.card_ingest import pipeline, scanning
from services.card_ingest.scanning import Identifiers
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

COLUMN = Identifiers(",", frozenset({0}))
CARD_NUMBER = "4111111111111111"


def numbers(count: int, *, valid: bool) -> list[str]:
    """Return numbers of a card's issuer and length, with or without a right check digit."""
    choose = random.Random(5)
    bodies = ["4" + "".join(choose.choices("0123456789", k=14)) for _ in range(count)]
    return [body + str((int(luhn.calc_check_digit(body)) + (0 if valid else 3)) % 10) for body in bodies]


def text(rows: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{identifier},2026-11-03,{name}\n" for identifier, name in rows).encode()


def test_identifiers_that_pass_for_card_numbers_are_spared_among_those_that_do_not() -> None:
    content = text((number, "shop") for number in [*numbers(18, valid=False), *numbers(2, valid=True)])
    assert scanning.redact(content).is_redacted
    assert scanning.redact(content, identifiers=COLUMN) == scanning.Scanned(content, is_redacted=False)


def test_a_declared_column_of_card_numbers_is_not_spared() -> None:
    content = text((number, "shop") for number in numbers(20, valid=True))
    redacted = scanning.redact(content, identifiers=COLUMN)
    assert redacted == scanning.redact(content)
    assert redacted.is_redacted


@pytest.mark.parametrize("name", [CARD_NUMBER, "4111 1111 1111 1111", f"pan {CARD_NUMBER}"])
def test_a_card_number_in_any_other_column_is_found(name: str) -> None:
    identifiers = [*numbers(18, valid=False), *numbers(2, valid=True)]
    content = text([*((number, "shop") for number in identifiers), ("7", name)])
    redacted = scanning.redact(content, identifiers=COLUMN)
    assert b"1111" not in redacted.content
    assert all(number.encode() in redacted.content for number in identifiers)


@pytest.mark.parametrize("cell", ["4111 1111 1111 1111", f"x{CARD_NUMBER}", f"{CARD_NUMBER} x", "4111-1111-1111-1111"])
def test_only_digits_that_fill_a_declared_column_alone_are_an_identifier(cell: str) -> None:
    content = text([*((number, "shop") for number in numbers(20, valid=False)), (cell, "shop")])
    assert b"1111" not in scanning.redact(content, identifiers=COLUMN).content


def test_a_quoted_comma_or_a_quoted_identifier_moves_no_column() -> None:
    third = Identifiers(",", frozenset({2}))
    (valid,) = numbers(1, valid=True)
    lines = [f'1,"Smith, J","{number}",x\n' for number in [*numbers(4, valid=False), valid]]
    content = "".join(lines).encode()
    assert scanning.redact(content).is_redacted
    assert not scanning.redact(content, identifiers=third).is_redacted
    assert scanning.redact(content, identifiers=COLUMN).is_redacted


async def test_a_feed_of_long_numeric_ids_posts_whole_and_its_card_numbers_wait(feed: Feed) -> None:
    folder = pipeline.own_profiles(feed.database)
    folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(scanning.__file__).parent / "profiles" / "demo_bank_statement.toml"
    own = shipped.read_text().replace("demo_bank_statement", "long_ids")
    (folder / "long_ids.toml").write_text(
        own.replace("reference =", 'identifiers = ["Transaction ID"]\nreference =', 1)
    )
    ids = [*numbers(18, valid=False), *numbers(2, valid=True)]
    lines = [f"ACC-1,03/11/2026,FPO,shop,,-1.00,{number}" for number in ids]
    lines += [f"ACC-1,03/11/2026,FPO,{CARD_NUMBER},,-1.00,7"]
    body = "\n".join(["Account,Date,Type,Description,Reference,Amount,Transaction ID", *lines, ""]).encode()
    receipt = await build.receive(feed.database, body, profile="long_ids")
    assert (receipt.posted.rows, receipt.quarantined.rows) == (20, 1)
    assert {code for _, code in (await feed.rows(receipt)).values()} == {"card_number_in_row"}
    assert await feed.books() == Books(-2000, 0, 20)
