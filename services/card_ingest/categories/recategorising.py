"""Another category for what has posted: rows that are only ever added; the spend summary moves by minus and plus."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from services.card_ingest.categories import following, merchants, returns, schemas
from services.shared import audit, database, driver, sight
from services.shared.audit import Subject
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Invalid

MOST_MATCHING: Final = 10_000
"""Transactions that one act may change by matching."""

_LOCK: Final = f"SELECT pg_advisory_xact_lock({returns.LOCK})"
_FOUND: Final = """
SELECT posted.id, posted.amount_pence, posted.accounting_month, posted.care_group, posted.provider_code,
    coalesce(changed.category, posted.category) AS category, agreement.recipient_id,
    NULL::bigint AS follows_id, NULL::text AS follows
FROM {transactions}
JOIN account ON account.id = posted.account_id
LEFT JOIN agreement ON agreement.id = account.agreement_id
LEFT JOIN recipient ON recipient.id = agreement.recipient_id
LEFT JOIN LATERAL (
    SELECT category FROM categorisation WHERE transaction_id = posted.id ORDER BY id DESC LIMIT 1
) AS changed ON true
WHERE {seen} AND {wanted}
ORDER BY posted.id
"""
_LISTED: Final = _FOUND.format(
    seen=sight.TEAM_IS_SEEN,
    transactions="""(SELECT DISTINCT provider_code, provider_transaction_id
        FROM unnest($2::text[], $3::text[]) AS given (provider_code, provider_transaction_id)) AS wanted
    JOIN card_transaction AS posted USING (provider_code, provider_transaction_id)""",
    wanted="true",
)
_MATCHING: Final = (
    _FOUND.format(
        seen=sight.TEAM_IS_SEEN,
        transactions="card_transaction AS posted",
        wanted="""posted.payee = ANY($2::text[]) AND posted.booked_on BETWEEN $3::date AND $4::date
    AND ($5::uuid IS NULL OR posted.account_id = $5::uuid)""",
    )
    + "LIMIT $6"
)
_ADD: Final = """
INSERT INTO categorisation (transaction_id, act_id, category, made_by, made_at, reason, follows_id)
SELECT transaction_id, $4, $5, $6, $7, reason, follows_id
FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS given (transaction_id, reason, follows_id)
"""
# Trial accounts have no care group and are in no summary.
_MOVE: Final = """
INSERT INTO spend_delta (batch_number, accounting_month, category, care_group, provider_code, amount_pence,
    transactions)
SELECT act.number, move.* FROM (SELECT nextval('feed_batch_number_seq') AS number) AS act,
    unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS move
