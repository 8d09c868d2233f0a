"""The surplus rule: more money in the accounts of an agreement than four weeks of its gross payment."""

from typing import Final

from services.clawback.grounds.ground import Ground
from services.clawback.grounds.position import Position
from services.shared import money
from services.shared.law import sources
from services.shared.law.findings import Finding
from services.shared.vocabulary.clawback import CaseGround


def excess_pence(position: Position, threshold_weeks: int) -> int:
    """Return by how many pence the counted balance is over the threshold; nil or less where it is not.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    return position.counted_pence - threshold_weeks * position.weekly_gross_pence


def surplus(position: Position, threshold_weeks: int) -> Finding | None:
    """Find a balance greater than the threshold, which is weeks of the gross payment; at the threshold there is none.

    The gross is the one in force on the day, before the client's contribution is taken off. A flag is not a debt: the
    excess is recouped only once the council is assured that the person has appropriate support.

    Council policy: Direct Payments Development Plan 2018-2023, s.8.
    """
    excess = excess_pence(position, threshold_weeks)
    if excess <= 0:
        return None
    detail = f"the balance is {money.pounds(excess)} over {threshold_weeks} weeks of the gross payment"
    return Finding("surplus", detail, sources.PLAN_S8)


SURPLUS: Final = Ground(code=CaseGround.SURPLUS, condition="counted_pence > threshold_pence", find=surplus)
"""It needs the balances of all accounts of an agreement, the gross of the day, and the weeks of the policy."""
