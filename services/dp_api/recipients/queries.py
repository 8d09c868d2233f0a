"""Every SELECT about recipients, cut to what the caller's teams and role may see."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from asyncpg import Record
from sqlalchemy import Date, LargeBinary, Text, Uuid, bindparam, func, select

from services.dp_api.recipients import rules, schemas
from services.shared import direct, paging, sight
from services.shared.database import WriteSession
from services.shared.direct import Acting, Reading
from services.shared.errors import NotFound
from services.shared.identity.shown import FieldSet
from services.shared.questions import InSight, Listing, Question, Shows
from services.shared.tables.agreements import Agreement
from services.shared.tables.people import Recipient
from services.shared.tables.records import PersonalKey
from services.shared.vocabulary.people import RecipientKind

_SUMMARY = [getattr(Recipient, name) for name in schemas.RecipientSummary.model_fields]
_STORED_OTHERWISE = {"field_set", "nhs_number", "address_lines"}
ORDER: Final = paging.Order(Recipient.id)


async def recipient(reading: Reading, *, recipient_id: UUID, field_set: FieldSet) -> schemas.AnyRecipient:
    """Show one recipient in the view of a field set; no other column leaves the database. Raises NotFound."""
    if (question := _ONE.get(field_set)) is None:
        raise NotFound("no such recipient")
    row = await question.row(reading, {"recipient_id": recipient_id})
    if row is None:
        raise NotFound("no such recipient")
    found: dict[str, Any] = {"field_set": field_set.value, **row}
    if "nhs_number_encrypted" in found:
        found["nhs_number"] = _shown(reading, found.pop("nhs_number_encrypted"))
        found["address_lines"] = found["address_lines"].split("\n")
    return schemas.VIEWS[field_set].model_validate(found)


def _one(field_set: FieldSet) -> Question:
    names = schemas.VIEWS[field_set].model_fields.keys()
    columns: list[Any] = [getattr(Recipient, name) for name in names if name not in _STORED_OTHERWISE]
    if "nhs_number" in names:
        columns += [Recipient.nhs_number_encrypted, Recipient.address_lines]
    asked = select(*columns).where(Recipient.id == bindparam("recipient_id", type_=Uuid))
    return Question(asked, action="read_recipient", team=Recipient.team_code, shows=_SHOWS)


async def recipient_for_change(session: WriteSession, *, recipient_id: UUID) -> Recipient:
    """Return the record itself, locked until the transaction ends. Raises NotFound."""
    question = select(Recipient).where(Recipient.id == recipient_id, sight.of_person(session)).with_for_update()
    found: Recipient | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such recipient")
    return found


async def recipients(
    reading: Reading, *, kind: RecipientKind | None, team_code: str | None, page: paging.Page
) -> Sequence[Record]:
    """Show recipients by id, one more than the page holds when there is one."""
    values = {"kind": kind, "team_code": team_code, "after": _after(page)}
    return await _LISTED.page(reading, values, page)


async def recipients_found(reading: Reading, *, search: schemas.RecipientSearch, page: paging.Page) -> Sequence[Record]:
    """Show whom a search finds, by id; an NHS number is looked up by its blind index."""
    values = {
        "number": None if search.nhs_number is None else reading.ciphers.blind_index(search.nhs_number),
        "name": None if search.name is None else _anywhere(search.name),
        "born_on": search.date_of_birth,
        "postcode": search.postcode,
        "team_code": search.team_code,
        "after": _after(page),
    }
    return await _FOUND.page(reading, values, page)


def _after(page: paging.Page) -> UUID | None:
    reached = ORDER.after(page)
    return None if reached is None else reached[0]


def _anywhere(words: str) -> str:
    """Return the pattern of a text that holds these words, whatever they mean in a pattern."""
    escaped = words.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%"


async def is_nhs_number_taken(asking: Reading, *, nhs_number: str, except_id: UUID | None) -> bool:
    """Tell whether another recipient, of whatever team, has this NHS number."""
    values = {"number": asking.ciphers.blind_index(nhs_number), "except_id": except_id or _NOBODY}
    return bool(await direct.ask(asking, _TAKEN, values))


def _shown(reading: Reading, encrypted: bytes | None) -> str | None:
    return None if encrypted is None else rules.shown_nhs_number(reading.ciphers.decrypt_text(encrypted))


async def first_paid_on(asking: Reading, *, recipient_id: UUID) -> date | None:
    """Return the first day of the recipient's agreements, None where none has been activated."""
    (row,) = await direct.ask(asking, _FIRST_PAID, {"recipient_id": recipient_id})
    found: date | None = row["first_paid_on"]
    return found


async def recipient_to_amend(acting: Acting, *, recipient_id: UUID) -> Record:
    """Return every column of a record in the actor's sight, with the person's wrapped key. Raises NotFound."""
    if (row := await _STORED.row(acting, {"recipient_id": recipient_id})) is None:
        raise NotFound("no such recipient")
    return row


_SHOWS: Final = Shows("recipient", "id")
_ONE: Final = {field_set: _one(field_set) for field_set in schemas.VIEWS}
_NOBODY: Final = UUID(int=0)
_ID: Final = bindparam("recipient_id", type_=Uuid)
_TAKEN: Final = direct.compiled(
    select(Recipient.id)
    .where(Recipient.nhs_number_index == bindparam("number", type_=LargeBinary))
    .where(Recipient.id != bindparam("except_id", type_=Uuid))
)
_FIRST_PAID: Final = direct.compiled(
    select(func.min(Agreement.started_on).label("first_paid_on")).where(Agreement.recipient_id == _ID)
)
_STORED: Final = InSight(
    select(*Recipient.__table__.columns, PersonalKey.key_encrypted)
    .outerjoin(PersonalKey, PersonalKey.person_id == Recipient.id)
    .where(Recipient.id == _ID),
    team=Recipient.team_code,
)
_NAME: Final = bindparam("name", type_=Text)
_ORDERED: Final = select(*_SUMMARY).order_by(Recipient.id)
_IN_TEAM: Final = Recipient.team_code == bindparam("team_code", type_=Text)
_AFTER: Final = Recipient.id > bindparam("after", type_=Uuid)
_LISTED: Final = Listing(
    _ORDERED,
    action="list_recipients",
    team=Recipient.team_code,
    shows=_SHOWS,
    where={"kind": Recipient.kind == bindparam("kind", type_=Text), "team_code": _IN_TEAM, "after": _AFTER},
)
_FOUND: Final = Listing(
    _ORDERED,
    action="search_recipients",
    team=Recipient.team_code,
    shows=_SHOWS,
    where={
        "number": Recipient.nhs_number_index == bindparam("number", type_=LargeBinary),
        "name": Recipient.full_name.ilike(_NAME, escape="/") | Recipient.known_as.ilike(_NAME, escape="/"),
        "born_on": Recipient.date_of_birth == bindparam("born_on", type_=Date),
        "postcode": Recipient.postcode == bindparam("postcode", type_=Text),
        "team_code": _IN_TEAM,
        "after": _AFTER,
    },
)
