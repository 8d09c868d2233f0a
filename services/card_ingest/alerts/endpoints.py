"""HTTP for alerts and the policy by which they are raised. Nothing here moves money or changes an agreement."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.card_ingest.alerts import operations, policies, schemas
from services.shared import clock, paging
from services.shared.vocabulary.alerts import AlertKind, AlertRoute, AlertStatus
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/alerts", tags=["alerts"])


@router.get("/policies")
async def list_alert_policies(session: dependencies.Read) -> schemas.Policies:
    """List every version of the policy on each kind of alert, the latest first."""
    return await policies.list_alert_policies(session)


@router.post("/policies", status_code=201)
async def set_alert_policy(
    body: schemas.NewPolicy, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.Policy:
    """Set when a kind of alert is raised and who looks first, from today or a later day on."""
    response.headers["Location"] = "/v1/alerts/policies"
    return await policies.set_alert_policy(session, values=body, today=today)


@router.get("")
async def list_alerts(
    session: dependencies.Read,
    page: dependencies.Page,
    kind: Annotated[AlertKind | None, Query(description="Alerts of this kind only.")] = None,
    status: Annotated[AlertStatus | None, Query(description="Open or closed ones only.")] = None,
    route: Annotated[AlertRoute | None, Query(description="Alerts that one side looks at first.")] = None,
    account_id: Annotated[UUID | None, Query(description="Alerts about this account only.")] = None,
) -> paging.Paged[schemas.Alert]:
    """List the alerts in the caller's sight, the last raised first: questions for people, never verdicts."""
    wanted = schemas.AlertFilter(kind=kind, status=status, route=route, account_id=account_id)
    return await operations.list_alerts(session, wanted=wanted, page=page)


@router.get("/{alert_id}")
async def read_alert(alert_id: UUID, session: dependencies.Read, response: Response) -> schemas.Alert:
    """Show one alert: what was seen, when, and the figures of the policy by which it was raised."""
    found = await operations.read_alert(session, alert_id=alert_id)
    etags.answer(response, found.version)
    return found


@router.post("/{alert_id}/closure")
async def close_alert(
    alert_id: UUID,
    body: schemas.Closure,
    version: dependencies.IfMatch,
    session: dependencies.Write,
    response: Response,
) -> schemas.Alert:
    """Close an alert with what came of looking; money, account and agreement stay as they are."""
    closed = await operations.close_alert(
        session, alert_id=alert_id, version=version, reason=body.reason, now=clock.now()
    )
    etags.answer(response, closed.version)
    return closed
