"""Asking providers' interfaces: each page is stored as a delivery first, and only then the cursor moves on.

A crash between the two asks for the same page again, which has no second effect. One worker at a time asks a provider.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog

from services.card_ingest import deliveries, pipeline, scanning
from services.card_ingest.deliveries import DeliveryIdReused
from services.card_ingest.formats.trouble import UnreadableDelivery
from services.card_ingest.polling import queries, rules, schemas
from services.card_ingest.polling.queries import Poll
from services.card_ingest.polling.rules import Place
from services.card_ingest.profiles import profile as profiles
from services.shared import audit, calling
from services.shared import database as databases
from services.shared.audit import Subject
from services.shared.calling import Answer
from services.shared.database import Database, WriteSession
from services.shared.errors import ExpectedError, Invalid, Unavailable
from services.shared.identity.actor import Actor
from services.shared.settings.installation import Settings
from services.shared.tables.feeds import FeedPoll
from services.shared.vocabulary.feeds import DeliveryDoor

SUBJECT: Final = "provider"
LONGEST_NAME: Final = 190
ROWS_OF_A_PAGE: Final = 500
PAGES_AT_ONCE: Final = 50
"""Pages of one provider that are asked for before the others have their turn."""
TURN_SECONDS: Final = 60.0
"""After so many seconds no further page of a slow provider is asked for in the same turn."""
PROVIDERS_AT_ONCE: Final = 4

_STOPS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE})
_NOTHING_NEW: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})

log: Final = structlog.get_logger("dp.card_ingest.polling")

Fetch = Callable[[Poll], Awaitable[Answer]]


class Outcome(StrEnum):
    """How it went the last time that a provider's interface was asked."""

    TAKEN_IN = "taken_in"
    NOTHING_NEW = "nothing_new"
    NO_ANSWER = "no_answer"
    ANSWER_TOO_LARGE = "answer_too_large"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    NOT_STORED = "not_stored"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"


_GOOD: Final = frozenset({Outcome.TAKEN_IN, Outcome.NOTHING_NEW})
# The same page may well be taken in a moment later.
_PASSING: Final = (databases.Overtaken, databases.IntegrityTrouble, Unavailable)


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of asking once: how it went, where the next page begins, and what the other side asks of us."""

    outcome: Outcome
    cursor: str | None
    has_more: bool = False
    is_over: bool = False
    asked_wait: timedelta | None = None


class PollAddressRefused(Invalid):
    """The address must not be asked."""

    code = "poll_address_refused"


async def set_feed_poll(
    session: WriteSession, *, provider_code: str, values: schemas.FeedPollSettings, settings: Settings, now: datetime
) -> schemas.FeedPoll:
    """Set how a provider's interface is asked. Raises NotFound (provider or profile), PollAddressRefused."""
    await deliveries.require_provider(session, provider_code)
    profiles.load(values.profile, own_folder=settings.data_dir / pipeline.OWN_PROFILES)
    reason = rules.why_not_asked(
        values.url, is_production=settings.is_production, private_network=settings.feed_poll_private_network
    )
    if reason is not None:
        raise PollAddressRefused(f"this address cannot be asked: {reason}", pointer="/url")
    row = await session.get(FeedPoll, provider_code, with_for_update=True)
    before = {} if row is None else _facts(row)
    is_same_host = row is not None and _origin(row.url) == _origin(values.url)
    if row is None:
        row = FeedPoll(provider_code=provider_code)
        session.add(row)
    elif (row.url, row.profile) != (values.url, values.profile):
        row.cursor = row.cursor_at = None
    if "token" in values.model_fields_set:
        secret = values.token and values.token.get_secret_value()
        row.token_encrypted = session.ciphers.encrypt(secret) if secret else None
    elif not is_same_host:  # A token is shown to no other host than the one that it was given for.
        row.token_encrypted = None
    row.url, row.profile, row.every_seconds = values.url, values.profile, values.every_seconds
    row.is_active, row.next_at, row.failures = values.is_active, now, 0
    await session.flush()
    subject = Subject(SUBJECT, provider_code)
    await audit.record(session, action="set_feed_poll", subject=subject, before=before, after=_facts(row))
    return queries.shown(row)


