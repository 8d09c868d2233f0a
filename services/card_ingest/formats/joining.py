"""Values of a file that make one text of ours: what none of them says, the text does not say either."""

from collections.abc import Iterable

from services.card_ingest import scanning


def joined(parts: Iterable[str], *, between: str = " ") -> str:
    """Return the parts that are not empty as one text, with a comma between where they would make a card number."""
    texts = [part for part in parts if part]
    text = between.join(texts)
    return ", ".join(texts) if len(texts) > 1 and scanning.redact(text.encode()).is_redacted else text
