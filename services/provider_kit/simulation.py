"""A run from beginning to end: accounts are opened, the provider sends or is asked, and the books are compared."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

from services.provider_kit import judging, plan, pushing, serving
from services.provider_kit.council import Council
from services.provider_kit.judging import Check
from services.provider_kit.plan import Plan
from services.provider_kit.stories import Account, Event
from services.shared.errors import Invalid

PROVIDER: Final = "feed-simulator"
MOST_DELIVERIES: Final = 100_000
MOST_SECONDS: Final = 3_600
MOST_ACCOUNTS: Final = 500
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_OPENED_DAYS: Final = 30
_ASKED_EVERY: Final = 10
_EVENTS_OF_A_DELIVERY: Final = 4

Report: TypeAlias = Callable[[str, int, int], None]


class RunTooLarge(Invalid):
    """The run is out of its bounds."""

    code = "run_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How large a run is: deliveries a second, for so long, on so many accounts; the seed makes the same run again."""

    rate: float
    seconds: int
    accounts: int
    seed: int

    @property
    def deliveries(self) -> int:
        """How many deliveries are sent, repetitions included."""
        return round(self.rate * self.seconds)

    def checked(self) -> "Wanted":
        """Return the same, or raise RunTooLarge."""
        is_possible = self.rate > 0 and 1 <= self.seconds <= MOST_SECONDS and 1 <= self.accounts <= MOST_ACCOUNTS
        if not is_possible or not self.accounts <= self.deliveries <= MOST_DELIVERIES:
            bounds = (
                f"{MOST_SECONDS} s, {MOST_ACCOUNTS} accounts, {MOST_DELIVERIES} deliveries and one for each account"
            )
            raise RunTooLarge(f"a run has at most {bounds} at least")
        return self


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went: its figures, and each thing that must be true."""

    figures: Mapping[str, Any]
    checks: Sequence[Check]

    @property
    def is_right(self) -> bool:
        """Tell whether everything is as it must be."""
        return all(check.is_right for check in self.checks)


async def push(council: Council, wanted: Wanted, *, now: datetime, report: Report) -> Outcome:
    """Run a provider that pushes. Raises what the council refuses."""
    key_id, secret = await _registered(council)
    made, ids = await _planned(council, wanted, now=now, report=report)
    sender, sent, total = pushing.Sender(council, secret, wanted.rate), pushing.Sent(), len(made.parcels)
    done = _counter(report, "deliveries", total)
    began = time.monotonic()
    register = {made.register_at: _registering(council, made, ids, now=now)}
    for parcels, before in ((made.first, {}), (made.middle, register), (made.last, {})):
        await sender.send(parcels, sent, done=done, before=before)
    seconds = time.monotonic() - began
    known = {receipt["delivery_id"] for found in sent.receipts.values() for receipt in found}
    checks = [
        judging.Check("deliveries answered with a receipt", total, sent.answered),
        judging.Check("repetitions with another receipt", 0, sent.different),
        *await judging.settled(
            council,
            plan.books(made),
            is_ours=lambda receipt: receipt["delivery_id"] in known,
            is_older=lambda receipt: _received(receipt) < now,
        ),
    ]
    await council.retire_key(key_id)
    return Outcome(_figures(sent, seconds=seconds), checks)


async def serve(council: Council, wanted: Wanted, *, port: int, now: datetime, report: Report) -> Outcome:
    """Run a provider that is asked: serve its interface, have the council ask it, and stop being asked at the end."""
    await council.register_provider("Feed simulator (invented)")
    whole, ids = await _planned(council, wanted, now=now, report=report)
    made = plan.without_broken_lines(whole)
    events: list[Event] = [row for row in made.rows if not isinstance(row, bytes)]
    rate = wanted.rate * _EVENTS_OF_A_DELIVERY
    interface = serving.Interface(events, secrets.token_urlsafe(32), rate, Random(wanted.seed))  # noqa: S311
    began = time.monotonic()
    async with serving.served(interface, port=port) as address:
        poll = {"url": address, "profile": "canonical_json", "every_seconds": _ASKED_EVERY, "token": interface.token}
        await council.set_poll({**poll, "is_active": True})
        try:
            await _asked(interface, report, register=_registering(council, made, ids, now=now), longest=wanted.seconds)
            seconds = time.monotonic() - began
            checks = await judging.settled(
                council,
                plan.books(made),
                is_ours=lambda receipt: receipt["door"] == "polling",
                is_older=lambda receipt: _received(receipt) < now,
            )
        finally:
            await council.set_poll({**poll, "is_active": False})
    figures = {"events": len(events), "pages": interface.pages, "too_busy": interface.too_busy}
    return Outcome({**figures, "seconds": round(seconds, 1)}, checks)


async def _registered(council: Council) -> tuple[str, str]:
    await council.register_provider("Feed simulator (invented)")
    return await council.add_key()


async def _planned(council: Council, wanted: Wanted, *, now: datetime, report: Report) -> tuple[Plan, dict[str, str]]:
    """Open an account for each of some active agreements, and plan what happens on them; return the accounts' ids."""
    run = _name(now)
    opened_on = (now - timedelta(days=_OPENED_DAYS)).date()
    accounts: list[Account] = []
    ids: dict[str, str] = {}
    for place, agreement in enumerate(await council.active_agreements(wanted.accounts)):
        account = Account(
            ref=f"SIM-{run}-{place:04d}",
            card_ref=f"SIM-{run}-C{place:04d}",
            next_card_ref=f"SIM-{run}-N{place:04d}",
            cash_permitted=agreement["cash_permitted"],
        )
        ids[account.ref] = await council.open_account(
            agreement["id"], reference=account.ref, card_ref=account.card_ref, opened_on=opened_on
        )
        accounts.append(account)
        report("accounts", len(accounts), wanted.accounts)
    return plan.make(accounts, run=run, deliveries=wanted.deliveries, seed=wanted.seed, now=now), ids