async def poll_feeds(database: Database, *, actor: Actor, now: datetime) -> int:
    """Ask every provider's interface whose time has come, some at once, and return how many pages were taken in.

    Trouble with one never stops the others.
    """
    async with database.read(actor=actor) as session:
        due = await queries.due(session, now=now)
    room, at = asyncio.Semaphore(PROVIDERS_AT_ONCE), _clock(now)

    async def guarded(provider_code: str) -> int:
        async with room:
            try:
                return await poll_feed(database, provider_code, actor=actor, now=at())
            except Exception as fault:
                log.error("feed_poll_failed", provider=provider_code, error=type(fault).__name__)
                return 0

    return sum(await asyncio.gather(*map(guarded, due)))


async def poll_feed(
    database: Database, provider_code: str, *, actor: Actor, now: datetime, fetch: Fetch | None = None
) -> int:
    """Ask one provider's interface until it has nothing more, and return how many pages were taken in.

    Nothing is asked where another worker is asking it. `fetch` asks, over HTTP unless another way is given. It ends
    too after `PAGES_AT_ONCE` pages or `TURN_SECONDS`, and where a cursor comes back: the rest is for another time.
    """
    taken, at, asked = 0, _clock(now), set[str | None]()
    while len(asked) < PAGES_AT_ONCE and (at() - now).total_seconds() < TURN_SECONDS:
        poll = await _leased(database, provider_code, actor=actor, now=at())
        if poll is None:
            break
        asked.add(poll.cursor)
        turn = await _turn(database, poll, fetch or _fetched(database), actor=actor, now=at())
        # A page that leads back to one before it would be asked for again and again.
        turn = replace(turn, has_more=turn.has_more and turn.cursor not in asked)
        await _move_on(database, poll, turn, actor=actor, now=at())
        taken += turn.outcome is Outcome.TAKEN_IN
        if not turn.has_more:
            break
    return taken


async def _leased(database: Database, provider_code: str, *, actor: Actor, now: datetime) -> Poll | None:
    """Take the turn to ask, in a transaction of its own, so that none is open while a provider thinks."""
    async with database.write(actor=actor) as session:
        poll = await queries.leased(session, provider_code, now=now)
        if poll is None:
            await session.rollback()
            return None
        after = {"leased_until": poll.leased_until.isoformat()}
        await audit.record(session, action="lease_feed_poll", subject=Subject(SUBJECT, provider_code), after=after)
        return poll


def _clock(now: datetime) -> Callable[[], datetime]:
    """Return what tells the time, from `now` on: a wait is counted from the answer, not from when the job began."""
    began = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - began)


def _fetched(database: Database) -> Fetch:
    async def fetch(poll: Poll) -> Answer:
        asked = {"limit": str(ROWS_OF_A_PAGE)} | ({} if poll.cursor is None else {"after": poll.cursor})
        token = None if poll.token_encrypted is None else database.ciphers.decrypt_text(poll.token_encrypted)
        at_most = database.settings.max_body_bytes
        return await calling.fetch_page(poll.url, asked=asked, token=token, at_most=at_most)

    return fetch


