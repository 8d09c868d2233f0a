"""The council's policy on each kind of alert, by day, and the act that sets it anew."""

from datetime import date
from itertools import pairwise
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import insert, select

from services.card_ingest.alerts import schemas, terms
from services.card_ingest.alerts.finder import Policy
from services.shared import audit, driver
from services.shared.audit import Subject
from services.shared.database import AnySession, WriteSession
from services.shared.errors import Conflict, Invalid
from services.shared.tables.alerts import AlertPolicy
from services.shared.vocabulary.alerts import AlertKind, AlertRoute

SUBJECT: Final = "alert_policy"

_ALL: Final = """
SELECT id, kind, route, terms::text AS terms, is_active, effective_from FROM alert_policy ORDER BY kind, effective_from
"""


async def timeline(connection: driver.Connection) -> list[Policy]:
    """Return every version of every kind's policy that is active, with the days on which it holds."""
    found = await connection.fetch(_ALL)
    next_day = {(row["kind"], row["effective_from"]): date.max for row in found}
    for row, later in pairwise(found):
        if row["kind"] == later["kind"]:
            next_day[row["kind"], row["effective_from"]] = later["effective_from"]
    return [_policy(row, before_day=next_day[row["kind"], row["effective_from"]]) for row in found if row["is_active"]]


async def list_alert_policies(session: AnySession) -> schemas.Policies:
    """Return every version of every kind's policy, by kind, the latest first."""
    question = select(AlertPolicy).order_by(AlertPolicy.kind, AlertPolicy.effective_from.desc())
    return schemas.Policies(items=[schemas.Policy.model_validate(row) for row in await session.scalars(question)])


async def set_alert_policy(session: WriteSession, *, values: schemas.NewPolicy, today: date) -> schemas.Policy:
    """Set a kind's policy from today or a later day on; what was booked before keeps the policy of its own day.

    Raises Invalid for a day that has passed or terms that are not the kind's, Conflict where that day has one already.
    """
    if values.effective_from < today:
        raise Invalid("a policy is set for today or later", code="policy_in_the_past", pointer="/effective_from")
    same_day = (AlertPolicy.kind == values.kind, AlertPolicy.effective_from == values.effective_from)
    if await session.scalar(select(AlertPolicy.id).where(*same_day)) is not None:
        raise Conflict("this kind has a policy from that day on already", code="policy_of_that_day")
    stored = values.model_dump(exclude={"terms"}) | {"terms": _terms(values), "made_by": session.actor.name}
    made = await session.execute(insert(AlertPolicy).values(**stored).returning(AlertPolicy))
    policy = schemas.Policy.model_validate(made.scalar_one())
    await audit.record(
        session,
        action="set_alert_policy",
        subject=Subject(SUBJECT, values.kind.value),
        after=policy.model_dump(exclude={"reason", "made_by"}),
        reason=values.reason,
    )
    return policy


def _terms(values: schemas.NewPolicy) -> dict[str, Any]:
    try:
        return terms.plain(terms.read(values.kind, values.terms_as_json))
    except ValidationError as error:
        place = "/".join(str(part) for part in error.errors()[0]["loc"])
        raise Invalid("not the terms of this kind", code="unfit_terms", pointer=f"/terms/{place}") from None


def _policy(row: Any, *, before_day: date) -> Policy:
    kind = AlertKind(row["kind"])
    return Policy(
        id=row["id"],
        kind=kind,
        route=AlertRoute(row["route"]),
        terms=terms.read(kind, row["terms"]),
        first_day=row["effective_from"],
        before_day=before_day,
    )
