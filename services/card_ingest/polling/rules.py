"""Which address may be asked, when it is asked again, and where its next page begins; pure."""

import ipaddress
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec

LONGEST_CURSOR: Final = 1_000
LONGEST_WAIT: Final = timedelta(hours=1)
LONGEST_ASKED_WAIT: Final = timedelta(days=1)
PARAMETERS: Final = frozenset({"after", "limit"})

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCAL_NAME: Final = re.compile(r"(?:[^.]+|.*\.(?:localhost|local|internal|home\.arpa))\.?", re.IGNORECASE)
_LINK: Final = re.compile(r"<([^<>]*)>((?:\s*;\s*[^;,\"=\s]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]*))*)")
_NEXT: Final = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next(?![^\s;,]))", re.IGNORECASE)


class _Page(msgspec.Struct, frozen=True):
    """What a page says about itself; its events are for its profile to read."""

    next_cursor: str | int | None = None
    has_more: bool = False
    page_id: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands in its feed: its own id, the cursor after it (None where it names none), if there is more."""

    page_id: str | None
    next_cursor: str | None
    has_more: bool


class UnreadablePage(ValueError):
    """A page does not say where it stands."""


def why_not_asked(url: str, *, is_production: bool, private_network: bool) -> str | None:
    """Say why an address must not be asked, or None where it may.

    In production it is https, and no address or name inside our own network unless the settings declare it; in
    development plain http is for this machine alone.

    Source: OWASP API Security Top 10 2023, API7 (server side request forgery).
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return "it names no host, or holds a password or a fragment"
    if PARAMETERS & parse_qs(parts.query, keep_blank_values=True).keys():
        return "`after` and `limit` are ours to fill in"
    if parts.scheme == "http" and (is_production or host not in _LOOPBACK):
        return "it must be https"
    if parts.scheme not in {"http", "https"}:
        return "it must be https"
    if is_production and not private_network and _is_inside(host):
        return "it lies inside our own network, which DP_FEED_POLL_PRIVATE_NETWORK does not allow"
    return None


def waits(*, every_seconds: int, failures: int, asked_wait: timedelta | None, seed: float | int | str) -> timedelta:
    """Return how long to wait before the interface is asked again.

    After `failures` answers in a row that were no good the wait doubles with each, up to an hour, and lies at random
    between half and the whole of it, so that many clients do not come back together. What the other side asks for is
    kept to, up to a day. The same `seed` gives the same wait.

    Source: RFC 9110, s.10.2.3 (Retry-After).
    """
    usual = timedelta(seconds=every_seconds)
    if failures:
        longest = min(usual * 2 ** min(failures, 20), max(LONGEST_WAIT, usual))
        usual = longest * random.Random(seed).uniform(0.5, 1.0)  # noqa: S311 (only spreads the clients)
    return max(usual, min(asked_wait or timedelta(), LONGEST_ASKED_WAIT))


def asked_wait(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return how long the other side asks us to wait, in seconds or until a date; None where it does not say.

    Source: RFC 9110, s.10.2.3 (Retry-After).
    """
    written = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,40}", written, re.ASCII):
        return timedelta(seconds=min(int(written), LONGEST_ASKED_WAIT.total_seconds()))
    try:
        return max(parsedate_to_datetime(written) - now, timedelta())
    except (ValueError, TypeError, OverflowError):
        return None


def place(body: bytes, headers: Mapping[str, str], *, url: str) -> Place:
    """Return where a page stands: by its `Link` header if there is one, else by `next_cursor` and `has_more` in it.

    A link to a next page tells its cursor by the parameter `after`, on the same host. Raises UnreadablePage.

    Source: RFC 8288 (web linking), s.3, with the relation type `next`.
    """
    said = _said(body, headers)
    cursor = None if said.next_cursor is None else str(said.next_cursor)
    has_more = said.has_more
    if (linked := _linked(headers.get("link", ""), url=url)) is not None:
        cursor, has_more = linked, True
    if cursor is not None and not (0 < len(cursor) <= LONGEST_CURSOR and cursor.isprintable()):
        raise UnreadablePage("a cursor is empty, too long, or holds control characters")
    if said.page_id is not None and not said.page_id.isprintable():
        raise UnreadablePage("the page's own name holds control characters")
    if has_more and cursor is None:
        raise UnreadablePage("there is more, and no cursor says where")
    return Place(said.page_id, cursor, has_more)


def _said(body: bytes, headers: Mapping[str, str]) -> _Page:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not (kind in {"application/json", "text/json"} or kind.endswith("+json")) or body.lstrip()[:1] != b"{":
        return _Page()
    try:
        return msgspec.json.decode(body, type=_Page)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadablePage("the page is not such JSON") from None


def _linked(header: str, *, url: str) -> str | None:
    for target, parameters in _LINK.findall(header):
        if _NEXT.search(parameters):
            address = urljoin(url, target)
            after = parse_qs(urlsplit(address).query).get("after")
            if urlsplit(address).netloc != urlsplit(url).netloc or not after:
                raise UnreadablePage("the link to the next page leads elsewhere, or has no `after`")
            return str(after[0])
    return None


def _is_inside(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # What some resolvers take for an address (127.1, 0x7f000001) is no name of a provider's either.
        is_number = re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?", host, re.IGNORECASE)
        return bool(is_number or _LOCAL_NAME.fullmatch(host))
