"""What a rule would move of what has posted, if it were in force among the rules of today. Nothing is stored.

A month at a time is summed by the database into kinds of transaction; each kind is put to the rules once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import TextClause, text

from services.card_ingest.categories import codes, operations, queries, rules, schemas
from services.card_ingest.categories.rules import Rule, Rules
from services.shared import dates
from services.shared.database import AnySession
from services.shared.errors import Invalid
from services.shared.vocabulary.money import SpendCategory, TransactionType

MOST_MONTHS: Final = 36
SAMPLES: Final = 20
TRIED: Final = 0
"""The id of the rule that is tried; no stored rule has it."""

Progress = Callable[[int, int], None]
"""Told after each month how many are done, and of how many."""

# Money that takes back a posted transaction goes where that stands, so it is judged by that one's words, and kept where
# people keep that. One index entry each, whatever the planner believes: it would hold each row against all.
_FOLLOWS: Final = """
posted.reverses_transaction_id IS NOT NULL AND posted.type = ANY(:comes_back) AND (
    SELECT original.id FROM card_transaction AS original WHERE original.provider_code = posted.provider_code
        AND original.provider_transaction_id = posted.reverses_transaction_id LIMIT 1) IS NOT NULL
"""
_OF_ONES_OWN: Final = f"""
SELECT posted.type, posted.mcc, posted.merchant_name, posted.category, posted.category_rule_id,
    EXISTS (SELECT FROM categorisation WHERE categorisation.transaction_id = posted.id) AS is_by_person,
    posted.amount_pence
FROM card_transaction AS posted
WHERE posted.booked_on BETWEEN :first_day AND :last_day AND posted.care_group IS NOT NULL AND {{concerned}}
    AND NOT ({_FOLLOWS})
"""  # noqa: S608 (joined from constants)
_OF_THE_ORIGINAL: Final = """
SELECT posted.type, posted.mcc, posted.merchant_name, back.category, posted.category_rule_id,
    EXISTS (SELECT FROM categorisation WHERE categorisation.transaction_id IN (posted.id, back.id)) AS is_by_person,
    back.amount_pence
FROM card_transaction AS back CROSS JOIN LATERAL (
    SELECT * FROM card_transaction AS original WHERE original.provider_code = back.provider_code
        AND original.provider_transaction_id = back.reverses_transaction_id LIMIT 1
) AS posted
WHERE back.booked_on BETWEEN :first_day AND :last_day AND back.care_group IS NOT NULL
    AND back.reverses_transaction_id IS NOT NULL AND back.type = ANY(:comes_back) AND {concerned}
"""
_SEEN: Final = f"""
SELECT type, mcc, merchant_name, category, category_rule_id, is_by_person, count(*) AS rows,
    sum(amount_pence)::bigint AS pence
FROM ({_OF_ONES_OWN} UNION ALL {_OF_THE_ORIGINAL}) AS seen
GROUP BY type, mcc, merchant_name, category, category_rule_id, is_by_person
"""  # noqa: S608 (joined from constants)
# What posted before payees were kept is looked at too: the rules judge it by the name that was delivered.
_CONCERNED: Final = {
    "mcc": "posted.mcc = :mcc",
    "type": "posted.type = :type",
    "merchant": """((posted.payee IS NULL AND posted.merchant_name IS NOT NULL)
        OR position(' ' || :merchant || ' ' IN ' ' || posted.payee || ' ') > 0)""",
    "payee": "(posted.payee = :payee OR (posted.payee IS NULL AND posted.merchant_name IS NOT NULL))",
    "account_id": "posted.account_id = :account_id AND posted.payee = :payee AND posted.type = ANY(:transfers)",
    "registered": "posted.category_rule_id IN (SELECT id FROM category_rule WHERE payee = :payee)",
}


@dataclass(slots=True)
class _Tally:
    """What has been found to move so far."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    pence: Counter[tuple[str, str]] = field(default_factory=Counter)
    merchant_rows: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    merchant_pence: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    kept_by_people: int = 0


@dataclass(frozen=True, slots=True)
class _Trial:
    """The rules of today with the one that is tried; `before` are those that go before it whatever they say."""

    key: Mapping[str, Any]
    category: str
    rules: Rules
    before: frozenset[int]
    today: date

    def moves(self, row: Any) -> bool:
        """Tell whether the tried rule would decide on transactions of a kind, and otherwise than they are."""
        if row.category == self.category:
            return False
        if "account_id" in self.key or self.key.get("payee") in queries.REGISTERED.values():
            return True
        choice = self.rules.choose(TransactionType(row.type), row.mcc, row.merchant_name, self.today)
        return row.category_rule_id not in self.before and choice.rule_id == TRIED


