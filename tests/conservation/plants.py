"""Bugs planted on purpose, in one process or for one test alone: each checker must catch one."""

import asyncio
from typing import Any

import pytest

from services.card_ingest import deliveries, holds
from services.shared import database
from services.shared.database import WriteSession

_WIDE_SECONDS = 0.3


def commit_before_counting() -> None:
    """Commit a batch's rows before they are counted, with a pause between."""
    advance = deliveries.advance

    async def committed_too_early(session: WriteSession, *arguments: Any, **named: Any) -> None:
        connection = await database.raw(session)
        await connection.execute("COMMIT")
        await connection.execute("BEGIN")
        await asyncio.sleep(_WIDE_SECONDS)
        await advance(session, *arguments, **named)

    deliveries.advance = committed_too_early


def forget_early_releases(patch: pytest.MonkeyPatch) -> None:
    """Take releases for nothing, as if one that comes before its authorisation could be passed over."""
    patch.setattr(holds, "_KEEP_RELEASES", "SELECT $1::text, $2::bigint")
