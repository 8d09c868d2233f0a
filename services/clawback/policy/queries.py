"""Which version of the council's surplus policy holds on a day."""

from datetime import date

from sqlalchemy import select

from services.clawback.policy.schemas import Policy
from services.shared.database import AnySession
from services.shared.errors import Invalid
from services.shared.tables.clawback import ClawbackPolicy


class NoPolicyInForce(Invalid):
    """The day lies before the first version of the policy, so that nothing can be judged by it."""

    code = "no_policy_in_force"


async def in_force(session: AnySession, *, on: date) -> Policy:
    """Return the version in force on a day: the last that took effect on it or before. Raises NoPolicyInForce."""
    found = await policy_on(session, on=on)
    if found is None:
        raise NoPolicyInForce(f"no surplus policy was in force on {on}", pointer="/as_of")
    return found


async def policy_on(session: AnySession, *, on: date) -> Policy | None:
    """Return the last version of the policy that took effect on the day or before it, if there is one."""
    question = (
        select(
            ClawbackPolicy.version,
            ClawbackPolicy.effective_from,
            ClawbackPolicy.threshold_weeks,
            ClawbackPolicy.source,
        )
        .where(ClawbackPolicy.effective_from <= on)
        .order_by(ClawbackPolicy.effective_from.desc())
        .limit(1)
    )
    row = (await session.execute(question)).one_or_none()
    return None if row is None else Policy(**row._mapping)
