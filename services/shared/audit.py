"""The trail's two books: what was done or refused, and who was shown whom. Entries are only ever added.

Personal values are encrypted under their person's own key, which is kept apart from the trail: destroying that key
purges them, and the sealed trail stays whole.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select

from services.shared import ciphers, clock, database, personal_keys
from services.shared.ciphers import PersonalCipher
from services.shared.database import AnySession, Database, WriteSession
from services.shared.direct import Acting, Reading
from services.shared.identity.actor import Actor
from services.shared.identity.permissions import NAMED
from services.shared.tables.records import AuditEntry, PersonalKey, ReadEntry

DONE: Final = "done"
REFUSED: Final = "refused"
MACHINE_ROLE: Final = "machine"
NO_ROLE: Final = "none"
NOTHING: Final = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act is about: a kind (`agreement`) and its id or code, never a name or number of a person."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An act of a machine on records that are nobody's: what it did, and the digest of the rows that it wrote."""

    actor: Actor
    action: str
    subject: Subject
    after: Mapping[str, object]
    digest: bytes
    request_id: str | None


async def record(
    session: WriteSession,
    *,
    action: str,
    subject: Subject,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    person_id: UUID | None = None,
    personal: frozenset[str] = frozenset(),
    reason: str | None = None,
    legal_source: str | None = None,
    digest: bytes | None = None,
) -> None:
    """Enter an act in the trail, in the act's own transaction, which may then commit.

    Only keys whose values differ are stored; those in `personal`, and the reason, are encrypted under the key of
    `person_id`, made with the first of them. Where there is no `person_id` the reason stands in clear: give one to
    every act about a person. `digest` stands for a set of rows that one act wrote. Raises ValueError for a personal
    value without a person.
    """
    values = await entry(
        session,
        action=action,
        subject=subject,
        changes=changed(before or {}, after or {}),
        person_id=person_id,
        personal=personal,
        reason=reason,
    )
    await session.execute(insert(AuditEntry), {**values, "legal_source": legal_source, "digest": digest})
    session.audited = True


async def entry(
    acting: Acting,
    *,
    action: str,
    subject: Subject,
    changes: Mapping[str, Any],
    person_id: UUID | None,
    personal: frozenset[str],
    reason: str | None,
    key: bytes | None = None,
) -> dict[str, Any]:
    """Return the trail's row of an act, for the statement that does it; `key` is the person's wrapped key where known.

    Raises ValueError for a personal value without a person.
    """
    values = _entry(acting.actor, action=action, subject=subject, request_id=acting.request_id)
    values |= {"service": acting.service, "outcome": DONE, "legal_source": None, "digest": None}
    hidden = personal & changes.keys()
    if hidden and person_id is None:
        raise ValueError("a personal value is entered under its person's key: whose?")
    if person_id is None or not (hidden or reason is not None):
        return {**values, "changes": dict(changes), "reason": reason}
    cipher = acting.ciphers.personal(key or await personal_keys.key_of(acting, person_id=person_id))
    kept = {name: _encrypted(changes[name], cipher=cipher, person_id=person_id) for name in hidden}
    sealed = reason and _sealed_reason(reason, cipher=cipher, person_id=person_id)
    return {**values, "changes": {**changes, **kept}, "reason": sealed}


async def sealed_reason(session: WriteSession, reason: str, *, person_id: UUID) -> str:
    """Return a reason as the trail holds it, for a table that keeps it for ever too; `revealed_reasons` opens it."""
    key = await personal_keys.key_of(session, person_id=person_id)
    return _sealed_reason(reason, cipher=session.ciphers.personal(key), person_id=person_id)


async def record_acts(session: WriteSession, acts: Sequence[Act]) -> None:
    """Enter acts that concern no person, all in one statement, in their own transaction."""
    connection = await database.raw(session)
    rows = [_row_of_act(session, act) for act in acts]
    await connection.execute(_ENTER, *map(list, zip(*rows, strict=True)))
    session.audited = True


async def record_refusal(
    database: Database,
    *,
    actor: Actor,
    action: str,
    subject: Subject | None,
    code: str,
    request_id: str | None,
    legal_source: str | None = None,
) -> None:
    """Enter a refused act, in a transaction of its own since the act's is rolled back.

    `code` is the rule's, `legal_source` the provision or policy that it stands on.
    """
    entry = _entry(actor, action=action, subject=subject or Subject(NOTHING, NOTHING), request_id=request_id)
    entry |= {"service": database.service, "outcome": REFUSED, "changes": {}}
    entry |= {"reason": code, "legal_source": legal_source, "digest": None}
    async with database.write(actor=actor, request_id=request_id) as session:
        await session.execute(insert(AuditEntry), entry)
        session.audited = True


