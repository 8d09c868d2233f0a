"""Single persons' keys as the database holds them: wrapped, and made when a first value is to be hidden under one."""

from typing import Final
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, bindparam, select, union_all
from sqlalchemy.dialects import postgresql

from services.shared import direct
from services.shared.direct import Acting
from services.shared.tables.records import PersonalKey


async def key_of(acting: Acting, *, person_id: UUID) -> bytes:
    """Return the person's wrapped key, made if there is none, in one statement either way."""
    while True:
        rows = await direct.ask(
            acting, _KEY, {"person_id": person_id, "key_encrypted": acting.ciphers.new_personal_key()}
        )
        # None when another transaction made the key while this statement waited for it: the next look sees it.
        if rows:
            return bytes(rows[0]["key_encrypted"])


_MADE: Final = (
    postgresql.insert(PersonalKey)
    .from_select(
        ["person_id", "key_encrypted"],
        select(bindparam("person_id", type_=Uuid), bindparam("key_encrypted", type_=LargeBinary)),
    )
    .on_conflict_do_nothing()
    .returning(PersonalKey.key_encrypted)
    .cte("made")
)
_HELD: Final = select(PersonalKey.key_encrypted).where(PersonalKey.person_id == bindparam("person_id", type_=Uuid))
_KEY: Final = direct.compiled(union_all(select(_MADE.c.key_encrypted), _HELD))