"""


async def recategorise_transactions(
    session: WriteSession, *, values: schemas.NewCategorisation, now: datetime
) -> schemas.Recategorised:
    """Give posted transactions another category, and move what the reports sum by as much, in one transaction.

    What takes any of them back goes along, unless a person has moved it itself. Raises Invalid for both or neither of a
    list and a match, a transaction that is not there, days in the wrong order and a match that is too wide; Conflict
    where nothing would change.
    """
    connection = await database.raw(session)
    await connection.execute(_LOCK)
    found = await _with_following(connection, values, seen=sight.teams(session.actor))
    changing = [row for row in found if row["category"] != values.category]
    if not changing:
        raise Conflict("all of them are in that category already, if there are any", code="nothing_to_recategorise")
    act_id = uuid4()
    person_id = _one_person(changing)
    ids, follows = [row["id"] for row in changing], [row["follows_id"] for row in changing]
    reasons: Sequence[str] = [_reason(row, values.reason) for row in changing]
    if person_id is not None:
        reasons = await _sealed(session, reasons, person_id=person_id)
    made = (act_id, values.category.value, session.actor.name, now)
    await connection.execute(_ADD, ids, reasons, follows, *made)
    await connection.execute(_MOVE, *_moves(changing, values.category.value))
    await _record(session, changing, values, act_id=act_id, person_id=person_id)
    return schemas.Recategorised(
        act_id=act_id,
        category=values.category,
        transactions=len(changing),
        following=_following(changing),
        unchanged=len(found) - len(changing),
        pence=sum(row["amount_pence"] for row in changing),
        made_at=now,
    )


async def _with_following(
    connection: driver.Connection, values: schemas.NewCategorisation, *, seen: Sequence[str] | None
) -> Sequence[Any]:
    """Return the transactions that are meant and what follows them, each once, in the order of their ids.

    What a match has found only follows where it takes back another; what is listed is meant itself.
    """
    meant = {row["id"]: row for row in await _found(connection, values, seen)}
    itself = frozenset(meant) if values.transactions is not None else frozenset[int]()
    going_along = await following.found(connection, meant, but=itself, seen=seen)
    return [row for _, row in sorted((meant | going_along).items())]


async def _sealed(session: WriteSession, reasons: Sequence[str], *, person_id: UUID) -> Sequence[str]:
    sealed = {each: await audit.sealed_reason(session, each, person_id=person_id) for each in sorted(set(reasons))}
    return [sealed[each] for each in reasons]


def _reason(row: Any, reason: str) -> str:
    return reason if row["follows"] is None else f"follows transaction {row['follows']}: {reason}"


def _following(changing: Sequence[Any]) -> int:
    return sum(row["follows_id"] is not None for row in changing)


async def _found(
    connection: driver.Connection, values: schemas.NewCategorisation, seen: Sequence[str] | None
) -> Sequence[Any]:
    """Return the transactions that are meant, each with its category as it counts now."""
    if (values.transactions is None) == (values.matching is None):
        raise Invalid("send either transactions or matching", code="one_choice_needed")
    if values.transactions is not None:
        return await _listed(connection, values.transactions, seen)
    wanted = values.matching
    assert wanted is not None  # noqa: S101 (one of the two is there)
    if wanted.last_day < wanted.first_day:
        raise Invalid("the first day lies after the last", code="period_reversed", pointer="/matching/last_day")
    names = sorted({name for name in (merchants.cleaned(wanted.payee), merchants.counterparty(wanted.payee)) if name})
    found = await connection.fetch(
        _MATCHING, seen, names, wanted.first_day, wanted.last_day, wanted.account_id, MOST_MATCHING + 1
    )
    if len(found) > MOST_MATCHING:
        detail = f"more than {MOST_MATCHING} transactions match: choose fewer days"
        raise Invalid(detail, code="too_many_transactions", pointer="/matching")
    return found


async def _listed(
    connection: driver.Connection, transactions: Sequence[schemas.TransactionRef], seen: Sequence[str] | None
) -> Sequence[Any]:
    given = {(each.provider, each.provider_transaction_id) for each in transactions}
    found = await connection.fetch(
        _LISTED,
        seen,
        [each.provider for each in transactions],
        [each.provider_transaction_id for each in transactions],
    )
    if len(found) != len(given):
        detail = f"{len(given) - len(found)} of the transactions are not there"
        raise Invalid(detail, code="unknown_transaction", pointer="/transactions")
    return found


def _moves(changing: Sequence[Any], category: str) -> Sequence[Sequence[Any]]:
    """Return what the summary loses and gains, column by column; its counts move with its pence."""
    pence: Counter[tuple[int, str, str, str]] = Counter()
    counts: Counter[tuple[int, str, str, str]] = Counter()
    for row in changing:
        if row["care_group"] is not None:
            for told, sign in ((row["category"], -1), (category, 1)):
                key = (row["accounting_month"], told, row["care_group"], row["provider_code"])
                pence[key] += sign * row["amount_pence"]
                counts[key] += sign
    rows = [(*key, pence[key], counts[key]) for key in sorted(counts)]
    return list(zip(*rows, strict=True)) if rows else [[]] * 6


def _one_person(changing: Sequence[Any]) -> UUID | None:
    """Return whose transactions they are, None where they are several people's or nobody's."""
    people: set[UUID | None] = {row["recipient_id"] for row in changing}
    return people.pop() if len(people) == 1 else None


async def _record(
    session: WriteSession,
    changing: Sequence[Any],
    values: schemas.NewCategorisation,
    *,
    act_id: UUID,
    person_id: UUID | None,
) -> None:
    """Enter the act: about one person under their key, about many without one."""
    lines = "\n".join(f"{row['id']}|{row['category']}|{values.category}" for row in changing)
    await audit.record(
        session,
        action="recategorise_transactions",
        subject=Subject("categorisation", str(act_id)),
        before={"categories": dict(sorted(Counter(row["category"] for row in changing).items()))},
        after={"categories": {values.category.value: len(changing)}, "following": _following(changing)},
        person_id=person_id,
        reason=values.reason,
        digest=hashlib.sha256(lines.encode()).digest(),
    )
