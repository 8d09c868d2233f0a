"""What a rule says when it has something to say: a stable code, a sentence, and the source it stands on."""

from dataclasses import dataclass

from services.shared.law.sources import Source


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's answer; `detail` names figures and dates, never a person."""

    code: str
    detail: str
    source: Source
