"""HTTP for what disagrees: findings and their closing, stated balances, and how the feeds do."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.card_ingest.reconciliation import operations, queries, schemas
from services.shared import clock, paging
from services.shared.values import fields
from services.shared.vocabulary.feeds import FindingKind, FindingStatus
from services.shared.web import dependencies
from services.shared.web.routing import Router

router = Router(prefix="/v1/feeds", tags=["reconciliation"])

OfProvider = Annotated[fields.Code | None, Query(description="Of this provider only.")]


@router.get("/health")
async def read_feed_health(session: dependencies.Read) -> schemas.FeedHealth:
    """Show how each provider's feed does (late or not, what waits, what disagrees) and the last proof of the books."""
    return await queries.feed_health(session, now=clock.now())


@router.get("/findings")
async def list_findings(
    session: dependencies.Read,
    page: dependencies.Page,
    kind: Annotated[FindingKind | None, Query(description="Findings of this kind only.")] = None,
    provider: OfProvider = None,
    status: Annotated[FindingStatus | None, Query(description="Findings that stand so only.")] = None,
) -> paging.Paged[schemas.Finding]:
    """List what the books and the providers disagree about, the newest first."""
    wanted = schemas.FindingFilter(kind=kind, provider_code=provider, status=status)
    return await queries.findings(session, wanted=wanted, page=page)


@router.post("/findings/{finding_id}/closure")
async def close_finding(finding_id: UUID, body: schemas.FindingClosure, session: dependencies.Write) -> schemas.Finding:
    """Close a finding that has been looked into; it comes again only with other figures."""
    await operations.close_finding(session, finding_id=finding_id, reason=body.reason, now=clock.now())
    return await queries.finding(session, finding_id)


@router.get("/statements")
async def list_statements(
    session: dependencies.Read,
    page: dependencies.Page,
    provider: OfProvider = None,
    account: Annotated[UUID | None, Query(description="Of this account only.")] = None,
) -> paging.Paged[schemas.Statement]:
    """List what providers stated about accounts, as delivered, and whether each statement adds up."""
    return await queries.statements(session, provider_code=provider, account_id=account, page=page)
