"""Where clawback cases may move."""

from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.vocabulary.clawback import CaseStatus

CASE = Lifecycle(
    "clawback case",
    CaseStatus.AWAITING_SUPPORT_CHECK,
    {CaseStatus.AWAITING_SUPPORT_CHECK: {"withdraw": CaseStatus.WITHDRAWN}},
)
