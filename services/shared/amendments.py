"""An amendment of one record and its entry in the trail, in one statement: both are committed, or neither is.

No lock is held while Python judges. The record is changed only at the version that was judged, so that of two who amend
one version the second finds none to change and is told so.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from asyncpg import Record
from sqlalchemy import Table as CoreTable
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm.util import identity_key

from services.shared import direct
from services.shared.database import WriteSession
from services.shared.direct import Acting, Values
from services.shared.errors import Stale
from services.shared.tables.base import Table
from services.shared.tables.records import AuditEntry

_SET: Final = "set_"
_ENTRY: Final = "entry_"
_ENTERED: Final = [column for column in AuditEntry.__table__.columns if column.name != "id"]


class Amendment:
    """The amending of a table's records, which have `id` and `version`: `columns` are all that an amendment may set."""

    def __init__(self, table: type[Table], *, columns: Sequence[str]) -> None:
        stored = table.__table__
        assert isinstance(stored, CoreTable)  # noqa: S101 (a mapped class of ours stands for one table)
        self._table = table
        changes: dict[str, Any] = {name: bindparam(f"{_SET}{name}", type_=stored.c[name].type) for name in columns}
        amended = (
            update(stored)
            .where(stored.c.id == bindparam("amended_id"), stored.c.version == bindparam("judged_version"))
            .values({**changes, "version": stored.c.version + 1})
            .returning(stored.c.version)
            .cte("amended")
        )
        row = [bindparam(f"{_ENTRY}{column.name}", type_=column.type).label(column.name) for column in _ENTERED]
        entered = insert(AuditEntry).from_select(
            [column.name for column in _ENTERED], select(*row).select_from(amended)
        )
        self._statement = direct.compiled(select(amended.c.version).add_cte(entered.cte("entered")))

    async def made(self, acting: Acting, *, of: UUID, version: int, values: Values, entry: Mapping[str, Any]) -> int:
        """Amend the record `of` this id at this version, enter the act, and return the new version.

        `entry` is `audit.entry`'s. Raises Stale where the record has another version by now, and what `direct.act`
        raises.
        """
        arguments: dict[str, Any] = {"amended_id": of, "judged_version": version}
        arguments |= {f"{_SET}{name}": value for name, value in values.items()}
        arguments |= {f"{_ENTRY}{name}": value for name, value in entry.items()}
        arguments[f"{_ENTRY}changes"] = json.dumps(entry["changes"])
        rows = await direct.act(acting, self._statement, arguments)
        if not rows:
            raise Stale(f"the record has been amended since version {version}")
        if isinstance(acting, WriteSession):
            await self._refresh(acting, of)
        return _version(rows[0])

    async def _refresh(self, session: WriteSession, of: UUID) -> None:
        """Let a session that holds the record as an object see it as it stands now."""
        if (held := session.sync_session.identity_map.get(identity_key(self._table, of))) is not None:
            await session.refresh(held)


def _version(row: Record) -> int:
    version: int = row["version"]
    return version
