"""Who goes together, and who after whom: pushes that name the same event are taken in one by one, as they came."""

from collections.abc import Mapping, Sequence
from enum import Enum
from uuid import UUID

from services.card_ingest.convoys import Later
from services.card_ingest.gathering.small_pushes import Known, Name, Odd, Push, Small
from services.card_ingest.schemas import Receipt

Answer = Receipt | tuple[Push, ...]
"""The receipt of a push, or those that must be over before it goes alone."""


class Way(Enum):
    """How a push goes on: with the others, alone, as the copy of an earlier one, or with the next convoy."""

    TOGETHER = "together"
    ALONE = "alone"
    COPY = "copy"
    LATER = "later"


class Turns:
    """The pushes of one provider that go alone just now, by what they name; whoever names the same goes after them."""

    def __init__(self) -> None:
        self._last: dict[Name, Push] = {}

    def ways(self, found: Sequence[Small | Odd]) -> list[Way]:
        """Return how each goes on, in the order in which they came; the first never later.

        No two that go together name the same. A copy of an earlier one changes nothing and keeps nobody waiting.
        """
        self._last = {name: push for name, push in self._last.items() if not push.over.is_set()}
        named: dict[Way, set[Name]] = {way: set() for way in Way}
        come: set[tuple[bytes, str]] = set()
        ways: list[Way] = []
        for each in found:
            content = (each.came.sha256, each.push.delivery.profile)
            if each.names & named[Way.LATER]:
                way = Way.LATER
            elif content in come:
                way = Way.COPY
            elif isinstance(each, Odd) or each.names & named[Way.ALONE] or self.before(each.names):
                way = Way.ALONE
            else:
                way = Way.LATER if each.names & named[Way.TOGETHER] else Way.TOGETHER
            come.add(content)
            named[way] |= each.names
            ways.append(way)
        return ways

    def answers(
        self, found: Sequence[Small | Odd], ways: Sequence[Way], receipts: Mapping[UUID, Receipt | None]
    ) -> list[Answer | Later[Known]]:
        """Return the answers; `receipts` are of those that went together, None where it had come before.

        Who went with the others and is not there has left them, and goes alone.
        """
        return [self._answer(each, way, receipts) for each, way in zip(found, ways, strict=True)]

    def before(self, names: frozenset[Name]) -> tuple[Push, ...]:
        """Return those that go alone just now and name the same."""
        found = {self._last[name] for name in names if name in self._last}
        return tuple(push for push in found if not push.over.is_set())

    def _answer(self, each: Small | Odd, way: Way, receipts: Mapping[UUID, Receipt | None]) -> Answer | Later[Known]:
        if way is Way.LATER:
            return Later(each)
        before = self.before(each.names)
        if way is Way.COPY:
            return before
        if way is Way.TOGETHER and isinstance(each, Small) and each.id in receipts:
            receipt = receipts[each.id]
            return before if receipt is None else receipt
        if not each.push.over.is_set():  # Who has given up already goes nowhere, and hides nobody who goes before.
            each.push.behind.extend(before)
            self._last.update(dict.fromkeys(each.names, each.push))
        return before
