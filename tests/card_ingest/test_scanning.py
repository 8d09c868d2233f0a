import pytest

from services.card_ingest import scanning

NUMBERS = [
    b"4111111111111111",
    b"4111 1111 1111 1111",
    b"4111-1111-1111-1111",
    b"5500000000000004",
    b"2221000000000009",
    b"340000000000009",
    b"6011000000000004",
    b"3530111333300000",
    b"30569309025904",
    b"6759649826438453",
    b"4222222222222",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", [b"%s", b'{"reference":"%s"}', b"paid with CARD%s,", b"a,%s,b\n", b"%s 1226"])
def test_a_card_number_is_destroyed_wherever_it_stands(number: bytes, around: bytes) -> None:
    found = scanning.redact(b"before\n" + around % number + b"\nafter 12345678\n")
    assert found.is_redacted
    assert scanning.was_redacted(found.content)
    digits = bytes(byte for byte in number if byte in b"0123456789")
    assert digits not in bytes(byte for byte in found.content if byte in b"0123456789")
    assert len(found.content) == len(b"before\n" + around % number + b"\nafter 12345678\n")


def test_digits_hidden_by_json_escapes_are_found() -> None:
    found = scanning.redact(b'{"reference":"\\u0034111111111111\\u003111"}')
    assert found.is_redacted
    assert b"111111" not in found.content


def test_a_number_far_into_a_large_body_is_found() -> None:
    lines = b'{"a":"txn_0123456789"}\n' * 20_000
    found = scanning.redact(lines + b'{"a":"4111111111111111"}\n' + lines)
    assert found.content == lines + b'{"a":"9999999999999999"}\n' + lines


@pytest.mark.parametrize(
    "text",
    [
        b"4111111111111112",
        b"1234567890123456",
        b"************8998",
        b"2026-11-22T10:00:00Z",
        b"12-34-56 12345678",
        b"txn_a1b2c3d44111111111111111aaaa0000",
        b"4111  1111  1111  1111",
        b"411111111111",
        b"",
    ],
)
def test_what_is_no_card_number_stays_as_it_is(text: bytes) -> None:
    found = scanning.redact(text)
    assert (found.content, found.is_redacted) == (text, False)


@pytest.mark.parametrize("gap", [b".", b"/", b"_", b"\t", b"\xc2\xa0", b"\xa0", b"\\u0020", b"\\u002D", b"\\u00a0"])
def test_a_number_in_groups_is_found_whatever_stands_between_them(gap: bytes) -> None:
    found = scanning.redact(b'{"a":"' + gap.join([b"4111", b"1111", b"1111", b"1111"]) + b'"}')
    assert scanning.was_redacted(found.content)
    assert b"1111" not in found.content


def test_only_the_number_is_rewritten_and_other_escapes_stay_as_they_came() -> None:
    row = b'{"a":"\\\\u0034 \\u0034 \\u00a3","b":"%s"}\n'
    found = scanning.redact(row % b"x" + row % b"\\u0034111111111111111" + row % b"y")
    assert found.content == row % b"x" + row % b"9999999999999999" + row % b"y"


def test_a_written_backslash_begins_no_escape() -> None:
    text = b'{"a":"\\\\u0034111111111111111"}'
    assert scanning.redact(text) == scanning.Scanned(text, is_redacted=False)


@pytest.mark.parametrize(
    ("text", "is_redacted"),
    [
        (b"0f8fad5b-d9cb-469f-a165-4111111111111111", True),
        (b"bad-cafe-4111111111111111-a", True),
        (b"a0b1c2d3ee4111111111111111", True),
        (b"aaaaaaaa-4111-1111-1111-1111bbbbbbbb", False),
        (b"40-12-34\t12345678\t12/05/2026", False),
    ],
)
def test_only_a_whole_uuid_or_digest_may_hold_such_digits(text: bytes, is_redacted: bool) -> None:
    assert scanning.redact(text).is_redacted is is_redacted


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [(b"4111 1111", b"1111 1111"), (b"card 41111111", b"11111111 visa"), (b"4", b"111-1111-1111-1111")],
)
def test_a_number_over_two_lines_of_one_quotation_is_destroyed_and_the_lines_stay(
    before: bytes, after: bytes, line_end: bytes
) -> None:
    content = b'1,"' + before + line_end + after + b'",2.00\n'
    scanned = scanning.redact(b"Id,Text,Amount\n" + content)
    assert scanned.is_redacted
    assert b"11" not in scanned.content
    assert scanned.content.count(b"\n") == 3
    assert scanned.content.count(b"9") == 16


def test_digits_that_end_one_row_and_begin_the_next_are_no_number() -> None:
    content = b'"a",41111111\n11111111,"b"\n"x";4111 1111\n1111 1111;"y"\n'
    assert not scanning.redact(content).is_redacted


def test_a_line_break_written_as_an_escape_hides_no_number() -> None:
    scanned = scanning.redact(b'{"text": "4111 1111\\n1111 1111"}')
    assert scanned.is_redacted
    assert b"1111" not in scanned.content
