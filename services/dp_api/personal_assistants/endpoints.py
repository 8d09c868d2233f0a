"""HTTP for personal assistants and who employs them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.dp_api.personal_assistants import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/personal-assistants", tags=["personal assistants"])


@router.post("", status_code=201)
async def register_personal_assistant(
    body: schemas.NewPersonalAssistant, session: dependencies.Write, response: Response
) -> schemas.PersonalAssistantView:
    """Register a personal assistant with one of the caller's teams."""
    assistant = await operations.register_personal_assistant(session, values=body)
    response.headers["Location"] = f"/v1/personal-assistants/{assistant.id}"
    etags.answer(response, assistant.version)
    return assistant


@router.get("")
async def list_personal_assistants(
    session: dependencies.Read,
    page: dependencies.Page,
    team: Annotated[fields.Code | None, Query(description="Assistants of this team only.")] = None,
    recipient_id: Annotated[UUID | None, Query(description="Those whom this recipient employs now.")] = None,
) -> paging.Paged[schemas.PersonalAssistantView]:
    """List the personal assistants in the caller's sight."""
    return await operations.list_personal_assistants(session, team_code=team, recipient_id=recipient_id, page=page)


@router.get("/{personal_assistant_id}")
async def read_personal_assistant(
    personal_assistant_id: UUID, session: dependencies.Read, response: Response
) -> schemas.PersonalAssistantWithEngagements:
    """Show one personal assistant, and those of their engagements whose recipients the caller sees."""
    assistant = await operations.read_personal_assistant(session, personal_assistant_id=personal_assistant_id)
    etags.answer(response, assistant.version)
    return assistant


@router.post("/{personal_assistant_id}/engagements", status_code=201)
async def engage_personal_assistant(
    personal_assistant_id: UUID, body: schemas.NewEngagement, session: dependencies.Write, response: Response
) -> schemas.EngagementView:
    """Record that a recipient employs a personal assistant (partners and relatives at home: SI 2014/2871, reg. 3)."""
    engagement = await operations.engage_personal_assistant(
        session, personal_assistant_id=personal_assistant_id, values=body
    )
    response.headers["Location"] = f"/v1/personal-assistants/{personal_assistant_id}"
    return engagement


@router.post("/{personal_assistant_id}/engagements/{engagement_id}/end")
async def end_engagement(
    personal_assistant_id: UUID,
    engagement_id: UUID,
    body: schemas.EngagementEnd,
    session: dependencies.Write,
    today: dependencies.Today,
) -> schemas.EngagementView:
    """End an engagement with a day that has come, for a reason; changed terms are then a new engagement."""
    return await operations.end_engagement(
        session, personal_assistant_id=personal_assistant_id, engagement_id=engagement_id, values=body, today=today
    )
