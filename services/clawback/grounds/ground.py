"""What a ground is: its word, the condition by which SQL finds it, and the pure rule that must find the same."""

from collections.abc import Callable
from dataclasses import dataclass

from services.clawback.grounds.position import Position
from services.shared.law.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Why a case is opened. A run asks every ground of its tuple, and each has cases of its own.

    `code` is the ground's word (`vocabulary.clawback.CaseGround`). `condition` is what finds it among all agreements at
    once: SQL over the columns of `runs.positions.POSITION` (pence: `weekly_gross_pence`, `threshold_pence`,
    `posted_pence`, `held_pence`, `counted_pence`). `find` is the pure rule, handed the threshold of the day's policy in
    weeks; it judges every case that the condition makes, and a run in which the two contradict each other keeps
    nothing.
    """

    code: str
    condition: str
    find: Callable[[Position, int], Finding | None]