async def backtest_category_rule(
    session: AnySession, *, values: schemas.BacktestOfRule, today: date, progress: Progress | None = None
) -> schemas.Backtest:
    """Return what a rule would move of what was booked from a day to a day, by month and category.

    Raises Invalid for a rule without one key, days in the wrong order, or more months than can be looked at.
    """
    months = list(_months(values.first_day, values.last_day))
    if not months:
        raise Invalid("the first day lies after the last", code="period_reversed", pointer="/last_day")
    if len(months) > MOST_MONTHS:
        raise Invalid(f"choose at most {MOST_MONTHS} months", code="too_many_months", pointer="/first_day")
    trial = await _trial(session, values.rule, today=today)
    question, parameters = _question(trial.key)
    found: dict[str, _Tally] = {}
    for done, (first, last) in enumerate(months, 1):
        tally = found.setdefault(f"{first.year:04d}-{first.month:02d}", _Tally())
        for row in await session.execute(question, {"first_day": first, "last_day": last, **parameters}):
            _count(tally, row, trial)
        if progress is not None:
            progress(done, len(months))
    return _told(values, found, key=trial.key)


def _question(key: Mapping[str, Any]) -> tuple[TextClause, Mapping[str, Any]]:
    """Return the question about the transactions that a rule with this key may concern, and its parameters."""
    comes_back = {"comes_back": sorted(each.value for each in rules.COMES_BACK)}
    if key.get("payee") in queries.REGISTERED.values():
        return text(_SEEN.format(concerned=_CONCERNED["registered"])), {**key, **comes_back}
    name = "account_id" if "account_id" in key else next(iter(key))
    transfers = {"transfers": sorted(each.value for each in rules.TRANSFERS)} if name == "account_id" else {}
    return text(_SEEN.format(concerned=_CONCERNED[name])), {**key, **transfers, **comes_back}


async def _trial(session: AnySession, tried: schemas.RuleToTry, *, today: date) -> _Trial:
    key = operations.key_of(tried)
    stored = await queries.rules_on(session, today)
    names = ("mcc", "type", "merchant", "payee")
    general: dict[str, Any] = {name: value for name, value in key.items() if name in names}
    others = [rule for rule in stored if {name: getattr(rule, name) for name in general} != general]
    own = Rule(id=TRIED, category=tried.category, effective_from=date.min, **general)
    registered = queries.REGISTERED.values()
    before = frozenset(rule.id for rule in stored if rule.account_id is not None or rule.payee in registered)
    return _Trial(key, tried.category.value, rules.in_order([*others, own]), before, today)


def _count(tally: _Tally, row: Any, trial: _Trial) -> None:
    if not trial.moves(row):
        return
    if row.is_by_person:
        tally.kept_by_people += row.rows
        return
    way = (row.category, trial.category)
    tally.rows[way] += row.rows
    tally.pence[way] += row.pence
    type_ = TransactionType(row.type)
    name = rules.payee_of(type_, row.mcc, row.merchant_name)
    if name is not None and not rules.is_transfer(type_, row.mcc):
        tally.merchant_rows[name, row.mcc] += row.rows
        tally.merchant_pence[name, row.mcc] += row.pence


def _told(values: schemas.BacktestOfRule, found: Mapping[str, _Tally], *, key: Mapping[str, Any]) -> schemas.Backtest:
    moves = [
        schemas.Move(
            month=month,
            from_category=SpendCategory(way[0]),
            to_category=SpendCategory(way[1]),
            rows=rows,
            pence=tally.pence[way],
        )
        for month, tally in found.items()
        for way, rows in sorted(tally.rows.items())
    ]
    return schemas.Backtest(
        merchant=key.get("merchant"),
        unknown_code=values.rule.mcc is not None and codes.is_unknown(values.rule.mcc),
        first_day=values.first_day,
        last_day=values.last_day,
        rows=sum(move.rows for move in moves),
        pence=sum(move.pence for move in moves),
        kept_by_people=sum(tally.kept_by_people for tally in found.values()),
        moves=moves,
        merchants=_samples(list(found.values())),
    )


def _samples(tallies: Sequence[_Tally]) -> Sequence[schemas.SampleMerchant]:
    rows: Counter[tuple[str, str | None]] = Counter()
    pence: Counter[tuple[str, str | None]] = Counter()
    for tally in tallies:
        rows.update(tally.merchant_rows)
        pence.update(tally.merchant_pence)
    return [
        schemas.SampleMerchant(merchant=name, mcc=mcc, rows=count, pence=pence[name, mcc])
        for (name, mcc), count in rows.most_common(SAMPLES)
    ]


def _months(first_day: date, last_day: date) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each month between two days, both included."""
    first = first_day
    while first <= last_day:
        following = dates.add_months(first.replace(day=1), 1)
        yield first, min(last_day, following - timedelta(days=1))
        first = following
