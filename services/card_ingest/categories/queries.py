"""Every question about categories, their rules, and the transactions that people categorise."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import aliased

from services.card_ingest.categories import codes, rules, schemas
from services.card_ingest.categories.rules import Rule, Rules
from services.card_ingest.categories.schemas import RegisteredPayee, RuleKind
from services.shared import driver, paging, sight
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.identity.shown import FieldSet
from services.shared.paging import Page
from services.shared.tables.agreements import Account, Agreement
from services.shared.tables.people import Recipient
from services.shared.tables.transactions import CardTransaction, Categorisation, Category, CategoryRule

REGISTERED: Final[Mapping[RegisteredPayee, str]] = {
    RegisteredPayee.PERSONAL_ASSISTANT: rules.REGISTERED_ASSISTANT,
    RegisteredPayee.MONEY_MANAGER: rules.MONEY_MANAGER,
}
"""What stands for a registered payee among the rules for payees."""

_POLICY: Final = """
SELECT id, category, effective_from, mcc, type, merchant, payee FROM category_rule WHERE account_id IS NULL
"""
_KINDS: Final = {kind: getattr(CategoryRule, kind.value) for kind in RuleKind}
_KEY: Final = (*_KINDS.values(), CategoryRule.account_id)
_CATEGORY_ORDER: Final = paging.Order(Category.code)
RULE_ORDER: Final = paging.Order(CategoryRule.id)
CATEGORISATION_ORDER: Final = paging.Order(Categorisation.id)


async def policy(connection: driver.Connection) -> Rules:
    """Return the rules by which events get their category, but for those of single accounts."""
    return rules.in_order(Rule(**found) for found in await connection.fetch(_POLICY))


async def rules_on(session: AnySession, day: date) -> Sequence[Rule]:
    """Return every rule that has begun by a day, those of single accounts too."""
    columns = (CategoryRule.id, CategoryRule.category, CategoryRule.effective_from, *_KEY)
    found = await session.execute(select(*columns).where(CategoryRule.effective_from <= day))
    return [Rule(**row._mapping) for row in found]


async def categories(session: AnySession, *, page: Page) -> paging.Paged[schemas.Category]:
    """Return the categories by code."""
    question = select(Category).order_by(Category.code).limit(page.rows_asked_for)
    if (reached := _CATEGORY_ORDER.after(page)) is not None:
        question = question.where(Category.code > reached[0])
    found = [schemas.Category.model_validate(each) for each in await session.scalars(question)]
    return _CATEGORY_ORDER.paged(found, page, key=lambda each: (each.code,))


async def category_rules(
    session: AnySession, *, wanted: schemas.RuleFilter, field_set: FieldSet, page: Page
) -> Sequence[tuple[schemas.CategoryRule, UUID | None]]:
    """Return rules, the newest first, each with the recipient whose account it is for; those of accounts out of the
    caller's sight are left out.
    """
    question = _rules(session).where(*_wanted(wanted)).order_by(CategoryRule.id.desc()).limit(page.rows_asked_for)
    if (reached := RULE_ORDER.after(page)) is not None:
        question = question.where(CategoryRule.id < reached[0])
    return [(shown(row[0], field_set), row[1]) for row in await session.execute(question)]


async def rule(session: AnySession, *, rule_id: int, field_set: FieldSet) -> schemas.CategoryRule:
    """Return one rule, whoever's account it is for."""
    return shown(await session.get_one(CategoryRule, rule_id), field_set)


async def same_rule(session: AnySession, *, key: Mapping[str, object], effective_from: date) -> int | None:
    """Return the rule with this key from this very day, if there is one."""
    same = [column.is_not_distinct_from(key.get(column.key)) for column in _KEY]
    question = select(CategoryRule.id).where(CategoryRule.effective_from == effective_from, *same)
    found: int | None = await session.scalar(question)
    return found


async def recipient_of(session: AnySession, *, account_id: UUID) -> UUID | None:
    """Return whose account it is, None where there is none that the caller may see."""
    question = select(Agreement.recipient_id).join(Account, Account.agreement_id == Agreement.id)
    question = question.join(Recipient, Recipient.id == Agreement.recipient_id)
    found: UUID | None = await session.scalar(question.where(Account.id == account_id, sight.of_person(session)))
    return found


