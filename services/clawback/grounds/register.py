"""Every ground on which a run opens cases, in the order in which they are judged."""

from typing import Final

from services.clawback.grounds import surplus
from services.clawback.grounds.ground import Ground

GROUNDS: Final[tuple[Ground, ...]] = (surplus.SURPLUS,)
"""A ground that stands here is found, judged, opened and moved on by every run; nothing else has to name it."""
