"""What the trail says of the county's loading: begun with which figures, which parts are in, and whether it is whole.

Each part leaves its mark in its own transaction, so that a load that was cut off goes on where it stopped.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import exists, select

from services.shared import audit
from services.shared.database import AnySession, WriteSession
from services.shared.errors import Conflict
from services.shared.tables.people import Recipient
from services.shared.tables.records import AuditEntry

BEGIN: Final = "begin_demo_county"
PART: Final = "load_demo_part"
FINISH: Final = "finish_demo_county"
_KIND: Final = "demo_county"
_THE_COUNTY: Final = "the county"


class Figures(BaseModel):
    """What the county follows from; a load that goes on takes them from the trail."""

    model_config = ConfigDict(frozen=True)

    seed: int
    recipients: int
    months: int
    today: date

    def same_county(self, other: "Figures") -> bool:
        """Tell whether the two differ in nothing but the day."""
        return self.model_copy(update={"today": other.today}) == other


class OtherCountyError(Conflict):
    """There is another county in the database, or people who are not of any demo county."""

    code = "other_county"


async def begin(session: WriteSession, wanted: Figures) -> Figures:
    """Return the figures to load: those of a load that was cut off, or the wanted ones, which are entered as begun.

    Raises OtherCountyError when the database holds anything else.
    """
    if (begun := await begun_with(session)) is not None:
        if not begun.same_county(wanted):
            raise OtherCountyError(f"a county of {begun.recipients} recipients (seed {begun.seed}) was begun here")
        return begun
    if await session.scalar(select(exists(select(Recipient.id)))):
        raise OtherCountyError("the database holds recipients already: load the demo county into an empty one")
    await _mark(session, BEGIN, _THE_COUNTY, after=wanted.model_dump())
    return wanted


async def begun_with(session: AnySession) -> Figures | None:
    """Return the figures of the county that was begun, or None."""
    changes: dict[str, Any] | None = await session.scalar(_entries(BEGIN, _THE_COUNTY).limit(1))
    return None if changes is None else Figures(**{name: change["after"] for name, change in changes.items()})


async def is_finished(session: AnySession) -> bool:
    """Tell whether the county is in as a whole."""
    return await session.scalar(_entries(FINISH, _THE_COUNTY).limit(1)) is not None


async def finish(session: WriteSession, *, figures: Mapping[str, object]) -> None:
    """Enter that the county is whole."""
    await _mark(session, FINISH, _THE_COUNTY, after=figures)


async def is_in(session: AnySession, part: str) -> bool:
    """Tell whether a part was loaded."""
    return await session.scalar(_entries(PART, part).limit(1)) is not None


async def enter(session: WriteSession, part: str) -> None:
    """Enter a part as loaded, in the transaction that loads it."""
    await _mark(session, PART, part, after={})


def _entries(action: str, name: str) -> Any:
    return select(AuditEntry.changes).where(
        AuditEntry.subject_kind == _KIND, AuditEntry.subject_id == name, AuditEntry.action == action
    )


async def _mark(session: WriteSession, action: str, name: str, *, after: Mapping[str, object]) -> None:
    await audit.record(session, action=action, subject=audit.Subject(_KIND, name), after=after)