async def record_read(session: AnySession, *, action: str, subject_kind: str, subject_ids: Sequence[UUID]) -> None:
    """Enter who is about to be shown whom: one row a request, in the transaction that must commit before the answer.

    Raises ValueError where the session has no actor.
    """
    if session.actor is None:
        raise ValueError("nobody is signed in, so nobody can be shown a person")
    row = read_row(session, session.actor, action=action, subject_kind=subject_kind)
    row["subject_ids"] = list(subject_ids)
    await session.execute(insert(ReadEntry), row, execution_options={"read_record": True})


def read_row(reading: Reading, actor: Actor, *, action: str, subject_kind: str) -> dict[str, Any]:
    """Return the read log's row without the ids shown, for a question that enters it in its own statement."""
    return {
        "at": clock.now(),
        "service": reading.service,
        "actor": actor.name,
        "actor_role": role_of(actor, action=action),
        "action": action,
        "request_id": reading.request_id,
        "subject_kind": subject_kind,
    }


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, Any]:
    """Return the keys that differ as `{key: {"before": ..., "after": ...}}` in JSON's types; a missing key is null."""
    pairs = {name: (_plain(before.get(name)), _plain(after.get(name))) for name in sorted({*before, *after})}
    return {name: {"before": old, "after": new} for name, (old, new) in pairs.items() if old != new}


async def revealed_reasons(session: AnySession, reasons: Sequence[str | None]) -> list[str | None]:
    """Return entries' reasons in clear, None where a person's key has been destroyed."""
    people = {person_id for reason in reasons if (person_id := person_of(reason)) is not None}
    keys = await _keys(session, people=people)
    return [_shown_reason(session, reason, keys=keys) for reason in reasons]


def person_of(reason: str | None) -> UUID | None:
    """Return whose key hides an entry's reason, None where it stands in clear."""
    found = _PERSONAL_REASON.fullmatch(reason or "")
    return UUID(found["person_id"]) if found else None


def role_of(actor: Actor, *, action: str) -> str:
    """Return the role by which the actor acts, `machine` for our own machines, `none` where no role grants the act."""
    role = actor.role_for(NAMED[action]) if action in NAMED else None
    if role is not None:
        return role.value
    return MACHINE_ROLE if actor.is_machine else NO_ROLE


_PERSONAL_REASON: Final = re.compile(r"personal:(?P<person_id>[0-9a-f-]{36}):(?P<token>[A-Za-z0-9_-]{60,}=*)")


_ENTER: Final = """
INSERT INTO audit_entry (at, service, actor, actor_role, action, outcome, subject_kind, subject_id, request_id, changes,
    digest)
SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::jsonb[], $11::bytea[])
"""


def _row_of_act(session: WriteSession, act: Act) -> tuple[Any, ...]:
    entry = _entry(act.actor, action=act.action, subject=act.subject, request_id=act.request_id)
    changes = json.dumps(changed({}, act.after))
    subject = (act.subject.kind, act.subject.id)
    who = (entry["at"], session.service.value, entry["actor"], entry["actor_role"])
    return (*who, act.action, DONE, *subject, entry["request_id"], changes, act.digest)


def _entry(actor: Actor, *, action: str, subject: Subject, request_id: str | None) -> dict[str, Any]:
    return {
        "at": clock.now(),
        "actor": actor.name,
        "actor_role": role_of(actor, action=action),
        "action": action,
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "request_id": request_id,
    }


def _encrypted(change: Mapping[str, Any], *, cipher: PersonalCipher, person_id: UUID) -> dict[str, Any]:
    tokens = {side: cipher.encrypt(json.dumps(value)) for side, value in change.items()}
    return {"person_id": str(person_id), **tokens}


async def _keys(session: AnySession, *, people: Collection[UUID]) -> dict[str, bytes]:
    if not people:
        return {}
    question = select(PersonalKey.person_id, PersonalKey.key_encrypted).where(PersonalKey.person_id.in_(people))
    return {str(person_id): key for person_id, key in await session.execute(question)}


def _opened(session: AnySession, token: str, *, key: bytes | None) -> Any:
    """Return a value in clear; None without its key, which a later one of the same person does not bring back."""
    try:
        return None if key is None else json.loads(session.ciphers.decrypt_personal(key, token))
    except ciphers.AnotherKeyError:
        return None


def _sealed_reason(reason: str, *, cipher: PersonalCipher, person_id: UUID) -> str:
    return f"personal:{person_id}:{cipher.encrypt(json.dumps(reason))}"


def _shown_reason(session: AnySession, reason: str | None, *, keys: Mapping[str, bytes]) -> str | None:
    found = _PERSONAL_REASON.fullmatch(reason or "")
    if found is None:
        return reason
    shown: str | None = _opened(session, found["token"], key=keys.get(found["person_id"]))
    return shown


def _plain(value: object) -> object:
    """Return a value in JSON's own types: text of dates, times (UTC), identifiers and decimals; numbers stay whole."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal | StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"the trail does not store a {type(value).__name__}")
