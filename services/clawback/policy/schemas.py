"""The policy as plain values."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The surplus policy of a day: a version of the council's dated data, with the document it comes from."""

    version: int
    effective_from: date
    threshold_weeks: int
    source: str
