"""Statements spoilt at random: each is refused whole or read whole, and never in any other way or for long."""

import io
import random
import time
from datetime import date
from pathlib import Path

import pytest

from services.card_ingest import reading
from services.card_ingest.events import BadRow, ReadRow
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.reconciliation import rules
from services.card_ingest.statements import StatementEnd
from tests.builders import statements as build

SECONDS = 1.5
LONGEST_SECONDS = 2.0
DAY = date(2026, 11, 20)
CAMT = build.camt(
    build.statement(
        build.entry("12.50", "DBIT", ref="R1", details=build.details('<Amt Ccy="GBP">12.50</Amt>')),
        build.entry("8.85000", valued="2026-11-14"),
        build.entry("5.00", currency="EUR", booked="2026-11-12T10:00:00+01:00"),
        balances=[build.balance("OPBD", "100.00"), build.balance("CLBD", "96.35")],
    ),
    build.statement(build.entry("1.00", status="<Sts><Cd>PDNG</Cd></Sts>"), id="S2"),
)
MT940 = build.mt940(":61:2611121112D12,50NTRFREF//B1", ":86:?20WAGES?32ANN", ":61:261112C1,00", ":86:TEXT\r\nMORE")
PIECES = [
    *(b"<", b">", b"&", b"\0", b"\xff", b"<Ntry>", b"</Stmt>", b"<!--", b"]]>", b"\r\n", b":61:", b":20:", b":", b"-}"),
    *(b"9" * 30, b"-", b"e9", b"\xd9\xa3", b"Ccy=", b"<Amt>", b",", b"2026-02-30", b"T25:61:61Z", b"&#x0;", b"<?x?>"),
]


def spoilt(content: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(spoilt) + 1)
        what = chance.randrange(5)
        if what == 0:
            spoilt[at:at] = chance.choice(PIECES)
        elif what == 1:
            del spoilt[at : at + chance.randint(1, 60)]
        elif what == 2 and at < len(spoilt):
            spoilt[at] = chance.randrange(256)
        elif what == 3:
            length = chance.randint(1, 200)
            spoilt[at:at] = spoilt[at : at + length]
        else:
            del spoilt[at:]
    return bytes(spoilt)


def read(profile: StatementProfile, body: bytes) -> int:
    """Read a file as it is taken in, and return how many rows it has. Raises UnreadableDelivery alone."""
    count = reading.count(profile, io.BytesIO(body), account_ref=None, received_on=DAY)
    for item in reading.statement_items(profile, io.BytesIO(body)):
        if isinstance(item, StatementEnd):
            rules.stated(item, account_ref="")
    rows = list(reading.rows(profile, io.BytesIO(body), account_ref=None, received_on=DAY, is_redacted=False))
    assert [row.number for row in rows] == list(range(1, count + 1))
    assert all(isinstance(row, ReadRow | BadRow) for row in rows)
    return count


@pytest.mark.parametrize(("name", "content", "whole"), [("camt053", CAMT, 4), ("mt940", MT940, 2)])
def test_a_spoilt_statement_is_refused_or_read_and_nothing_else(name: str, content: bytes, whole: int) -> None:
    profile = profiles.load(name, own_folder=Path("/nonexistent"))
    assert isinstance(profile, StatementProfile)
    assert read(profile, content) == whole
    chance = random.Random(20261122)
    until, refused, taken = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < until:
        body = spoilt(content, chance)
        began = time.monotonic()
        try:
            read(profile, body)
            taken += 1
        except UnreadableDelivery:
            refused += 1
        assert time.monotonic() - began < LONGEST_SECONDS
    assert refused > 5
    assert taken > 5
