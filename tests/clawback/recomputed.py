"""A case worked out again from raw rows in plain Python, apart from the code: every figure and every word of it.

Nothing of the service is used here, no statement and no rule: transactions, holds, releases, budgets and policy are
read as rows, and each run is followed by hand, day by day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.shared import driver

LONDON = ZoneInfo("Europe/London")
CYCLE = 28
FLAG = (
    "This is a flag, not a debt: first somebody asks whether the person has the support that the money is for, and"
    " nothing is taken back unless the council then decides so and says so beforehand."
)
AFTER_DEATH = (
    "The person has died, and the direct payment ended with them. This is a flag, not a debt: the money that is left is"
    " not part of the estate; it first meets what was committed to, such as wages, notice and invoices for the support,"
    " and a person decides what happens to the rest."
)


@dataclass(frozen=True)
class Rows:
    """The raw rows of one agreement at one moment."""

    agreement: asyncpg.Record
    accounts: Sequence[asyncpg.Record]
    transactions: Sequence[asyncpg.Record]
    holds: Sequence[asyncpg.Record]
    releases: Sequence[asyncpg.Record]
    budgets: Sequence[asyncpg.Record]
    policies: Sequence[asyncpg.Record]


@dataclass
class Known:
    """What the runs so far make of an agreement's case."""

    opened_on: date
    opened_by: UUID
    last_flagged_on: date
    is_still_over: bool
    not_over_on: date | None
    version: int
    history: list[dict[str, Any]] = field(default_factory=list)


async def rows_of(planted: driver.Connection, agreement_id: UUID) -> Rows:
    """Read the agreement's raw rows."""
    of_accounts = "WHERE account_id IN (SELECT id FROM account WHERE agreement_id = $1)"
    agreement = await planted.fetchrow(
        """SELECT agreement.*, recipient.died_on, recipient.team_code FROM agreement
           JOIN recipient ON recipient.id = agreement.recipient_id WHERE agreement.id = $1""",
        agreement_id,
    )
    assert agreement is not None
    return Rows(
        agreement,
        await planted.fetch("SELECT * FROM account WHERE agreement_id = $1 ORDER BY opened_on, id", agreement_id),
        await planted.fetch(f"SELECT * FROM card_transaction {of_accounts}", agreement_id),
        await planted.fetch(f"SELECT * FROM card_hold {of_accounts}", agreement_id),
        await planted.fetch(f"SELECT * FROM card_release {of_accounts}", agreement_id),
        await planted.fetch("SELECT * FROM budget WHERE agreement_id = $1", agreement_id),
        await planted.fetch("SELECT * FROM clawback_policy"),
    )


def day_of(moment: datetime) -> date:
    """Return the Europe/London day of a moment."""
    return moment.astimezone(LONDON).date()


def set_aside(rows: Rows, day: date, *, account_id: UUID | None = None) -> int:
    """Return what stands authorised at the end of a day, in pence."""
    return sum(
        _of_hold(rows, hold, day) for hold in rows.holds if account_id is None or hold["account_id"] == account_id
    )


def _of_hold(rows: Rows, hold: asyncpg.Record, day: date) -> int:
    own = (hold["provider_code"], hold["provider_transaction_id"], hold["account_id"])
    placed = day_of(hold["authorised_at"])
    booked = [
        row["booked_on"]
        for row in rows.transactions
        if (row["provider_code"], row["authorisation_id"] or row["provider_transaction_id"], row["account_id"]) == own
    ]
    ended = None if hold["settled_at"] is None else day_of(hold["settled_at"])
    if hold["status"] == "posted":
        ended = min(booked) if booked else ended
    else:
        ended = min([*booked, *([] if ended is None else [ended])], default=None)
    if day < placed or (ended is not None and day >= ended):
        return 0
    released = sum(
        row["amount_pence"]
        for row in rows.releases
        if (row["provider_code"], row["hold_id"], row["account_id"], row["status"]) == (*own, "reversed")
        and day_of(row["released_at"]) <= day
    )
    return int(hold["amount_pence"] - min(released, hold["amount_pence"]))


