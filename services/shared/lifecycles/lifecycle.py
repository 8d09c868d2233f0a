"""What a lifecycle is: a table of legal moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from services.shared.errors import Conflict

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
