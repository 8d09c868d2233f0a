"""What people do with alerts: look, which is recorded, and close, with a reason. An alert once closed stays closed."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.card_ingest.alerts import queries, rules, schemas
from services.shared import audit, paging
from services.shared.audit import Subject
from services.shared.database import AnySession, ReadSession, WriteSession
from services.shared.errors import Refused, Stale
from services.shared.law import sources
from services.shared.law.findings import Finding
from services.shared.lifecycles.alerts import ALERT


async def list_alerts(
    session: ReadSession, *, wanted: schemas.AlertFilter, page: paging.Page
) -> paging.Paged[schemas.Alert]:
    """Return one page of the alerts in the caller's sight, and leave a record of whose they are."""
    found = await queries.alerts(session, wanted=wanted, page=page)
    shown = queries.ORDER.paged(found, page, key=lambda each: (each.raised_at, each.id))
    await _note_shown(session, shown.items, action="list_alerts")
    return shown


async def read_alert(session: AnySession, *, alert_id: UUID) -> schemas.Alert:
    """Return one alert, and leave a record of whose it is. Raises NotFound."""
    found = await queries.alert(session, alert_id=alert_id)
    await _note_shown(session, [found], action="read_alert")
    return found


async def close_alert(
    session: WriteSession, *, alert_id: UUID, version: int, reason: str, now: datetime
) -> schemas.Alert:
    """Close an alert with what came of looking; the same thing raises none again.

    Raises NotFound, Refused for a route that is another's to close, Stale where it is no longer at `version`, Conflict
    where it is closed.
    """
    alert, recipient_id = await queries.alert_for_change(session, alert_id=alert_id)
    if alert.route not in rules.routes_closed(session.actor.roles):
        raise Refused(Finding("alert_of_others", "whoever the alert is routed to closes it", sources.PLAN_S11))
    if alert.version != version:
        raise Stale("the alert has been amended since it was read")
    before = {"status": alert.status, "version": alert.version}
    alert.status = ALERT.move(alert.status, "close")
    alert.closed_at, alert.closed_by, alert.close_reason = now, session.actor.name, reason
    await session.flush()
    await audit.record(
        session,
        action="close_alert",
        subject=Subject("alert", str(alert_id)),
        before=before,
        after={"status": alert.status, "version": alert.version},
        person_id=recipient_id,
        reason=reason,
    )
    return await queries.alert(session, alert_id=alert_id)


async def _note_shown(session: AnySession, shown: Iterable[schemas.Alert], *, action: str) -> None:
    """Note whose alerts are shown; one about several people's accounts names those accounts."""
    people: set[UUID] = set()
    named: set[UUID] = set()
    for alert in shown:
        people |= {alert.recipient_id} if alert.recipient_id is not None else set()
        named |= {UUID(account_id) for account_id in alert.facts.get("account_ids", ())}
    people |= set(await queries.recipients_of(session, account_ids=named))
    await audit.record_read(session, action=action, subject_kind="recipient", subject_ids=sorted(people))
