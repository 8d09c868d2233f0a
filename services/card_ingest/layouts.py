"""The layouts that a provider's files were read by, in the order of first use: what keeps their rows known."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeGuard

import msgspec

from services.card_ingest.complete_days import Feed
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.profiles.profile import Profile, ProfileTrouble
from services.card_ingest.profiles.statement_form import StatementProfile
from services.card_ingest.profiles.table import AnyTable, TableProfile
from services.shared import audit, database
from services.shared.audit import Subject
from services.shared.database import AnySession, Database, WriteSession
from services.shared.errors import NotFound
from services.shared.identity.actor import Actor

_SAYS_NOTHING: Final = ("name", "version", "title")
"""What of a profile decides on no row."""

_EARLIER: Final = """
    SELECT form FROM feed_layout AS known WHERE provider_code = $1 AND profile = $2 AND number < coalesce(
        (SELECT number FROM feed_layout WHERE provider_code = $1 AND profile = $2 AND digest = $3), number + 1)
    ORDER BY number
"""
_KEEP: Final = """
    INSERT INTO feed_layout (provider_code, profile, version, form, digest, first_used_at)
    SELECT $1, $2, $3, $4, $5, now() WHERE NOT EXISTS (
        SELECT FROM feed_layout WHERE provider_code = $1 AND profile = $2 AND digest = $5)
    ON CONFLICT DO NOTHING
"""
_USED_AND_NOT_KEPT: Final = """
    SELECT provider_code, profile, array_agg(DISTINCT profile_version) AS versions FROM feed_delivery AS delivery
    WHERE NOT EXISTS (SELECT FROM feed_layout AS known
        WHERE known.provider_code = delivery.provider_code AND known.profile = delivery.profile)
    GROUP BY provider_code, profile ORDER BY provider_code, profile
"""


def is_kept(profile: Profile) -> TypeGuard[AnyTable | StatementProfile]:
    """Tell whether it is a layout that says itself what makes a row the same row, so that it is kept."""
    return isinstance(profile, TableProfile | StatementProfile)


async def earlier(session: AnySession, feed: Feed, profile: Profile) -> tuple[Profile, ...]:
    """Return the layouts of a feed that were used before this one, the first one first; those that read the same as
    this one are none.
    """
    connection = await database.raw(session)
    found = await connection.fetch(_EARLIER, feed.provider_code, feed.profile, _digest(profile))
    known = tuple(msgspec.json.decode(each["form"], type=Profile) for each in found)
    if not isinstance(profile, TableProfile) or not profile.identity.columns:
        return known
    # Of a row with an id only its id decides: who finds it in the same columns gives it no other.
    return tuple(each for each in known if is_kept(each) and each.identity != profile.identity)


async def keep(session: WriteSession, feed: Feed, profile: Profile) -> None:
    """Keep a layout that is used, unless one that reads the same is kept."""
    connection = await database.raw(session)
    form = msgspec.json.encode(profile).decode()
    await connection.execute(_KEEP, feed.provider_code, feed.profile, profile.version, form, _digest(profile))


async def keep_used(own: Database, *, own_folder: Path, actor: Actor) -> int:
    """Keep the layouts of deliveries that came before layouts were kept, as far as they are what they were then; return
    of how many feeds. What a council has changed since, under another version, is lost.
    """
    async with own.read(actor=actor) as session:
        found = await (await database.raw(session)).fetch(_USED_AND_NOT_KEPT)
    used = [dict(each) for each in found]
    known = [(each, profile) for each in used if (profile := _as_used(each, own_folder=own_folder)) is not None]
    if known:
        async with own.write(actor=actor) as session:
            for each, profile in known:
                await keep(session, Feed(each["provider_code"], each["profile"]), profile)
            subject, after = Subject("feed_layout", "used_before"), {"feeds": len(known)}
            await audit.record(session, action="keep_layouts", subject=subject, after=after)
    return len(known)


def _as_used(used: Mapping[str, Any], *, own_folder: Path) -> Profile | None:
    """Return the layout of a feed if it is one that is kept and has the version that was used."""
    try:
        profile = profiles.load(used["profile"], own_folder=own_folder)
    except (NotFound, ProfileTrouble):
        return None
    return profile if is_kept(profile) and profile.version in used["versions"] else None


def _digest(profile: Profile) -> bytes:
    told = {name: value for name, value in msgspec.to_builtins(profile).items() if name not in _SAYS_NOTHING}
    return sha256(msgspec.json.encode(told, order="deterministic")).digest()