def _registering(
    council: Council, made: Plan, ids: Mapping[str, str], *, now: datetime
) -> Callable[[], Awaitable[None]]:
    """Return the act that registers the cards which have taken the place of others."""
    used = {row.get("card_ref") for row in made.rows if not isinstance(row, bytes)}

    async def register() -> None:
        for account in made.accounts:
            if account.next_card_ref in used:
                await council.add_card(ids[account.ref], card_ref=account.next_card_ref, opened_on=now.date())

    return register


async def _asked(
    interface: serving.Interface, report: Report, *, register: Callable[[], Awaitable[None]], longest: int
) -> None:
    """Wait until everything has been asked for, or long enough, and have the new cards registered on the way."""
    deadline = time.monotonic() + longest + judging.SETTLES_WITHIN
    is_registered = False
    while interface.reached < len(interface.events) and time.monotonic() < deadline:
        if not is_registered and interface.reached > 0.6 * len(interface.events):
            await register()
            is_registered = True
        report("events", interface.reached, len(interface.events))
        await asyncio.sleep(0.5)
    if not is_registered:
        await register()
    report("events", interface.reached, len(interface.events))


def _figures(sent: pushing.Sent, *, seconds: float) -> dict[str, Any]:
    times = sorted(sent.seconds) or [0.0]
    return {
        "deliveries": sent.answered,
        "seconds": round(seconds, 1),
        "deliveries_a_second": round(sent.answered / seconds, 2),
        "attempts": sent.attempts,
        "refused": len(sent.refused),
        "answer_ms": {
            "median": round(1000 * times[len(times) // 2], 1),
            "p99": round(1000 * times[min(len(times) - 1, len(times) * 99 // 100)], 1),
            "longest": round(1000 * times[-1], 1),
        },
    }


def _counter(report: Report, step: str, total: int) -> Callable[[], None]:
    count = 0

    def done() -> None:
        nonlocal count
        count += 1
        report(step, count, total)

    return done


def _received(receipt: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(receipt["received_at"])


def _name(now: datetime) -> str:
    """Return a name that no other run has: the moment, in letters, so that no reference looks like a card number."""
    left, name = int(now.astimezone(UTC).timestamp() * 1000), ""
    while left:
        left, place = divmod(left, len(_LETTERS))
        name = _LETTERS[place] + name
    return name
