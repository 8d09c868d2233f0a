"""Looking through the folder: each whole file becomes a delivery, and is moved away only once it has posted.

A crash before the move takes the same file in again at the next look, which is known by its bytes and posts nothing.
Trouble with one file or provider never stops the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from services.card_ingest import keeping, pipeline
from services.card_ingest.folder import layout, places
from services.card_ingest.folder.layout import LayoutTrouble, Meaning
from services.card_ingest.folder.places import Found, Looks
from services.card_ingest.pipeline import Delivery, Progress
from services.card_ingest.profiles import profile as profiles
from services.shared import database as databases
from services.shared import dates
from services.shared.database import Database
from services.shared.errors import Conflict, ExpectedError, Invalid, NotFound
from services.shared.identity.actor import Actor
from services.shared.vocabulary.feeds import DeliveryDoor

log: Final = structlog.get_logger("dp.card_ingest.folder")

# The same file may well be taken in a moment later.
_PASSING: Final = (databases.Overtaken, databases.IntegrityTrouble, keeping.ChangedWhileRead)


class Ended(StrEnum):
    """What became of a file."""

    TAKEN_IN = "taken_in"
    KNOWN = "known"
    REFUSED = "refused"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not taken in: a code and a sentence, nothing of its content."""

    code: str
    detail: str


NOT_A_FILE: Final = Refusal("not_a_plain_file", "links, devices and pipes are not read")
NO_LAYOUT: Final = Refusal("no_layout_for_file", "no pattern of the council's file about this folder fits its name")


async def take_in(
    database: Database, *, looks: Looks, actor: Actor, now: datetime, progress: Progress | None = None
) -> Mapping[str, int]:
    """Look through the folder of the settings and take in every file that is whole; count what became of them.

    `looks` holds what the last look showed. Without a folder in the settings nothing is done.
    """
    folder = database.settings.feed_folder
    counted = dict.fromkeys(Ended, 0)
    if folder is None:
        return MappingProxyType({})
    for provider in places.providers(folder):
        try:
            with places.opened(folder, provider) as place:
                for found in places.whole(place, provider, looks=looks, now=now.timestamp()):
                    visit = _Visit(database, folder, provider, place, actor, now, progress)
                    counted[await _guarded(visit, found)] += 1
        except OSError as fault:
            log.error("feed_folder_failed", provider=provider, error=type(fault).__name__)
    return {ended.value: count for ended, count in counted.items()}


@dataclass(frozen=True, slots=True)
class _Visit:
    """One look into one provider's folder."""

    database: Database
    folder: Path
    provider: str
    place: int
    actor: Actor
    now: datetime
    progress: Progress | None


async def _guarded(visit: _Visit, found: Found) -> Ended:
    """Take a file in; what nobody expected leaves it where it is, to be tried again, and is logged without a name."""
    try:
        return await _taken_in(visit, found)
    except places.Replaced:
        return Ended.LEFT
    except Exception as fault:
        log.error("feed_file_failed", provider=visit.provider, error=type(fault).__name__)
        return Ended.LEFT


async def _taken_in(visit: _Visit, found: Found) -> Ended:
    if not found.is_plain:
        return _refused(visit, found, NOT_A_FILE)
    try:
        meaning = layout.load(visit.folder, visit.provider).meaning(found.name)
    except LayoutTrouble as trouble:
        log.error("feed_folder_layout", provider=visit.provider, error=str(trouble))
        return Ended.LEFT
    if meaning is None:
        return _refused(visit, found, NO_LAYOUT)
    try:
        with places.content(visit.place, found) as content:
            receipt = await pipeline.receive(
                visit.database, _delivery(visit, meaning, content), now=visit.now, progress=visit.progress
            )
    except _PASSING:
        return Ended.LEFT
    except profiles.ProfileTrouble as trouble:
        log.error("feed_folder_profile", provider=visit.provider, error=trouble.detail)
        return Ended.LEFT
    except (Invalid, NotFound, Conflict) as trouble:
        return _refused(visit, found, _refusal(trouble))
    places.put_away(visit.place, found, under=places.DONE, on=dates.london_date(visit.now))
    return Ended.KNOWN if receipt.already_received else Ended.TAKEN_IN


def _delivery(visit: _Visit, meaning: Meaning, content: Path) -> Delivery:
    return Delivery(
        provider=visit.provider,
        door=DeliveryDoor.WATCHED_FOLDER,
        profile=meaning.profile,
        body=content,
        external_id=None,
        account_ref=meaning.account_ref,
        actor=visit.actor,
        request_id=None,
        sequence=meaning.sequence,
    )


def _refused(visit: _Visit, found: Found, refusal: Refusal) -> Ended:
    reason = f"{refusal.code}: {refusal.detail}"
    on = dates.london_date(visit.now)
    places.put_away(visit.place, found, under=places.REFUSED, on=on, reason=reason)
    log.warning("feed_file_refused", provider=visit.provider, code=refusal.code)
    return Ended.REFUSED


def _refusal(trouble: ExpectedError) -> Refusal:
    return Refusal(trouble.code, trouble.detail)
