"""What the trail hides, opened with the keys: the software itself shows only that a personal value changed."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.shared import audit, ciphers
from services.shared.database import AnySession
from services.shared.tables.records import PersonalKey


async def revealed(session: AnySession, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry's changes with personal values in clear, null where their person's key has been destroyed."""
    return {name: await _revealed(session, change) for name, change in changes.items()}


async def revealed_reason(session: AnySession, reason: str | None) -> str | None:
    """Return one entry's reason in clear, None where its person's key has been destroyed."""
    return (await audit.revealed_reasons(session, [reason]))[0]


async def _revealed(session: AnySession, change: Mapping[str, Any]) -> dict[str, Any]:
    if "person_id" not in change:
        return dict(change)
    found = select(PersonalKey.key_encrypted).where(PersonalKey.person_id == UUID(change["person_id"]))
    key = await session.scalar(found)
    return {side: _opened(session, change[side], key=key) for side in ("before", "after")}


def _opened(session: AnySession, token: str, *, key: bytes | None) -> Any:
    try:
        return None if key is None else json.loads(session.ciphers.decrypt_personal(key, token))
    except ciphers.AnotherKeyError:
        return None
