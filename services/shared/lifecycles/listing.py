"""Every lifecycle there is, in the order of the README."""

from enum import StrEnum

from services.shared.lifecycles.agreements import ACCOUNT, AGREEMENT
from services.shared.lifecycles.alerts import ALERT
from services.shared.lifecycles.clawback import CASE
from services.shared.lifecycles.feeds import DELIVERY, FINDING, HOLD, QUARANTINE, RESOLUTION
from services.shared.lifecycles.lifecycle import Lifecycle

LIFECYCLES: tuple[Lifecycle[StrEnum], ...] = (  # type: ignore[assignment]
    AGREEMENT,
    ACCOUNT,
    DELIVERY,
    HOLD,
    QUARANTINE,
    RESOLUTION,
    FINDING,
    ALERT,
    CASE,
)
