"""Where deliveries, their rows and what is found about them may move."""

from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.vocabulary.feeds import DeliveryStatus, FindingStatus, ProposalStatus, QuarantineStatus
from services.shared.vocabulary.money import EventStatus

DELIVERY = Lifecycle(
    "delivery",
    DeliveryStatus.STORED,
    {
        DeliveryStatus.STORED: {"begin": DeliveryStatus.POSTING},
        DeliveryStatus.POSTING: {"finish": DeliveryStatus.POSTED},
    },
)

HOLD = Lifecycle(
    "card hold",
    EventStatus.AUTHORISED,
    {
        EventStatus.AUTHORISED: {
            "post": EventStatus.POSTED,
            "reverse": EventStatus.REVERSED,
            "expire": EventStatus.EXPIRED,
            "decline": EventStatus.DECLINED,
        }
    },
)

QUARANTINE = Lifecycle(
    "quarantined row", QuarantineStatus.WAITING, {QuarantineStatus.WAITING: {"release": QuarantineStatus.RELEASED}}
)

RESOLUTION = Lifecycle(
    "proposed resolution",
    ProposalStatus.PROPOSED,
    {ProposalStatus.PROPOSED: {"confirm": ProposalStatus.CONFIRMED, "reject": ProposalStatus.REJECTED}},
)

FINDING = Lifecycle("finding", FindingStatus.OPEN, {FindingStatus.OPEN: {"close": FindingStatus.CLOSED}})
