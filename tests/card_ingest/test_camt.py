import io
from datetime import date
from pathlib import Path

import pytest

from services.card_ingest import reading, scanning
from services.card_ingest.events import BadRow, ReadRow, Row
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles import statement_mapping
from services.card_ingest.reasons import Note, Reason
from tests.builders import statements as build

TOKEN = statement_mapping.account_token(build.IBAN)
NOWHERE = Path("/nonexistent")


def read(body: bytes, *, profile: str = "camt053", account_ref: str | None = None) -> list[Row]:
    found = profiles.load(profile, own_folder=NOWHERE)
    day = date(2026, 11, 20)
    count = reading.count(found, io.BytesIO(body), account_ref=account_ref, received_on=day)
    rows = list(reading.rows(found, io.BytesIO(body), account_ref=account_ref, received_on=day, is_redacted=False))
    assert [row.number for row in rows] == list(range(1, count + 1))
    return rows


def one(entry: str, **options: str) -> Row:
    (row,) = read(build.camt(build.statement(entry), **options))
    return row


def posted(row: Row) -> ReadRow:
    assert isinstance(row, ReadRow), row
    return row


def reason(row: Row) -> Reason | Note:
    assert isinstance(row, BadRow), row
    return row.reason


@pytest.mark.parametrize("version", ["02", "04", "06", "08", "10"])
def test_every_version_is_read_by_its_names(version: str) -> None:
    status = "<Sts>BOOK</Sts>" if version < "08" else "<Sts><Cd>BOOK</Cd></Sts>"
    amount = (
        '<AmtDtls><TxAmt><Amt Ccy="GBP">12.50</Amt></TxAmt></AmtDtls>'
        if version == "02"
        else ('<Amt Ccy="GBP">12.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>')
    )
    party = "<Cdtr><Nm>Ann Carer</Nm></Cdtr>" if version < "08" else "<Cdtr><Pty><Nm>Ann Carer</Nm></Pty></Cdtr>"
    refs = "<Refs><AcctSvcrRef>R1</AcctSvcrRef></Refs>"
    told = f"{refs}{amount}<RltdPties>{party}</RltdPties><RmtInf><Ustrd>wages</Ustrd></RmtInf>"
    row = posted(one(build.entry("12.50", "DBIT", status=status, details=build.details(told)), version=version))
    event = row.event
    assert (event.provider_transaction_id, event.account_ref) == (f"{TOKEN}:R1", TOKEN)
    assert (event.type, event.amount_pence, row.effect_pence, row.delivered_pence) == (
        "faster_payment_out", 1250, -1250, -1250,
    )  # fmt: skip
    assert (event.merchant_name, event.reference, row.booked_on) == ("Ann Carer", "wages", date(2026, 11, 12))


@pytest.mark.parametrize(
    ("code", "way", "reversal", "kind", "effect"),
    [
        ("", "CRDT", "", "faster_payment_in", 500),
        ("", "DBIT", "", "faster_payment_out", -500),
        ("PMNT/ICDT/STDO", "DBIT", "", "standing_order", -500),
        ("PMNT/RDDT/ESDD", "DBIT", "", "direct_debit", -500),
        ("PMNT/RDDT/UPDD", "CRDT", "true", "direct_debit_bounce", 500),
        ("PMNT/RDDT/ESDD", "CRDT", "true", "reversal", 500),
        ("PMNT/RCDT/ESCT", "DBIT", "true", "adjustment", -500),
        ("PMNT/CCRD/POSD", "DBIT", "", "purchase_pos", -500),
        ("PMNT/CCRD/POSD", "CRDT", "", "faster_payment_in", 500),
        ("PMNT/CCRD/CWDL", "DBIT", "false", "atm_withdrawal", -500),
        ("ACMT/MDOP/CHRG", "DBIT", "", "fee", -500),
    ],
)
def test_the_code_says_what_it_is_and_the_indicator_which_way_the_money_goes(
    code: str, way: str, reversal: str, kind: str, effect: int
) -> None:
    parts = [*code.split("/"), "", "", ""]
    domain = f"<Domn><Cd>{parts[0]}</Cd><Fmly><Cd>{parts[1]}</Cd><SubFmlyCd>{parts[2]}</SubFmlyCd></Fmly></Domn>"
    written = f"<BkTxCd>{domain}</BkTxCd>" if code else ""
    reversed_ = f"<RvslInd>{reversal}</RvslInd>" if reversal else ""
    row = posted(one(build.entry("5.00", way, code=written, reversal=reversed_)))
    assert (row.event.type, row.effect_pence) == (kind, effect)


