"""Acts on personal assistants, and the reading of them, which leaves its own record."""

from datetime import date
from uuid import UUID, uuid4

from services.dp_api.personal_assistants import queries, rules, schemas
from services.dp_api.recipients import queries as recipient_queries
from services.dp_api.staff import queries as staff_queries
from services.shared import audit, clock, paging
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, Invalid, NotFound, Refused
from services.shared.tables.people import PersonalAssistant, PersonalAssistantEngagement


async def register_personal_assistant(
    session: WriteSession, *, values: schemas.NewPersonalAssistant
) -> schemas.PersonalAssistantView:
    """Register a personal assistant with a team that the actor sees. Raises Invalid for any other team."""
    is_hidden = not session.actor.sees_team(values.team_code)
    if is_hidden or await staff_queries.unknown_teams(session, codes=[values.team_code]):
        raise Invalid("no such team, or not one of yours", code="unknown_team", pointer="/team_code")
    now = clock.now()
    assistant = PersonalAssistant(id=uuid4(), **values.model_dump(), created_at=now, updated_at=now)
    session.add(assistant)
    await session.flush()
    await audit.record(
        session,
        action="register_personal_assistant",
        subject=audit.Subject("personal_assistant", str(assistant.id)),
        after=values.model_dump(),
        person_id=assistant.id,
        personal=frozenset({"full_name"}),
    )
    return schemas.PersonalAssistantView.model_validate(assistant)


async def engage_personal_assistant(
    session: WriteSession, *, personal_assistant_id: UUID, values: schemas.NewEngagement
) -> schemas.EngagementView:
    """Record that a recipient employs a personal assistant.

    Raises NotFound for an assistant out of sight, Invalid for a recipient out of sight, Conflict for a recipient who
    has died or who employs them already, Refused for a partner, or a close relative at home, without a reason.
    """
    await queries.personal_assistant(session, personal_assistant_id=personal_assistant_id)
    try:
        recipient = await recipient_queries.recipient_for_change(session, recipient_id=values.recipient_id)
    except NotFound:
        raise Invalid("no such recipient", code="unknown_recipient", pointer="/recipient_id") from None
    if recipient.died_on is not None:
        raise Conflict("the recipient has died", code="recipient_died")
    if await queries.is_engaged(session, personal_assistant_id=personal_assistant_id, recipient_id=values.recipient_id):
        raise Conflict("the recipient employs this personal assistant already", code="engaged_already")
    finding = rules.barred_engagement(
        relationship=values.relationship_to_recipient,
        same_household=values.same_household,
        exception_reason=values.exception_reason,
    )
    if finding is not None:
        raise Refused(finding)
    return await _engage(session, personal_assistant_id=personal_assistant_id, values=values)


async def end_engagement(
    session: WriteSession,
    *,
    personal_assistant_id: UUID,
    engagement_id: UUID,
    values: schemas.EngagementEnd,
    today: date,
) -> schemas.EngagementView:
    """End an engagement with a day that has come; the assistant may then be engaged anew, on other terms.

    Raises NotFound, Conflict when it has ended, Invalid for a day before its start or in the future.
    """
    engagement = await queries.engagement_for_change(
        session, personal_assistant_id=personal_assistant_id, engagement_id=engagement_id
    )
    if engagement.ended_on is not None:
        raise Conflict("the engagement has ended", code="engagement_ended")
    if values.ended_on < engagement.started_on:
        raise Invalid("before the engagement's first day", code="ends_before_start", pointer="/ended_on")
    if values.ended_on > today:
        raise Invalid("the day lies in the future", code="day_in_future", pointer="/ended_on")
    engagement.ended_on = values.ended_on
    await session.flush()
    await audit.record(
        session,
        action="end_engagement",
        subject=audit.Subject("personal_assistant_engagement", str(engagement.id)),
        before={"ended_on": None},
        after={"ended_on": values.ended_on},
        person_id=engagement.recipient_id,
        reason=values.reason,
    )
    return schemas.EngagementView.model_validate(engagement)


async def read_personal_assistant(
    session: ReadSession, *, personal_assistant_id: UUID
) -> schemas.PersonalAssistantWithEngagements:
    """Show the caller one personal assistant. Raises NotFound."""
    found = await queries.personal_assistant(session, personal_assistant_id=personal_assistant_id)
    await _note_shown(session, action="read_personal_assistant", ids=[found.id])
    if found.engagements:
        await audit.record_read(
            session,
            action="read_personal_assistant",
            subject_kind="recipient",
            subject_ids=[engagement.recipient_id for engagement in found.engagements],
        )
    return found


async def list_personal_assistants(
    session: ReadSession, *, team_code: str | None, recipient_id: UUID | None, page: paging.Page
) -> paging.Paged[schemas.PersonalAssistantView]:
    """Show the caller the personal assistants in their sight."""
    rows = await queries.personal_assistants(session, team_code=team_code, recipient_id=recipient_id, page=page)
    shown = queries.ORDER.paged(rows, page, key=lambda row: (row.id,))
    await _note_shown(session, action="list_personal_assistants", ids=[row.id for row in shown.items])
    return shown


async def _engage(
    session: WriteSession, *, personal_assistant_id: UUID, values: schemas.NewEngagement
) -> schemas.EngagementView:
    engagement = PersonalAssistantEngagement(
        id=uuid4(),
        personal_assistant_id=personal_assistant_id,
        ended_on=None,
        created_at=clock.now(),
        **values.model_dump(),
    )
    session.add(engagement)
    await session.flush()
    await audit.record(
        session,
        action="engage_personal_assistant",
        subject=audit.Subject("personal_assistant_engagement", str(engagement.id)),
        after={"personal_assistant_id": personal_assistant_id, **values.model_dump()},
        person_id=values.recipient_id,
        personal=frozenset({"relationship_to_recipient", "same_household", "exception_reason"}),
    )
    return schemas.EngagementView.model_validate(engagement)


async def _note_shown(session: ReadSession, *, action: str, ids: list[UUID]) -> None:
    await audit.record_read(session, action=action, subject_kind="personal_assistant", subject_ids=ids)
