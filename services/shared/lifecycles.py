"""Every status and its legal moves, on one page; the README's diagrams are generated from these tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from services.shared.errors import Conflict
from services.shared.feed_vocabulary import AlertStatus, FindingStatus, ProposalStatus
from services.shared.vocabulary import (
    AccountStatus,
    AgreementStatus,
    CaseStatus,
    DeliveryStatus,
    EventStatus,
    QuarantineStatus,
)

Status = TypeVar("Status", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[Status]):
    """One table of legal moves: `moves` maps a status to the verb that leads to each next status."""

    name: str
    initial: Status
    moves: Mapping[Status, Mapping[str, Status]]

    def move(self, status: Status, verb: str) -> Status:
        """Return the status that `verb` leads to, or raise `Conflict` naming the verb and the standing status."""
        target = self.moves.get(status, {}).get(verb)
        if target is None:
            raise Conflict(f"{self.name} is {status.value}: {verb} is not possible", code="illegal_move")
        return target

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Every status of the lifecycle, in the order of its enumeration."""
        return tuple(type(self.initial))


AGREEMENT = Lifecycle(
    "agreement",
    AgreementStatus.DRAFT,
    {
        AgreementStatus.DRAFT: {"activate": AgreementStatus.ACTIVE, "end": AgreementStatus.ENDED},
        AgreementStatus.ACTIVE: {"suspend": AgreementStatus.SUSPENDED, "end": AgreementStatus.ENDED},
        AgreementStatus.SUSPENDED: {"resume": AgreementStatus.ACTIVE, "end": AgreementStatus.ENDED},
    },
)

ACCOUNT = Lifecycle("account", AccountStatus.OPEN, {AccountStatus.OPEN: {"close": AccountStatus.CLOSED}})

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

ALERT = Lifecycle("alert", AlertStatus.OPEN, {AlertStatus.OPEN: {"close": AlertStatus.CLOSED}})

CASE = Lifecycle(
    "clawback case",
    CaseStatus.AWAITING_SUPPORT_CHECK,
    {CaseStatus.AWAITING_SUPPORT_CHECK: {"withdraw": CaseStatus.WITHDRAWN}},
)

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
