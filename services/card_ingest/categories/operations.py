"""Acts on categories: a new rule, which holds for what posts later, and another category for what has posted."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.card_ingest.categories import merchants, queries, schemas
from services.shared import audit, paging
from services.shared.audit import Subject
from services.shared.database import AnySession, ReadSession, WriteSession
from services.shared.errors import Conflict, Invalid
from services.shared.identity.granted.card_ingest import Operation
from services.shared.identity.shown import FieldSet, field_set_for
from services.shared.tables.transactions import Categorisation, CategoryRule
from services.shared.vocabulary.money import SpendCategory

SUBJECT: Final = "category_rule"


async def add_category_rule(session: WriteSession, *, values: schemas.NewRule, today: date) -> schemas.CategoryRule:
    """Add a rule from today or a later day on; what has posted keeps its category.

    Raises Invalid for a rule without one key, for a name of which nothing is left, a day gone by or an unknown account;
    Conflict where a rule with the same key begins on the same day.
    """
    key = key_of(values)
    effective_from = values.effective_from or today
    if effective_from < today:
        detail = "a rule holds for what posts later: it cannot begin before today"
        raise Invalid(detail, code="backdated_rule", pointer="/effective_from")
    recipient_id = await _recipient(session, account_id=values.account_id)
    if await queries.same_rule(session, key=key, effective_from=effective_from) is not None:
        raise Conflict("a rule with the same key begins on that day already", code="rule_exists")
    made = CategoryRule(
        **{"mcc": None, "type": None, "merchant": None, "payee": None, "account_id": None, **key},
        category=values.category,
        effective_from=effective_from,
        made_by=session.actor.name,
        reason=values.reason,
    )
    session.add(made)
    await session.flush()
    is_personal = values.payee is not None
    told = {**key, "category": values.category, "effective_from": effective_from}
    if is_personal and recipient_id is None:
        del told["payee"]  # It may be somebody's name, and there is no person whose key would hide it.
    await audit.record(
        session,
        action="add_category_rule",
        subject=Subject(SUBJECT, str(made.id)),
        after=told,
        person_id=recipient_id,
        personal=frozenset({"payee"}) if recipient_id is not None else frozenset(),
        reason=values.reason,
    )
    return queries.shown(made, FieldSet.FINANCE)


def key_of(values: schemas.RuleToTry) -> Mapping[str, Any]:
    """Return the one key of a rule and its account, names cleaned as they are looked for. Raises Invalid."""
    given = [name for name in ("mcc", "type", "merchant", "payee", "registered") if getattr(values, name) is not None]
    if len(given) != 1:
        raise Invalid("name one of mcc, type, merchant, payee and registered", code="one_key_needed")
    if values.account_id is not None and values.payee is None:
        detail = "a rule for one account goes by a payee"
        raise Invalid(detail, code="account_without_payee", pointer="/account_id")
    if values.registered is not None:
        return {"payee": queries.REGISTERED[values.registered]}
    if values.merchant is not None:
        return {"merchant": _left(merchants.phrase(values.merchant), "/merchant")}
    if values.payee is not None:
        account = {} if values.account_id is None else {"account_id": values.account_id}
        return {"payee": _left(merchants.counterparty(values.payee), "/payee"), **account}
    return {given[0]: getattr(values, given[0])}


async def list_category_rules(
    session: ReadSession, *, wanted: schemas.RuleFilter, page: paging.Page
) -> paging.Paged[schemas.CategoryRule]:
    """Show the caller rules, the newest first; whose accounts they are for is entered in the read log."""
    found = await queries.category_rules(
        session, wanted=wanted, field_set=_field_set(session, Operation.LIST_CATEGORY_RULES), page=page
    )
    shown, next_cursor = queries.RULE_ORDER.cut(found, page, key=lambda each: (each[0].id,))
    people = sorted({recipient_id for _, recipient_id in shown if recipient_id is not None})
    if people:
        await audit.record_read(session, action="list_category_rules", subject_kind="recipient", subject_ids=people)
    return paging.Paged(items=[rule for rule, _ in shown], next_cursor=next_cursor)


async def list_categorisations(
    session: ReadSession, *, provider: str, provider_transaction_id: str, page: paging.Page
) -> schemas.History:
    """Show the caller how a transaction came by its category. Raises NotFound."""
    posted, recipient_id = await queries.transaction(
        session, provider=provider, provider_transaction_id=provider_transaction_id
    )
    found = await queries.categorisations(session, transaction_id=posted.id, page=page)
    shown, next_cursor = queries.CATEGORISATION_ORDER.cut(found, page, key=lambda each: (each.id,))
    rule = None
    if posted.category_rule_id is not None:
        rule = await queries.rule(
            session, rule_id=posted.category_rule_id, field_set=_field_set(session, Operation.LIST_CATEGORISATIONS)
        )
    if recipient_id is not None:
        await audit.record_read(
            session, action="list_categorisations", subject_kind="recipient", subject_ids=[recipient_id]
        )
    return schemas.History(
        provider=provider,
        provider_transaction_id=provider_transaction_id,
        category=SpendCategory(await queries.latest(session, transaction_id=posted.id) or posted.category),
        posted_category=SpendCategory(posted.category),
        rule=rule,
        items=await _told(session, shown),
        next_cursor=next_cursor,
    )


async def _told(session: ReadSession, found: Sequence[Categorisation]) -> Sequence[schemas.Categorisation]:
    """Return what people gave, with their reasons in clear as long as the person's key lasts."""
    reasons = await audit.revealed_reasons(session, [each.reason for each in found])
    named = await queries.provider_ids(session, {each.follows_id for each in found if each.follows_id is not None})
    return [
        schemas.Categorisation(
            act_id=each.act_id,
            category=each.category,
            made_by=each.made_by,
            made_at=each.made_at,
            reason=reason,
            follows_transaction_id=None if each.follows_id is None else named[each.follows_id],
        )
        for each, reason in zip(found, reasons, strict=True)
    ]


def _field_set(session: AnySession, operation: Operation) -> FieldSet:
    """Return how much of a person the roles that let the session's actor do the operation are shown."""
    return FieldSet.NONE if session.actor is None else field_set_for(session.actor, operation)


def _left(cleaned: str | None, pointer: str) -> str:
    if cleaned is None:
        raise Invalid("nothing is left of the name once it is cleaned", code="empty_name", pointer=pointer)
    return cleaned


async def _recipient(session: WriteSession, *, account_id: UUID | None) -> UUID | None:
    if account_id is None:
        return None
    recipient_id = await queries.recipient_of(session, account_id=account_id)
    if recipient_id is None:
        raise Invalid("no such account", code="unknown_account", pointer="/account_id")
    return recipient_id
