"""One agreement on one day, as plain values. Money is in pence."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One agreement at the end of one day: what it is worth a week, and what all its accounts together hold."""

    weekly_gross_pence: int
    posted_pence: int
    held_pence: int

    @property
    def counted_pence(self) -> int:
        """The balance that is judged: posted money less card payments that were authorised and have not cleared."""
        return self.posted_pence - self.held_pence
