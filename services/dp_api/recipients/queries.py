"""Every SELECT about recipients, cut to what the caller's teams and role may see."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from services.dp_api.recipients import rules, schemas
from services.shared import paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.identity.shown import FieldSet
from services.shared.tables.agreements import Agreement
from services.shared.tables.people import Recipient
from services.shared.vocabulary.people import RecipientKind

_SUMMARY = [getattr(Recipient, name) for name in schemas.RecipientSummary.model_fields]
_STORED_OTHERWISE = {"field_set", "nhs_number", "address_lines"}
ORDER: Final = paging.Order(Recipient.id)


async def recipient(session: AnySession, *, recipient_id: UUID, field_set: FieldSet) -> schemas.AnyRecipient:
    """Return one recipient in the view of a field set; no other column leaves the database. Raises NotFound."""
    view = schemas.VIEWS.get(field_set)
    if view is None:
        raise NotFound("no such recipient")
    columns: list[Any] = [getattr(Recipient, name) for name in view.model_fields if name not in _STORED_OTHERWISE]
    if "nhs_number" in view.model_fields:
        columns += [Recipient.nhs_number_encrypted, Recipient.address_lines]
    row = (
        await session.execute(select(*columns).where(Recipient.id == recipient_id, sight.of_person(session)))
    ).one_or_none()
    if row is None:
        raise NotFound("no such recipient")
    found: dict[str, Any] = dict(row._mapping)
    if "nhs_number" in view.model_fields:
        found["nhs_number"] = _shown(session, found.pop("nhs_number_encrypted"))
        found["address_lines"] = found["address_lines"].split("\n")
    return view.model_validate({"field_set": field_set.value, **found})


async def recipient_for_change(session: WriteSession, *, recipient_id: UUID) -> Recipient:
    """Return the record itself, locked until the transaction ends. Raises NotFound."""
    question = select(Recipient).where(Recipient.id == recipient_id, sight.of_person(session)).with_for_update()
    found: Recipient | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such recipient")
    return found


async def recipients(
    session: AnySession, *, kind: RecipientKind | None, team_code: str | None, page: paging.Page
) -> Sequence[schemas.RecipientSummary]:
    """Return recipients by id, one more than the page holds when there is one."""
    question = select(*_SUMMARY)
    if kind is not None:
        question = question.where(Recipient.kind == kind)
    if team_code is not None:
        question = question.where(Recipient.team_code == team_code)
    return await _summaries(session, question=question, page=page)


async def recipients_found(
    session: AnySession, *, search: schemas.RecipientSearch, page: paging.Page
) -> Sequence[schemas.RecipientSummary]:
    """Return whom a search finds, by id; an NHS number is looked up by its blind index."""
    question = select(*_SUMMARY)
    if search.nhs_number is not None:
        question = question.where(Recipient.nhs_number_index == session.ciphers.blind_index(search.nhs_number))
    if search.name is not None:
        in_full = Recipient.full_name.icontains(search.name, autoescape=True)
        question = question.where(or_(in_full, Recipient.known_as.icontains(search.name, autoescape=True)))
    if search.date_of_birth is not None:
        question = question.where(Recipient.date_of_birth == search.date_of_birth)
    if search.postcode is not None:
        question = question.where(Recipient.postcode == search.postcode)
    if search.team_code is not None:
        question = question.where(Recipient.team_code == search.team_code)
    return await _summaries(session, question=question, page=page)


async def is_nhs_number_taken(session: AnySession, *, nhs_number: str, except_id: UUID | None) -> bool:
    """Tell whether another recipient, of whatever team, has this NHS number."""
    question = select(func.count()).where(Recipient.nhs_number_index == session.ciphers.blind_index(nhs_number))
    if except_id is not None:
        question = question.where(Recipient.id != except_id)
    return bool(await session.scalar(question))


async def _summaries(
    session: AnySession, *, question: Select[*tuple[Any, ...]], page: paging.Page
) -> Sequence[schemas.RecipientSummary]:
    if (reached := ORDER.after(page)) is not None:
        question = question.where(Recipient.id > reached[0])
    question = question.where(sight.of_person(session)).order_by(Recipient.id).limit(page.limit + 1)
    return [schemas.RecipientSummary(**row._mapping) for row in await session.execute(question)]


def _shown(session: AnySession, encrypted: bytes | None) -> str | None:
    return None if encrypted is None else rules.shown_nhs_number(session.ciphers.decrypt_text(encrypted))


async def first_paid_on(session: AnySession, *, recipient_id: UUID) -> date | None:
    """Return the first day of the recipient's agreements, None where none has been activated."""
    question = select(func.min(Agreement.started_on)).where(Agreement.recipient_id == recipient_id)
    found: date | None = await session.scalar(question)
    return found
