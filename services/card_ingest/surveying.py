"""A delivery before it is posted: what of it is text, what its columns mean to the scan, what it covers and claims."""

import asyncio
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Protocol, cast
from uuid import UUID

from services.card_ingest import complete_days, deliveries, keeping, layouts, reading, scanning
from services.card_ingest.complete_days import Disputed, Feed, Survey
from services.card_ingest.deliveries import NewDelivery, StoredDelivery
from services.card_ingest.keeping import Body, Chunk, Fingerprint
from services.card_ingest.profiles.profile import Profile
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.profiles.table import TableProfile
from services.shared.database import Database, WriteSession
from services.shared.errors import Conflict, Invalid
from services.shared.identity.actor import Actor


class CardNumberInReference(Invalid):
    """The sender's id of a delivery, or the account it is for, looks like a full card number; it would be kept."""

    code = "card_number_in_reference"

    def __init__(self) -> None:
        super().__init__("the delivery's id or account holds what looks like a full card number; nothing was stored")


class LayoutUsedMeanwhile(Conflict):
    """Another version of the layout came into use while this delivery was looked through: send it again."""

    code = "layout_used_meanwhile"

    def __init__(self) -> None:
        super().__init__("another version of the layout was first used at the same moment; nothing was stored")


@dataclass(frozen=True, slots=True)
class Reckoned:
    """By which layouts a delivery's rows were known before; and where some have no ids, which of them may repeat and
    what of it waits for a person.
    """

    earlier: Sequence[Profile]
    surveyed: Survey | None = None
    disputed: Disputed | None = None


class Described(Protocol):
    """What of a delivery says how it is read."""

    @property
    def account_ref(self) -> str | None:
        """The account of the whole file."""

    @property
    def received_on(self) -> date:
        """The Europe/London day on which it came."""

    @property
    def rows(self) -> int:
        """How many rows it has."""


def refuse_card_numbers(*given: str | None) -> None:
    """Raise CardNumberInReference where what would be kept of a delivery beside its content looks like one."""
    if any(text is not None and scanning.redact(text.encode()).is_redacted for text in given):
        raise CardNumberInReference


def is_translated(profile: Profile) -> bool:
    """Tell whether files of a layout are made text first: what is none could hide card numbers from the scan."""
    return isinstance(profile, TableProfile) and reading.is_translated(profile)


def as_text(profile: Profile, body: Body) -> tuple[bytes, Fingerprint]:
    """Return the text that is scanned, kept and read of a body, and the fingerprint of what came.

    Raises UnreadableDelivery.
    """
    assert isinstance(profile, TableProfile)  # noqa: S101 (is_translated was asked)
    with keeping.opened(body) as content:
        raw = content.read(reading.LARGEST_TRANSLATED_BYTES + 1)
    return reading.translated(profile, raw), keeping.fingerprint(raw)


def chunks(profile: Profile, body: Body, new: NewDelivery) -> Iterator[Chunk]:
    """Yield what came without card numbers. Raises ChangedWhileRead."""
    with keeping.opened(body) as content:
        known = reading.identifiers(profile, content, account_ref=new.account_ref, received_on=new.received_on)
    return keeping.chunks(body, came=new.came, form=reading.form(profile), identifiers=known)


async def earlier(database: Database, of: NewDelivery | StoredDelivery, profile: Profile) -> Sequence[Profile]:
    """Return the layouts by which rows of a feed of files were known before this one; none for any other feed."""
    if not layouts.is_kept(profile):
        return ()
    async with database.read() as session:
        return await layouts.earlier(session, Feed(of.provider_code, profile.name), profile)


def of_body(profile: Profile, body: Body, new: NewDelivery, earlier: Sequence[Profile]) -> Survey | None:
    """Return what a delivery without ids covers, as it came but for card numbers; None for any other."""
    if not _is_surveyed(profile):
        return None
    is_redacted = any(chunk.is_redacted for chunk in chunks(profile, body, new))
    contents = (chunk.content for chunk in chunks(profile, body, new))
    return _survey(profile, _as_file(lambda _: next(contents, None)), new, earlier, is_redacted=is_redacted)


async def claimed(
    session: WriteSession,
    delivery: StoredDelivery,
    surveyed: Survey | None,
    *,
    profile: Profile,
    earlier: Sequence[Profile],
) -> Reckoned | None:
    """Keep a delivery's layout and claim what it covers without ids, in the transaction that stores it.

    Raises LayoutUsedMeanwhile where another version of the layout has come into use since the survey.
    """
    if not layouts.is_kept(profile):
        return None
    feed = Feed(delivery.provider_code, delivery.profile)
    disputed = None
    if surveyed is not None:
        disputed = await complete_days.claim(session, feed, surveyed, delivery_number=delivery.number)
    await layouts.keep(session, feed, profile)
    if tuple(earlier) != await layouts.earlier(session, feed, profile):
        raise LayoutUsedMeanwhile
    return Reckoned(earlier, surveyed, disputed)


async def reckoned_again(
    database: Database, delivery: StoredDelivery, profile: Profile, *, actor: Actor, is_redacted: bool
) -> Reckoned | None:
    """Reckon a stored delivery once more from what is kept of it: what it claimed then, it has now."""
    if not layouts.is_kept(profile):
        return None
    before = await earlier(database, delivery, profile)
    if not _is_surveyed(profile):
        return Reckoned(before)
    content = kept(database, delivery.id)
    surveyed = await asyncio.to_thread(_survey, profile, content, delivery, before, is_redacted=is_redacted)
    async with database.write(actor=actor) as session:
        known = await claimed(session, delivery, surveyed, profile=profile, earlier=before)
        await session.rollback()
    return known


def kept(database: Database, delivery_id: UUID) -> BinaryIO:
    """Return a delivery's kept content as a file for another thread, which this loop reads for it."""
    loop = asyncio.get_running_loop()

    async def read(place: int) -> bytes | None:
        async with database.read() as session:
            return await deliveries.chunk(session, delivery_id, place)

    return _as_file(lambda place: asyncio.run_coroutine_threadsafe(read(place), loop).result())


def _as_file(chunk: keeping.ChunkAt) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(keeping.Kept(chunk), buffer_size=keeping.CHUNK_BYTES))


def _is_surveyed(profile: Profile) -> bool:
    return isinstance(profile, TableProfile | StatementProfile) and profile.identity.covers is not None


def _survey(
    profile: Profile, content: BinaryIO, of: Described, earlier: Sequence[Profile], *, is_redacted: bool
) -> Survey | None:
    return reading.survey(
        profile,
        content,
        account_ref=of.account_ref,
        received_on=of.received_on,
        is_redacted=is_redacted,
        rows=of.rows,
        earlier=earlier,
    )
