"""Every SELECT about alerts, cut to the routes and teams that the caller sees."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, tuple_

from services.card_ingest.alerts import meanings, rules, schemas
from services.shared import paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.agreements import Account, Agreement
from services.shared.tables.alerts import Alert, AlertPolicy
from services.shared.tables.people import Recipient
from services.shared.vocabulary.alerts import AlertKind, AlertRoute

_NOT_COLUMNS: Final = frozenset({"meaning", "recipient_id", "terms"})
_SHOWN: Final = [getattr(Alert, name) for name in schemas.Alert.model_fields if name not in _NOT_COLUMNS]
ORDER: Final = paging.Order(Alert.raised_at, Alert.id)


async def alerts(session: AnySession, *, wanted: schemas.AlertFilter, page: paging.Page) -> Sequence[schemas.Alert]:
    """Return alerts, the last raised first, one more than the page holds when there is one."""
    question = _alerts(session)
    for column, value in (
        (Alert.kind, wanted.kind),
        (Alert.status, wanted.status),
        (Alert.route, wanted.route),
        (Alert.account_id, wanted.account_id),
    ):
        if value is not None:
            question = question.where(column == value)
    if (reached := ORDER.after(page)) is not None:
        question = question.where(tuple_(Alert.raised_at, Alert.id) < reached)
    found = await session.execute(question.order_by(Alert.raised_at.desc(), Alert.id.desc()).limit(page.rows_asked_for))
    return [_alert(session, row._mapping) for row in found]


async def alert(session: AnySession, *, alert_id: UUID) -> schemas.Alert:
    """Return one alert. Raises NotFound where there is none in the caller's sight."""
    row = (await session.execute(_alerts(session).where(Alert.id == alert_id))).one_or_none()
    if row is None:
        raise NotFound("no such alert")
    return _alert(session, row._mapping)


async def alert_for_change(session: WriteSession, *, alert_id: UUID) -> tuple[Alert, UUID | None]:
    """Return the record itself, locked until the transaction ends, and whose it is. Raises NotFound."""
    shown = await alert(session, alert_id=alert_id)
    held = (await session.execute(select(Alert).where(Alert.id == alert_id).with_for_update())).scalar_one()
    return held, shown.recipient_id


async def recipients_of(session: AnySession, *, account_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return whose accounts these are."""
    question = (
        select(Agreement.recipient_id)
        .join(Account, Account.agreement_id == Agreement.id)
        .where(Account.id.in_(account_ids))
        .distinct()
    )
    return (await session.scalars(question)).all() if account_ids else []


def routes_seen(session: AnySession) -> frozenset[AlertRoute]:
    """Return the routes whose alerts the session's actor is shown."""
    return frozenset() if session.actor is None else rules.routes_seen(session.actor.roles)


def _alerts(session: AnySession) -> Select[*tuple[Any, ...]]:
    return (
        select(*_SHOWN, Agreement.recipient_id, AlertPolicy.terms)
        .join(AlertPolicy, AlertPolicy.id == Alert.policy_id)
        .outerjoin(Account, Account.id == Alert.account_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .outerjoin(Recipient, Recipient.id == Agreement.recipient_id)
        .where(*_in_sight(session))
    )


def _in_sight(session: AnySession) -> Sequence[ColumnElement[bool]]:
    """Whoever is bound to teams is shown their people's alerts alone, so none that is about several people's."""
    return [Alert.route.in_(routes_seen(session)), sight.of_person(session)]


def _alert(session: AnySession, row: Any) -> schemas.Alert:
    found: dict[str, Any] = dict(row)
    roles = frozenset() if session.actor is None else session.actor.roles
    if found["route"] not in rules.reasons_shown(roles):
        found["close_reason"] = None
    return schemas.Alert(**found, meaning=meanings.MEANINGS[AlertKind(found["kind"])])
