"""Every SELECT about personal assistants, cut to what the caller's teams may see."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select

from services.dp_api.personal_assistants import schemas
from services.shared import paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.people import PersonalAssistant, PersonalAssistantEngagement, Recipient

_ASSISTANT: Final = [getattr(PersonalAssistant, name) for name in schemas.PersonalAssistantView.model_fields]
_ENGAGEMENT: Final = [getattr(PersonalAssistantEngagement, name) for name in schemas.EngagementView.model_fields]
ORDER: Final = paging.Order(PersonalAssistant.id)


def in_sight(session: AnySession) -> ColumnElement[bool]:
    """Return the condition under which the actor is shown an assistant: their team, or a recipient whom they see."""
    own = sight.of_team(session, PersonalAssistant.team_code)
    if sight.sees_all(session):
        return own
    works_for_seen = exists().where(
        PersonalAssistantEngagement.personal_assistant_id == PersonalAssistant.id,
        PersonalAssistantEngagement.recipient_id == Recipient.id,
        sight.of_person(session),
    )
    return or_(own, works_for_seen)


async def personal_assistant(
    session: AnySession, *, personal_assistant_id: UUID
) -> schemas.PersonalAssistantWithEngagements:
    """Return one assistant with the engagements in the caller's sight. Raises NotFound."""
    question = select(*_ASSISTANT).where(PersonalAssistant.id == personal_assistant_id, in_sight(session))
    row = (await session.execute(question)).one_or_none()
    if row is None:
        raise NotFound("no such personal assistant")
    engagements = (
        select(*_ENGAGEMENT)
        .join(Recipient, Recipient.id == PersonalAssistantEngagement.recipient_id)
        .where(
            PersonalAssistantEngagement.personal_assistant_id == personal_assistant_id,
            sight.of_person(session),
        )
        .order_by(PersonalAssistantEngagement.started_on, PersonalAssistantEngagement.id)
    )
    found = [schemas.EngagementView(**engaged._mapping) for engaged in await session.execute(engagements)]
    return schemas.PersonalAssistantWithEngagements(**row._mapping, engagements=found)


async def personal_assistants(
    session: AnySession, *, team_code: str | None, recipient_id: UUID | None, page: paging.Page
) -> Sequence[schemas.PersonalAssistantView]:
    """Return assistants by id, one more than the page holds; `recipient_id` asks for those whom they employ now."""
    question: Select[*tuple[Any, ...]] = select(*_ASSISTANT).where(in_sight(session))
    if team_code is not None:
        question = question.where(PersonalAssistant.team_code == team_code)
    if recipient_id is not None:
        employed = exists().where(
            PersonalAssistantEngagement.personal_assistant_id == PersonalAssistant.id,
            PersonalAssistantEngagement.recipient_id == Recipient.id,
            PersonalAssistantEngagement.ended_on.is_(None),
            Recipient.id == recipient_id,
            sight.of_person(session),
        )
        question = question.where(employed)
    if (reached := ORDER.after(page)) is not None:
        question = question.where(PersonalAssistant.id > reached[0])
    question = question.order_by(PersonalAssistant.id).limit(page.rows_asked_for)
    return [schemas.PersonalAssistantView(**row._mapping) for row in await session.execute(question)]


async def engagement_for_change(
    session: WriteSession, *, personal_assistant_id: UUID, engagement_id: UUID
) -> PersonalAssistantEngagement:
    """Return an engagement whose recipient the actor sees, locked until the transaction ends. Raises NotFound."""
    question = (
        select(PersonalAssistantEngagement)
        .join(Recipient, Recipient.id == PersonalAssistantEngagement.recipient_id)
        .where(
            PersonalAssistantEngagement.id == engagement_id,
            PersonalAssistantEngagement.personal_assistant_id == personal_assistant_id,
            sight.of_person(session),
        )
        .with_for_update(of=PersonalAssistantEngagement)
    )
    found: PersonalAssistantEngagement | None = await session.scalar(question)
    if found is None:
        raise NotFound("no such engagement")
    return found


async def is_engaged(session: AnySession, *, personal_assistant_id: UUID, recipient_id: UUID) -> bool:
    """Tell whether the recipient employs the assistant now."""
    question = select(PersonalAssistantEngagement.id).where(
        PersonalAssistantEngagement.personal_assistant_id == personal_assistant_id,
        PersonalAssistantEngagement.recipient_id == recipient_id,
        PersonalAssistantEngagement.ended_on.is_(None),
    )
    return await session.scalar(question) is not None
