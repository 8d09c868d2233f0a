"""The end of a run: what the running services say beside what the simulated provider's own record says must be so."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.provider_kit.council import Council
from services.provider_kit.plan import Books
from services.shared.vocabulary.alerts import AlertKind

SETTLES_WITHIN: Final = 120.0
BETWEEN_LOOKS: Final = 3.0
RAISED_WITHIN_SECONDS: Final = (
    AlertKind.CASH_WITHOUT_PERMISSION,
    AlertKind.QUERIED_MERCHANT,
    AlertKind.REPEATED_DECLINES,
    AlertKind.BOUNCED_DIRECT_DEBIT,
    AlertKind.DUPLICATE_CHARGE,
    AlertKind.DISPUTED_TRANSACTION,
)
"""The kinds that are raised as rows come in; the others are asked once a day."""

Receipt = Mapping[str, Any]
IsOurs = Callable[[Receipt], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be true, and what was found."""

    what: str
    expected: int
    found: int

    @property
    def is_right(self) -> bool:
        """Tell whether it is."""
        return self.expected == self.found


async def settled(
    council: Council, books: Books, *, is_ours: IsOurs, is_older: IsOurs, seconds: float = SETTLES_WITHIN
) -> list[Check]:
    """Look until everything is as it must be, or the time is over; jobs post what waited and raise alerts meanwhile.

    `is_ours` knows the receipts of this run, `is_older` those after which none of it comes.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = await _counted(council, books, is_ours=is_ours, is_older=is_older)
        if all(check.is_right for check in found) or time.monotonic() > deadline:
            found += await _told(council, books)
        if all(check.is_right for check in found) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(BETWEEN_LOOKS)


async def _counted(council: Council, books: Books, *, is_ours: IsOurs, is_older: IsOurs) -> list[Check]:
    """Compare the receipts, the queue and the balances."""
    receipts = await _receipts(council.receipts(), is_ours=is_ours, is_older=is_older)
    accounts = await council.accounts()
    ids = {receipt["delivery_id"] for receipt in receipts}
    queue = Counter(row["code"] for row in await council.quarantine() if row["delivery_id"] in ids)
    waiting: Counter[str] = Counter()
    for receipt in receipts:
        waiting.update({each["code"]: each["rows"] for each in receipt["waiting"]})
    codes = sorted({*waiting, *queue, *(reason.value for reason in books.waiting)})
    expected = {reason.value: count for reason, count in books.waiting.items()}
    holding = _total(receipts, "held") + _total(receipts, "no_money")
    return [
        Check("rows received", books.rows, sum(receipt["rows"] for receipt in receipts)),
        Check("rows posted", books.posted_rows, _total(receipts, "posted")),
        Check("pence posted", books.posted_pence, _total(receipts, "posted", unit="pence")),
        Check("rows known already", books.already_posted_rows, _total(receipts, "already_posted")),
        Check("rows held or without money", books.holding_rows, holding),
        *(Check(f"rows waiting by receipt: {code}", expected.get(code, 0), waiting[code]) for code in codes),
        *(Check(f"rows in the queue: {code}", expected.get(code, 0), queue[code]) for code in codes),
        _balances(books, accounts, "posted_pence", {ref: sum(each.values()) for ref, each in books.posted.items()}),
        _balances(books, accounts, "held_pence", books.held_pence),
    ]


async def _told(council: Council, books: Books) -> list[Check]:
    """Compare each account's transactions, one by one, and the alerts."""
    accounts = await council.accounts()
    alike = 0
    raised: Counter[tuple[str, str]] = Counter()
    for ref, posted in books.posted.items():
        if ref in accounts:
            alike += await council.transactions(accounts[ref]["id"]) == posted
            raised.update((ref, kind) for kind in await council.alerts(accounts[ref]["id"]))
    checks = [Check("accounts with exactly the transactions sent", len(books.posted), alike)]
    for kind in RAISED_WITHIN_SECONDS:
        expected = sum(count for (_, each), count in books.alerts.items() if each is kind)
        found = sum(min(raised[ref, kind], books.alerts.get((ref, kind), 0)) for ref in books.posted)
        checks.append(Check(f"alerts: {kind.value}", expected, found))
        needless = sum(max(0, raised[ref, kind] - books.alerts.get((ref, kind), 0)) for ref in books.posted)
        checks.append(Check(f"alerts too many: {kind.value}", 0, needless))
    return checks


async def _receipts(found: AsyncIterator[Receipt], *, is_ours: IsOurs, is_older: IsOurs) -> list[Receipt]:
    ours: list[Receipt] = []
    async for receipt in found:
        if is_older(receipt):
            break
        if is_ours(receipt):
            ours.append(receipt)
    return ours


def _balances(books: Books, accounts: Mapping[str, Any], name: str, expected: Mapping[str, int]) -> Check:
    right = [ref for ref, pence in expected.items() if ref in accounts and accounts[ref]["balance"][name] == pence]
    return Check(f"accounts right to the penny: {name.replace('_', ' ')}", len(books.posted), len(right))


def _total(receipts: Sequence[Receipt], outcome: str, *, unit: str = "rows") -> int:
    return sum(receipt[outcome][unit] for receipt in receipts)
