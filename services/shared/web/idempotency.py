"""An act sent twice is done once: its answer is stored in the act's own transaction and given again.

The key is the client's, scoped to caller and operation. While one request holds it (an advisory lock of the
transaction), another of the same key is told to wait; the same key with another request is refused. Only answers of
success are stored, for 30 days at least. Whoever is given one again is in the read log; a secret is never stored.

Source: draft-ietf-httpapi-idempotency-key-header-07 (IETF HTTPAPI working group).
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import UUID

from asgi_correlation_id.context import correlation_id
from sqlalchemy import CursorResult, and_, delete, func, insert, select
from sqlalchemy.sql.elements import ColumnElement
from starlette.requests import Request
from starlette.responses import Response

from services.shared import audit, clock, database, jobs
from services.shared.errors import BadRequest, Conflict, Invalid
from services.shared.tables.records import IdempotencyRecord
from services.shared.vocabulary.records import Service

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
KEPT_FOR: Final = timedelta(days=31)
STORED_HEADERS: Final = ("content-type", "location", "etag")
KEY_FORM: Final = r"[\x21-\x7e]{8,255}"
SECRET: Final = "secret"  # noqa: S105 (a name)
"""What a field is called that is shown once: an answer with one is not stored, only that there was one."""
_SUCCESS: Final = range(200, 300)
_SHOWN_ONCE: Final = HTTPStatus.CONFLICT
_LOCATED: Final = re.compile(r"/v1/(?:.*/)?(?P<kind>[a-z-]+)s/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Key:
    """What an act is done once for: the caller, the operation, and the key that the client gave it."""

    caller: str
    operation: str
    key: str

    @property
    def lock(self) -> int:
        """The number of the advisory lock that stands for the key: 64 bits of its SHA-256."""
        whole = "\x00".join(("idempotency", self.caller, self.operation, self.key))
        return int.from_bytes(hashlib.sha256(whole.encode()).digest()[:8], signed=True)

    def matches(self) -> ColumnElement[bool]:
        """Return the condition that finds its stored answer."""
        return and_(
            IdempotencyRecord.caller == self.caller,
            IdempotencyRecord.operation == self.operation,
            IdempotencyRecord.key == self.key,
        )


async def once(request: Request, act: Callable[[Request], Awaitable[Response]]) -> Response:
    """Do the act, or give its stored answer; the act's `Write` is the session of this function's transaction.

    Raises BadRequest (400) without a well-formed key, Conflict (409) while another request holds it, Invalid (422)
    where the key was used for another request.
    """
    key = _key(request)
    asked = await _digest(request)
    store: database.Database = request.app.state.database
    async with store.write(actor=request.state.actor, request_id=correlation_id.get()) as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(key.lock))):
            raise Conflict("the same act is being done just now: wait for its answer", code="in_progress")
        if (stored := await _stored(session, key=key)) is not None:
            return await _again(stored, asked=asked, session=session, operation=key.operation)
        request.state.session = session
        response = await act(request)
        if response.status_code in _SUCCESS:
            await _keep(session, key=key, asked=asked, response=response)
    return response


def _key(request: Request) -> Key:
    given = request.headers.get(HEADER)
    if given is None:
        detail = f"send {HEADER}: a new UUID for each act, and the same one when you send that act again"
        raise BadRequest(detail, code="idempotency_key_required")
    if not re.fullmatch(KEY_FORM, given):
        detail = f"{HEADER} must be 8 to 255 visible ASCII characters"
        raise BadRequest(detail, code="malformed_idempotency_key")
    return Key(caller=request.state.actor.name, operation=request.state.permission.value, key=given)


async def _digest(request: Request) -> bytes:
    """Return the SHA-256 of what is asked for: the address with its query, the caller's teams, and the body.

    The teams count because what a caller may be shown goes by them: under others it is another request.
    """
    address = f"{request.url.path}?{request.url.query}"
    teams = json.dumps(None if request.state.actor.teams is None else sorted(request.state.actor.teams))
    return hashlib.sha256(f"{address}\n{teams}\n".encode() + await request.body()).digest()


async def _stored(session: database.WriteSession, *, key: Key) -> IdempotencyRecord | None:
    found: IdempotencyRecord | None = await session.scalar(select(IdempotencyRecord).where(key.matches()))
    return found


async def _again(
    stored: IdempotencyRecord, *, asked: bytes, session: database.WriteSession, operation: str
) -> Response:
    if stored.request_hash != asked:
        raise Invalid(f"this {HEADER} was used for another request", code="idempotency_key_reused")
    if stored.status == _SHOWN_ONCE:
        detail = "it was done, and its secret shown once: if that was lost, withdraw it and make another"
        raise Conflict(detail, code="secret_shown_once")
    body = session.ciphers.decrypt(stored.body_encrypted)
    if (subject := _subject(body, location=stored.headers.get("location", ""))) is not None:
        kind, subject_id = subject
        await audit.record_read(session, action=operation, subject_kind=kind, subject_ids=[subject_id])
        session.audited = True  # The read record is all that is written.
    return Response(body, status_code=stored.status, headers={**stored.headers, REPLAYED: "true"})


def _subject(body: bytes, *, location: str) -> tuple[str, UUID] | None:
    """Return whom an answer shows: the recipient it names, else the record that its `Location` names."""
    answer = _fields(body)
    if isinstance(recipient_id := answer.get("recipient_id"), str):
        return "recipient", UUID(recipient_id)
    found = _LOCATED.fullmatch(location)
    return (found["kind"].replace("-", "_"), UUID(found["id"])) if found else None


def _fields(body: bytes) -> Mapping[str, Any]:
    answer = json.loads(body or b"null")
    return answer if isinstance(answer, dict) else {}


async def _keep(session: database.WriteSession, *, key: Key, asked: bytes, response: Response) -> None:
    has_secret = SECRET in _fields(bytes(response.body))
    values: dict[str, Any] = {
        "caller": key.caller,
        "operation": key.operation,
        "key": key.key,
        "request_hash": asked,
        "status": _SHOWN_ONCE if has_secret else response.status_code,
        "headers": {name: response.headers[name] for name in STORED_HEADERS if name in response.headers},
        "body_encrypted": session.ciphers.encrypt(b"" if has_secret else bytes(response.body)),
        "created_at": clock.now(),
    }
    await session.execute(insert(IdempotencyRecord).values(values))


async def _expire(session: database.WriteSession, _period: str) -> dict[str, object]:
    """Delete stored answers that are older than they must be kept."""
    old = delete(IdempotencyRecord).where(IdempotencyRecord.created_at < clock.now() - KEPT_FOR)
    found = cast("CursorResult[Any]", await session.execute(old))
    return {"expired": found.rowcount}


EXPIRE_ANSWERS: Final = jobs.Job(
    name="expire_stored_answers",
    service=Service.DP_API,
    trigger=jobs.daily(hour=3, minute=20),
    period=jobs.london_day,
    act=_expire,
)
"""The frame's own job, which dp_api declares among its own: stored answers of every service go after 31 days."""
