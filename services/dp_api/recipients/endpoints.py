"""HTTP for recipients. People are searched for by POST, so that nothing personal stands in an address."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from services.dp_api.recipients import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.vocabulary.people import RecipientKind
from services.shared.web import answering, dependencies, etags, routing

router = routing.Router(prefix="/v1/recipients", tags=["recipients"])

TeamFilter = Annotated[fields.Code | None, Query(description="Recipients of this team only.")]


@router.post("", status_code=201)
async def register_recipient(
    body: schemas.NewRecipient, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.RecipientForCare:
    """Register an adult with needs, or a carer, in one of the caller's teams."""
    recipient = await operations.register_recipient(session, values=body, today=today)
    response.headers["Location"] = f"/v1/recipients/{recipient.id}"
    etags.answer(response, recipient.version)
    return recipient


@router.get("", response_model=paging.Paged[schemas.RecipientSummary])
async def list_recipients(
    direct: dependencies.Direct,
    page: dependencies.Page,
    team: TeamFilter = None,
    kind: Annotated[RecipientKind | None, Query(description="Adults or carers only.")] = None,
) -> Response:
    """List the recipients in the caller's sight."""
    return answering.written(await operations.list_recipients(direct, kind=kind, team_code=team, page=page))


@router.post("/searches", response_model=paging.Paged[schemas.RecipientSummary])
async def search_recipients(
    body: schemas.RecipientSearch, direct: dependencies.Direct, page: dependencies.Page
) -> Response:
    """Search the recipients in the caller's sight by NHS number, name, date of birth, postcode or team."""
    return answering.written(await operations.search_recipients(direct, search=body, page=page))


@router.get("/{recipient_id}")
async def read_recipient(
    recipient_id: UUID, direct: dependencies.Direct, response: Response
) -> Annotated[schemas.AnyRecipient, Field(discriminator="field_set")]:
    """Show one recipient, as far as the caller's role goes."""
    recipient = await operations.read_recipient(direct, recipient_id=recipient_id)
    etags.answer(response, recipient.version)
    return recipient


@router.patch("/{recipient_id}")
async def amend_recipient(
    recipient_id: UUID,
    body: schemas.RecipientAmendment,
    version: dependencies.IfMatch,
    direct: dependencies.Direct,
    today: dependencies.Today,
    response: Response,
) -> schemas.RecipientForCare:
    """Amend what is sent of a recipient; a hand-over to another team needs a reason."""
    recipient = await operations.amend_recipient(
        direct, recipient_id=recipient_id, version=version, values=body, today=today
    )
    etags.answer(response, recipient.version)
    return recipient


@router.post("/{recipient_id}/death")
async def record_death(
    recipient_id: UUID,
    body: schemas.Death,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.RecipientForCare:
    """Record the day on which a recipient died and who told the council, or put an earlier record right."""
    recipient = await operations.record_death(session, recipient_id=recipient_id, values=body, today=today)
    etags.answer(response, recipient.version)
    return recipient
