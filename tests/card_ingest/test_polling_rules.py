"""Which address is asked, how long it is left alone, and where its next page begins."""

from datetime import UTC, datetime, timedelta

import pytest

from services.card_ingest.polling import rules

URL = "https://feed.example.org/v2/events"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("url", "development", "production", "declared"),
    [
        ("https://feed.example.org/events", True, True, True),
        ("93.184.215.14/events", True, True, True),
        ("http://127.0.0.1:8400/events", True, False, False),
        ("http://feed.example.org/events", False, False, False),
        ("https://127.0.0.1/events", True, False, True),
        ("10.1.2.3/events", True, False, True),
        ("[fd00::1]/events", True, False, True),
        ("169.254.169.254/latest", True, False, True),
        ("2130706433/events", True, False, True),
        ("0x7f.1/events", True, False, True),
        ("https://localhost/events", True, False, True),
        ("intranet/events", True, False, True),
        ("feed.internal./events", True, False, True),
        ("user:secret@feed.example.org/", False, False, False),
        ("https://feed.example.org/#x", False, False, False),
        ("https://feed.example.org/?after=1", False, False, False),
        ("https://feed.example.org:99999/", False, False, False),
        ("ftp://feed.example.org/", False, False, False),
    ],
)
def test_which_address_may_be_asked(url: str, development: bool, production: bool, declared: bool) -> None:
    address = url if "://" in url else f"https://{url}"
    found = [
        rules.why_not_asked(address, is_production=is_production, private_network=private) is None
        for is_production, private in ((False, False), (True, False), (True, True))
    ]
    assert found == [development, production, declared]


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_the_wait_doubles_up_to_an_hour_and_the_same_seed_waits_the_same() -> None:
    waits = [rules.waits(every_seconds=60, failures=number, asked_wait=None, seed=7) for number in range(12)]
    assert waits[0] == timedelta(seconds=60)
    for number, wait in enumerate(waits[1:], 1):
        whole = min(timedelta(seconds=60) * 2**number, timedelta(hours=1))
        assert whole / 2 <= wait <= whole
    assert waits == [rules.waits(every_seconds=60, failures=number, asked_wait=None, seed=7) for number in range(12)]
    others = {rules.waits(every_seconds=60, failures=3, asked_wait=None, seed=seed) for seed in range(20)}
    assert len(others) > 10
    assert rules.waits(every_seconds=60, failures=0, asked_wait=timedelta(days=9), seed=1) == timedelta(days=1)
    assert rules.waits(every_seconds=86_400, failures=5, asked_wait=None, seed=1) >= timedelta(hours=12)


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("Fri, 20 Nov 2026 12:01:00 GMT", timedelta(seconds=60)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta()),
        ("Fri, 20 Nov 2026 12:01:00", None),
        ("soon", None),
        ("-5", None),
        ("99999999999999999999", timedelta(days=1)),
        ("Fri, 20 Nov 99999999999999999999 12:01:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(written: str, wait: timedelta | None) -> None:
    assert rules.asked_wait({"retry-after": written}, now=NOON) == wait


@pytest.mark.parametrize(
    ("body", "headers", "cursor", "has_more"),
    [
        (b"[]", {}, None, False),
        (b'{"events": [], "next_cursor": "a", "has_more": true}', {}, "a", True),
        (b'{"events": [], "next_cursor": 12}', {}, "12", False),
        (b"[]", {"link": f'<{URL}?after=x%20y&limit=5>; rel="next"'}, "x y", True),
        (b"[]", {"link": f'<{URL}?after=0>; rel="prev first", </v2/events?after=b>; title="n"; rel=next'}, "b", True),
        (b"[]", {"link": f'<{URL}?after=0>; rel="nextish"'}, None, False),
        (b'a,b\n1,2\n{"next_cursor": "x"}', {"content-type": "text/csv"}, None, False),
    ],
)
def test_where_the_next_page_begins(body: bytes, headers: dict[str, str], cursor: str | None, has_more: bool) -> None:
    found = rules.place(body, JSON | headers, url=URL)
    assert (found.next_cursor, found.has_more) == (cursor, has_more)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.northbank+json", "Text/JSON"])
def test_json_is_known_by_each_of_its_media_types(kind: str) -> None:
    assert rules.place(b'{"events": [], "next_cursor": "a"}', {"content-type": kind}, url=URL).next_cursor == "a"


@pytest.mark.parametrize("cursor", ['"a\\u0000b"', '"a\\nb"', '""', '"' + "x" * 2000 + '"', "1.5", "[1]"])
def test_a_cursor_that_is_none_makes_the_page_unreadable(cursor: str) -> None:
    with pytest.raises(rules.UnreadablePage):
        rules.place(b'{"events": [], "next_cursor": %s}' % cursor.encode(), JSON, url=URL)