def open_now(rows: Rows, *, account_id: UUID | None = None) -> int:
    """Return what stands authorised at this moment, in pence: what a balance is lessened by today."""
    return sum(
        hold["amount_pence"] - hold["released_pence"]
        for hold in rows.holds
        if hold["status"] == "authorised" and (account_id is None or hold["account_id"] == account_id)
    )


def booked(rows: Rows, day: date) -> list[asyncpg.Record]:
    """Return what was booked up to a day."""
    return [row for row in rows.transactions if row["booked_on"] <= day]


def budget_on(rows: Rows, day: date) -> asyncpg.Record | None:
    """Return the budget in force on a day, the later decision of one day first."""
    in_force = [row for row in rows.budgets if row["effective_from"] <= day]
    return max(in_force, key=lambda row: (row["effective_from"], row["revision"]), default=None)


def policy_on(rows: Rows, day: date) -> asyncpg.Record:
    """Return the policy in force on a day."""
    return max((row for row in rows.policies if row["effective_from"] <= day), key=lambda row: row["effective_from"])


def is_tested(rows: Rows, day: date) -> bool:
    """Tell whether a run of a day tests the agreement."""
    agreement = rows.agreement
    runs = agreement["status"] != "draft" and agreement["payment_schedule"] != "one_off"
    has_begun = agreement["started_on"] is not None and agreement["started_on"] <= day
    has_ended = agreement["ended_on"] is not None and agreement["ended_on"] <= day
    return runs and has_begun and not has_ended and bool(rows.accounts) and budget_on(rows, day) is not None


def calculation(rows: Rows, day: date, *, is_today: bool) -> dict[str, Any]:
    """Return every figure of the calculation of a day, as a case shows it, without ids of its own."""
    budget, policy = budget_on(rows, day), policy_on(rows, day)
    assert budget is not None
    moved = booked(rows, day)
    posted = sum(row["amount_pence"] for row in moved)
    held = open_now(rows) if is_today else set_aside(rows, day)
    threshold = policy["threshold_weeks"] * budget["weekly_gross_pence"]
    points = [(posted - held, day)]
    for back in range(1, CYCLE):
        end = day - timedelta(days=back)
        points.append((sum(row["amount_pence"] for row in booked(rows, end)) - set_aside(rows, end), end))
    low, low_on = min(points, key=lambda point: (point[0], -point[1].toordinal()))
    loads = [row for row in moved if row["type"] == "load"]
    loaded_on = max((row["booked_on"] for row in loads), default=None)
    loaded = [row["amount_pence"] for row in loads if row["booked_on"] == loaded_on]
    gross = budget["weekly_gross_pence"]
    return {
        "as_of": day,
        "policy": {name: policy[name] for name in ("version", "effective_from", "threshold_weeks", "source")},
        "budget": {
            name: budget[name]
            for name in (
                "id", "effective_from", "revision", "weekly_gross_pence", "weekly_contribution_pence",
                "weekly_net_pence",
            )
        },
        "accounts": [_line(rows, account, day, is_today=is_today) for account in rows.accounts],
        "posted_pence": posted,
        "held_pence": held,
        "counted_pence": posted - held,
        "threshold_pence": threshold,
        "excess_pence": posted - held - threshold,
        "weeks_of_cover_hundredths": None if gross == 0 else (posted - held) * 100 // gross,
        "low_point_pence": low,
        "low_point_on": low_on,
        "low_point_excess_pence": low - threshold,
        "last_load_on": loaded_on,
        "last_load_pence": sum(loaded) if loaded else None,
        "days_since_load": None if loaded_on is None else (day - loaded_on).days,
        "reading": "surplus_all_cycle" if low > threshold else "over_only_since_load",
    }  # fmt: skip