async def transaction(
    session: AnySession, *, provider: str, provider_transaction_id: str
) -> tuple[CardTransaction, UUID | None]:
    """Return a posted transaction in the caller's sight, and whose it is (None on a trial account). Raises NotFound."""
    question = (
        select(CardTransaction, Agreement.recipient_id)
        .join(Account, Account.id == CardTransaction.account_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .outerjoin(Recipient, Recipient.id == Agreement.recipient_id)
        .where(
            CardTransaction.provider_code == provider,
            CardTransaction.provider_transaction_id == provider_transaction_id,
            sight.of_person(session),
        )
    )
    row = (await session.execute(question)).one_or_none()
    if row is None:
        raise NotFound("no such transaction")
    return row[0], row[1]


async def categorisations(session: AnySession, *, transaction_id: int, page: Page) -> Sequence[Categorisation]:
    """Return what people gave a transaction, the latest first, one more than the page holds when there is one."""
    question = select(Categorisation).where(Categorisation.transaction_id == transaction_id)
    if (reached := CATEGORISATION_ORDER.after(page)) is not None:
        question = question.where(Categorisation.id < reached[0])
    return (await session.scalars(question.order_by(Categorisation.id.desc()).limit(page.rows_asked_for))).all()


async def provider_ids(session: AnySession, transaction_ids: Collection[int]) -> Mapping[int, str]:
    """Return the provider's ids of transactions."""
    columns = (CardTransaction.id, CardTransaction.provider_transaction_id)
    found = await session.execute(select(*columns).where(CardTransaction.id.in_(transaction_ids)))
    return {row.id: row.provider_transaction_id for row in found}


async def latest(session: AnySession, *, transaction_id: int) -> str | None:
    """Return the category that a person gave a transaction last, if any did."""
    question = select(Categorisation.category).where(Categorisation.transaction_id == transaction_id)
    found: str | None = await session.scalar(question.order_by(Categorisation.id.desc()).limit(1))
    return found


def shown(rule: CategoryRule, field_set: FieldSet) -> schemas.CategoryRule:
    """Return a rule as far as a field set goes: auditors are shown no payee's name."""
    registered = next((kind for kind, stands_for in REGISTERED.items() if rule.payee == stands_for), None)
    is_hidden = field_set not in {FieldSet.CARE, FieldSet.FINANCE} and rule.payee is not None and registered is None
    return schemas.CategoryRule(
        id=rule.id,
        kind=next(kind for kind in RuleKind if getattr(rule, kind.value) is not None),
        mcc=rule.mcc,
        unknown_code=rule.mcc is not None and codes.is_unknown(rule.mcc),
        type=rule.type,
        merchant=rule.merchant,
        payee=None if is_hidden or registered is not None else rule.payee,
        registered=registered,
        account_id=rule.account_id,
        category=rule.category,
        effective_from=rule.effective_from,
        made_by=rule.made_by,
        reason=None if is_hidden and rule.account_id is not None else rule.reason,
    )


def _rules(session: AnySession) -> Select[CategoryRule, UUID | None]:
    return (
        select(CategoryRule, Agreement.recipient_id)
        .outerjoin(Account, Account.id == CategoryRule.account_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .outerjoin(Recipient, Recipient.id == Agreement.recipient_id)
        .where(or_(CategoryRule.account_id.is_(None), sight.of_person(session)))
    )


def _wanted(wanted: schemas.RuleFilter) -> Sequence[ColumnElement[bool]]:
    asked: Sequence[tuple[Any, Any]] = (
        (CategoryRule.id, wanted.rule_id),
        (CategoryRule.mcc, wanted.mcc),
        (CategoryRule.category, wanted.category),
    )
    conditions: list[ColumnElement[bool]] = [column == value for column, value in asked if value is not None]
    if wanted.kind is not None:
        conditions.append(_KINDS[wanted.kind].is_not(None))
    if wanted.on is not None:
        later = aliased(CategoryRule)
        same = [getattr(later, column.key).is_not_distinct_from(column) for column in _KEY]
        is_later = later.effective_from > CategoryRule.effective_from
        superseded = exists().where(*same, is_later, later.effective_from <= wanted.on)
        conditions += [CategoryRule.effective_from <= wanted.on, ~superseded]
    return conditions
