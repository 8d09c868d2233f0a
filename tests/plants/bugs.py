"""The planted bugs, one after the other: what each does wrong in a sentence, and the tests that must catch it.

Each is a bug that somebody could write. Where it opens a window that a kill must hit, the window is wide, so that few
kills are enough.
"""

from typing import Final

from tests.plants.gathered import GATHERED
from tests.plants.plant import Plant
from tests.plants.polled_and_named import DROPPED, NAMED, POLLED
from tests.plants.receipted import POSTING, RECEIPTS
from tests.plants.recorded import ALERTS, RUNS, SEALING

PLANTS: Final[tuple[Plant, ...]] = (
    *GATHERED,
    *POLLED,
    *DROPPED,
    *NAMED,
    *RUNS,
    *SEALING,
    *ALERTS,
    *RECEIPTS,
    *POSTING,
)


def named(name: str) -> Plant:
    """Return the plant of this name."""
    return next(plant for plant in PLANTS if plant.name == name)
