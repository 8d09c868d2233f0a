"""HTTP for decisions about quarantined rows."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.card_ingest.decisions import operations, schemas
from services.shared import clock, paging
from services.shared.vocabulary.feeds import ProposalStatus
from services.shared.web import dependencies
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["decisions"])


@router.get("/quarantine/{row_id}")
async def read_quarantined_row(row_id: UUID, session: dependencies.Read) -> schemas.RowContent:
    """Show a quarantined row's content, beside what came before under its id; who was shown whom is on record."""
    return await operations.read_quarantined_row(session, row_id=row_id, now=clock.now())


@router.post("/quarantine/{row_id}/resolutions", status_code=201)
async def propose_resolution(
    row_id: UUID, body: schemas.NewResolution, session: dependencies.Write, response: Response
) -> schemas.ProposedResolution:
    """Propose what becomes of a waiting row; nothing moves until another person has confirmed it."""
    proposed = await operations.propose_resolution(session, row_id=row_id, values=body, now=clock.now())
    response.headers["Location"] = "/v1/feeds/resolutions"
    return proposed


@router.get("/resolutions")
async def list_resolutions(
    session: dependencies.Read,
    page: dependencies.Page,
    status: Annotated[ProposalStatus | None, Query(description="Proposals that stand so only.")] = None,
) -> paging.Paged[schemas.ProposedResolution]:
    """List what was proposed about quarantined rows and what was answered, the newest first."""
    return await operations.list_resolutions(session, status=status, page=page)


@router.get("/matches")
async def list_payment_matches(
    session: dependencies.Read, page: dependencies.Page
) -> paging.Paged[schemas.PaymentMatch]:
    """List the rows that tell again of a payment which another message told before, the newest first."""
    return await operations.list_payment_matches(session, page=page)


@router.post("/resolutions/{resolution_id}/confirmation")
async def confirm_resolution(
    resolution_id: UUID, body: schemas.Answer, session: dependencies.Write
) -> schemas.ProposedResolution:
    """Confirm another person's proposal: the row posts, or ends, in the same transaction."""
    return await operations.confirm_resolution(session, resolution_id=resolution_id, values=body, now=clock.now())


@router.post("/resolutions/{resolution_id}/rejection")
async def reject_resolution(
    resolution_id: UUID, body: schemas.Answer, session: dependencies.Write
) -> schemas.ProposedResolution:
    """Reject a proposal; the row waits on."""
    return await operations.reject_resolution(session, resolution_id=resolution_id, values=body, now=clock.now())