def _line(rows: Rows, account: asyncpg.Record, day: date, *, is_today: bool) -> dict[str, Any]:
    own = [row for row in booked(rows, day) if row["account_id"] == account["id"]]
    held = open_now(rows, account_id=account["id"]) if is_today else set_aside(rows, day, account_id=account["id"])
    return {
        "account_id": account["id"],
        "kind": account["kind"],
        "provider_code": account["provider_code"],
        "last_four": account["last_four"],
        "posted_pence": sum(row["amount_pence"] for row in own),
        "held_pence": held,
        "transactions": len(own),
        "last_booked_on": max((row["booked_on"] for row in own), default=None),
        "feed_as_of": None,
    }


def follow(
    known: Known | None, rows: Rows, *, run_id: UUID, as_of: date, made_on: date, earlier_runs: Sequence[date]
) -> Known | None:
    """Return what a run of `as_of`, made on a day after runs of other days, makes of the agreement's case."""
    if not is_tested(rows, as_of):
        return known
    figures = calculation(rows, as_of, is_today=as_of == made_on)
    if figures["excess_pence"] <= 0:
        if known is not None and as_of >= known.last_flagged_on:
            known.is_still_over = False
            known.not_over_on = max(as_of, known.not_over_on or as_of)
        return known
    if known is None:
        ended_on = rows.agreement["ended_on"]
        later = [day for day in earlier_runs if day > as_of and (ended_on is None or day < ended_on)]
        not_over_on = max(later, default=None)
        return Known(as_of, run_id, as_of, not later, not_over_on, 1, [figures | {"run_id": run_id}])
    if as_of < known.last_flagged_on:
        return known
    stands = known.history[0]
    has_moved = any(stands[name] != figures[name] for name in ("posted_pence", "held_pence", "budget", "policy"))
    has_moved = has_moved or count(stands) != count(figures)
    if as_of == known.last_flagged_on and not has_moved and known.is_still_over:
        return known
    known.last_flagged_on = as_of
    if known.not_over_on is None or as_of >= known.not_over_on:
        known.is_still_over, known.not_over_on = True, None
    if has_moved or stands["low_point_pence"] != figures["low_point_pence"]:
        known.history.insert(0, figures | {"run_id": run_id})
        known.version += 1
    return known


def count(figures: dict[str, Any]) -> int:
    """Return how many transactions the figures stand on."""
    return sum(line["transactions"] for line in figures["accounts"])


def words(figures: dict[str, Any], *, has_died: bool) -> str:
    """Return the sentences that the figures are told in."""
    held = f"On {long(figures['as_of'])} the accounts held {pounds(figures['posted_pence'])}"
    if figures["held_pence"]:
        held += (
            f", of which {pounds(figures['held_pence'])} is set aside for card payments that have not cleared:"
            f" {pounds(figures['counted_pence'])} counts"
        )
    weeks = figures["policy"]["threshold_weeks"]
    told = "1 week" if weeks == 1 else f"{weeks} weeks"
    over = (
        f"{told} of {pounds(figures['budget']['weekly_gross_pence'])} gross a week is"
        f" {pounds(figures['threshold_pence'])}, so the balance is {pounds(figures['excess_pence'])} over."
    )
    cycle = (
        f"At its lowest in the 28 days to that day, on {long(figures['low_point_on'])}, it stood at"
        f" {pounds(figures['low_point_pence'])}, which is "
    )
    if figures["low_point_pence"] > figures["threshold_pence"]:
        cycle += "also over: more was held than the policy allows on every day of the payment cycle."
    elif figures["last_load_on"] is None:
        cycle += "not over."
    else:
        load = f"{pounds(figures['last_load_pence'])} on {long(figures['last_load_on'])}"
        cycle += f"not over; the last load was {load}."
    return f"{held}. {over} {cycle} {AFTER_DEATH if has_died else FLAG}"


def pounds(pence: int) -> str:
    """Return an amount as people write it."""
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def long(day: date) -> str:
    """Return a day as people write it."""
    return f"{day.day} {day.strftime('%B %Y')}"