async def _turn(database: Database, poll: Poll, fetch: Fetch, *, actor: Actor, now: datetime) -> Turn:
    """Ask for one page and take it in; what is wrong with it is told by the turn, never raised."""
    settings = database.settings
    if rules.why_not_asked(
        poll.url, is_production=settings.is_production, private_network=settings.feed_poll_private_network
    ):
        return Turn(Outcome.ADDRESS_NOT_ALLOWED, poll.cursor, is_over=True)
    try:
        answer = await fetch(poll)
    except calling.AnswerTooLarge:
        return Turn(Outcome.ANSWER_TOO_LARGE, poll.cursor)
    except Unavailable:
        return Turn(Outcome.NO_ANSWER, poll.cursor)
    wait = rules.asked_wait(answer.headers, now=now)
    if answer.status in _NOTHING_NEW:
        return Turn(Outcome.NOTHING_NEW, poll.cursor, asked_wait=wait)
    if answer.status != HTTPStatus.OK:
        is_redirect = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
        outcome = Outcome.REDIRECTED if is_redirect else Outcome.REFUSED
        return Turn(outcome, poll.cursor, is_over=answer.status in _STOPS, asked_wait=wait)
    try:
        place = rules.place(answer.body, answer.headers, url=poll.url)
        outcome = await _take_in(database, poll, answer.body, place, actor=actor, now=now)
    except _PASSING:
        return Turn(Outcome.NOT_STORED, poll.cursor, asked_wait=wait)
    except (rules.UnreadablePage, ExpectedError):
        return Turn(Outcome.UNREADABLE, poll.cursor, asked_wait=wait)
    except Exception as fault:  # It is told like any other trouble, so that the wait grows and the state shows it.
        log.error("feed_page_failed", provider=poll.provider_code, error=type(fault).__name__)
        return Turn(Outcome.NOT_STORED, poll.cursor, asked_wait=wait)
    return Turn(outcome, place.next_cursor or poll.cursor, has_more=place.has_more, asked_wait=wait)


async def _take_in(
    database: Database, poll: Poll, body: bytes, place: Place, *, actor: Actor, now: datetime
) -> Outcome:
    """Store a page as a delivery and post it; a page without a row is none."""
    delivery = pipeline.Delivery(
        provider=poll.provider_code,
        door=DeliveryDoor.POLLING,
        profile=poll.profile,
        body=body,
        external_id=_name(poll, place),
        account_ref=None,
        actor=actor,
        request_id=None,
    )
    try:
        await pipeline.receive(database, delivery, now=now)
    except UnreadableDelivery as trouble:
        if trouble.code != "empty_delivery":
            raise
        return Outcome.NOTHING_NEW
    except DeliveryIdReused:  # The page has grown since it was stored: its rows are known by their own ids.
        await pipeline.receive(database, replace(delivery, external_id=None), now=now)
    return Outcome.TAKEN_IN


def _name(poll: Poll, place: Place) -> str | None:
    """Return the page's own id, else the cursors between which it lies; None where that looks like a card number."""
    name = place.page_id or f"{poll.cursor or ''}..{place.next_cursor or ''}"
    is_safe = len(name) <= LONGEST_NAME and not scanning.redact(name.encode()).is_redacted
    return f"page:{name}" if is_safe else None


async def _move_on(database: Database, poll: Poll, turn: Turn, *, actor: Actor, now: datetime) -> None:
    """Keep how it went, unless an administrator has set the interface otherwise meanwhile."""
    failures = 0 if turn.outcome in _GOOD else poll.failures + 1
    seed = f"{poll.provider_code} {failures} {now.timestamp()}"
    wait = rules.waits(
        every_seconds=0 if turn.has_more else poll.every_seconds,
        failures=failures,
        asked_wait=turn.asked_wait,
        seed=seed,
    )
    has_moved = turn.cursor != poll.cursor
    after = {"last_outcome": turn.outcome.value, "failures": failures, "is_active": not turn.is_over}
    values = after | {"cursor": turn.cursor, "cursor_at": now if has_moved else poll.cursor_at}
    async with database.write(actor=actor) as session:
        is_kept = await queries.moved_on(session, poll, {**values, "next_at": now + wait, "last_at": now})
        if not is_kept and not await queries.given_back(session, poll):
            await session.rollback()
            return
        before = {"last_outcome": poll.last_outcome, "failures": poll.failures, "is_active": True}
        # The cursor is the provider's own text and may say anything: the trail tells only that it moved.
        told = {**after, "has_moved": has_moved} if is_kept else {**before, "is_set_anew": True}
        subject = Subject(SUBJECT, poll.provider_code)
        await audit.record(session, action="poll_feed", subject=subject, before=before, after=told)
    if is_kept and turn.is_over:
        log.warning("feed_poll_stopped", provider=poll.provider_code, outcome=turn.outcome.value)


def _facts(row: FeedPoll) -> dict[str, object]:
    names = ("url", "profile", "every_seconds", "is_active")
    held = {"has_token": row.token_encrypted is not None, "has_cursor": row.cursor is not None}
    return {**{name: getattr(row, name) for name in names}, **held}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