def detail(amount: str, way: str = "", currency: str = "GBP", ref: str = "") -> str:
    indicator = f"<CdtDbtInd>{way}</CdtDbtInd>" if way else ""
    refs = f"<Refs><TxId>{ref}</TxId></Refs>" if ref else ""
    return f'{refs}<Amt Ccy="{currency}">{amount}</Amt>{indicator}'


@pytest.mark.parametrize(
    ("details", "effects"),
    [
        ([detail("10"), detail("2.50")], [-1000, -250]),
        ([detail("15"), detail("2.50", "CRDT")], [-1500, 250]),
        ([detail("10"), detail("2.49")], [-1250]),
        ([detail("10"), "<RmtInf><Ustrd>no amount</Ustrd></RmtInf>"], [-1250]),
        ([detail("10"), detail("2.50", currency="EUR")], [-1250]),
        ([detail("12.50")], [-1250]),
        ([detail("12.50"), detail("0.00")], [-1250]),
        ([detail("15.00"), detail("-2.50")], [-1250]),
        ([detail("6.255"), detail("6.245")], [-1250]),
        ([], [-1250]),
    ],
)
def test_details_are_rows_where_they_make_the_entry(details: list[str], effects: list[int]) -> None:
    entry = build.entry("12.50", "DBIT", ref="E1", details=build.details(*details))
    rows = [posted(row) for row in read(build.camt(build.statement(entry)))]
    assert [row.effect_pence for row in rows] == effects
    assert len({row.event.provider_transaction_id for row in rows}) == len(rows)


def test_what_is_not_booked_moves_no_money_and_waits_for_nobody() -> None:
    for status in ("<Sts>PDNG</Sts>", "<Sts><Cd>INFO</Cd></Sts>"):
        row = one(build.entry("5.00", status=status))
        assert (reason(row), row.delivered_pence) == (Note.NOT_BOOKED, 500)


@pytest.mark.parametrize(
    ("entry", "why", "pence"),
    [
        (build.entry("5.00", currency="EUR"), Reason.CURRENCY_NOT_GBP, 500),
        (build.entry("5.005"), Reason.AMOUNT_NOT_WHOLE_PENCE, None),
        (build.entry("5,00"), Reason.NOT_A_NUMBER, None),
        (build.entry("1e3"), Reason.NOT_A_NUMBER, None),
        (build.entry("-5.00"), Reason.AMOUNT_IS_NEGATIVE, None),
        (build.entry("0.00"), Reason.AMOUNT_IS_ZERO, 0),
        (build.entry("5.00", "NONE"), Reason.MISSING_FIELD, None),
        (build.entry("5.00", booked="2026-02-30"), Reason.BAD_DATE, 500),
        (build.entry("5.00", booked="2026-11-21"), Reason.FUTURE_DATE, 500),
        (build.entry("5.00", status=""), Reason.MISSING_FIELD, 500),
        (build.entry("5.00", status="<Sts>WHAT</Sts>"), Reason.UNKNOWN_WORD, 500),
        (build.entry("99999999999.00"), Reason.AMOUNT_OUT_OF_RANGE, None),
        (build.entry("5.00").replace(' Ccy="GBP"', ""), Reason.MISSING_FIELD, 500),
        ("<Ntry/>", Reason.UNREADABLE_ROW, None),
    ],
)
def test_a_row_that_cannot_post_waits_and_tells_why(entry: str, why: Reason, pence: int | None) -> None:
    row = one(entry)
    assert (reason(row), row.delivered_pence) == (why, pence)


def test_five_decimals_are_taken_where_they_are_whole_pence() -> None:
    assert posted(one(build.entry("8.85000"))).effect_pence == 885


def test_a_row_without_a_reference_is_known_by_its_content_and_its_place_among_equals() -> None:
    same = build.entry("5.00")
    first = [posted(row) for row in read(build.camt(build.statement(same, same), build.statement(same, id="S2")))]
    again = [posted(row) for row in read(build.camt(build.statement(same, same, id="ANEW"), version="02"))]
    ids = [row.event.provider_transaction_id for row in first]
    assert len(set(ids)) == 3
    assert ids[:2] == [row.event.provider_transaction_id for row in again]
    (elsewhere,) = read(build.camt(build.statement(same, iban="GB29NWBK60161331926819")))
    assert posted(elsewhere).event.provider_transaction_id not in ids


