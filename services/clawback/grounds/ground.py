"""What a ground is: its word, and the pure rule that finds it."""

from collections.abc import Callable
from dataclasses import dataclass

from services.clawback.grounds.position import Position
from services.shared.law.findings import Finding
from services.shared.vocabulary.clawback import CaseGround


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A ground, and the pure rule that finds it; the rule is handed the threshold of the day's policy in weeks."""

    ground: CaseGround
    find: Callable[[Position, int], Finding | None]
