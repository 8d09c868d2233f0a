"""Which version of the council's surplus policy holds on a day."""

from datetime import date

from services.clawback import run_queries
from services.clawback.values import Policy
from services.shared.database import AnySession
from services.shared.errors import Invalid


class NoPolicyInForce(Invalid):
    """The day lies before the first version of the policy, so that nothing can be judged by it."""

    code = "no_policy_in_force"


async def in_force(session: AnySession, *, on: date) -> Policy:
    """Return the version in force on a day: the last that took effect on it or before. Raises NoPolicyInForce."""
    found = await run_queries.policy_on(session, on=on)
    if found is None:
        raise NoPolicyInForce(f"no surplus policy was in force on {on}", pointer="/as_of")
    return found
