"""One id of several fields of a row."""

from collections.abc import Sequence

from services.card_ingest.events import LONGEST_REFERENCE, UnusableEvent
from services.card_ingest.reasons import Reason


def joined_id(parts: Sequence[str]) -> str:
    """Return the id that several fields make together, which no other fields make; one is an id as it is.

    Raises UnusableEvent where it is longer than an id may be.
    """
    found = parts[0] if len(parts) == 1 else ":".join(_escaped(part) for part in parts)
    if len(found) > LONGEST_REFERENCE:
        raise UnusableEvent(Reason.WRONG_LENGTH, "the transaction id")
    return found


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace(":", "\\:")