def test_the_sender_may_name_the_account_and_the_file_need_not() -> None:
    body = build.camt(build.statement(build.entry("5.00", ref="R")))
    assert posted(read(body, account_ref="ACC-1")[0]).event.account_ref == "ACC-1"
    nameless = body.replace(b"<IBAN>" + build.IBAN.encode() + b"</IBAN>", b"")
    assert reason(read(nameless)[0]) is Reason.MISSING_FIELD
    assert posted(read(nameless, account_ref="ACC-1")[0]).event.provider_transaction_id == "ACC-1:R"


def test_a_notification_is_read_by_its_own_profile_alone() -> None:
    body = build.camt("<Ntfctn>" + build.statement(build.entry("5.00"))[6:-7] + "</Ntfctn>", message="054")
    assert [posted(row).effect_pence for row in read(body, profile="camt054")] == [500]
    with pytest.raises(UnreadableDelivery) as refused:
        read(body)
    assert refused.value.code == "wrong_layout"


GOOD = build.camt(build.statement(build.entry("5.00")))
BOMB = b'<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Document>&b;</Document>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE d SYSTEM "file:///etc/passwd"><Document/>'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (BOMB, "forbidden_markup"),
        (OUTSIDE, "forbidden_markup"),
        (GOOD[:-20], "broken_xml"),
        (GOOD.replace(b"<Ntry>", b"<Entry>"), "broken_xml"),
        (GOOD + b"<more/>", "broken_xml"),
        (b"no xml at all", "broken_xml"),
        (b"", "empty_delivery"),
        (b"<Document/>", "wrong_layout"),
        (GOOD.replace(b"camt.053.001.08", b"pain.001.001.09"), "wrong_layout"),
        (build.camt(), "empty_delivery"),
        (GOOD.decode().encode("utf-16"), "wrong_encoding"),
        (GOOD.replace(b'encoding="UTF-8"', b'encoding="klingon"'), "broken_xml"),
        (GOOD.replace(b"<Id>S1</Id>", b"<Id>" + b"<a>" * 100 + b"</a>" * 100 + b"</Id>"), "too_deep"),
        (GOOD.replace(b"<Sts>", b"<x/>" * 200_001 + b"<Sts>"), "too_large"),
        (GOOD.replace(b"<Sts>", b"<x>" + b"y" * 9_000_000 + b"</x><Sts>"), "too_large"),
        (GOOD.replace(b"<Ntry>", b'<Ntry xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'), "wrong_layout"),
        (GOOD.replace(b"<Ntry>", b'<Ntry xmlns="">'), "wrong_layout"),
        (GOOD.replace(b"<Ntry>", b'<Ntry x="' + b"y" * 1_200_000 + b'">'), "too_large"),
        (GOOD.replace(b"<Ntry>", b"<!--" + b"y" * 1_200_000 + b"--><Ntry>"), "too_large"),
        (GOOD.replace(b"S1", b"&#52;111111111111111"), "forbidden_markup"),
        (GOOD.replace(b"S1", b"4111<!-- -->111111111111"), "forbidden_markup"),
        (GOOD.replace(b"S1", b"4111<![CDATA[1111]]>11111111"), "forbidden_markup"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(UnreadableDelivery) as refused:
        read(body)
    assert refused.value.code == code


def test_foreign_elements_are_not_taken_for_the_statements_own() -> None:
    foreign = '<SplmtryData xmlns="urn:else"><Amt Ccy="GBP">999.00</Amt></SplmtryData>'
    iso = '<SplmtryData><Envlp><Amt xmlns="urn:iso:std:iso:20022:tech:xsd:x" Ccy="GBP">9</Amt></Envlp></SplmtryData>'
    body = build.camt(build.statement(build.entry("5.00").replace("<Ntry>", f"<Ntry>{foreign}{iso}")))
    assert posted(read(body)[0]).effect_pence == 500


def test_a_uk_account_number_is_no_card_number_and_is_kept_as_a_token() -> None:
    # 60161331926813 has the beginning, length and check digit that some card has.
    body = build.camt(build.statement(build.entry("5.00"), iban="GB29NWBK60161331926813"))
    assert not scanning.redact(body).is_redacted
    assert not scanning.redact(b":25:601613 31926813\r\n").is_redacted
    assert scanning.redact(b"<Ustrd>4111111111111111</Ustrd>").is_redacted
    assert "60161331926813" not in str(posted(read(body)[0]).event)
