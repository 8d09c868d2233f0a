"""Every SELECT about posted transactions; their accounts are looked up, and cut to what the caller may see, below."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, tuple_

from services.dp_api.transactions import schemas
from services.shared import paging
from services.shared.database import AnySession
from services.shared.identity.shown import FieldSet
from services.shared.tables.feeds import QuarantinedRow
from services.shared.tables.transactions import CardTransaction, Categorisation

# The words are those of the index by which a version that waits is found.
_IS_DISPUTED: Final = (
    select(QuarantinedRow.id)
    .where(
        QuarantinedRow.provider_code == CardTransaction.provider_code,
        QuarantinedRow.transaction_id == CardTransaction.provider_transaction_id,
        text("quarantined_row.status = 'waiting' AND quarantined_row.code = 'same_id_other_content'"),
    )
    .exists()
    .label("is_disputed")
)
_BY_PERSON: Final = (
    select(Categorisation.category)
    .where(Categorisation.transaction_id == CardTransaction.id)
    .order_by(Categorisation.id.desc())
    .limit(1)
    .correlate(CardTransaction)
    .scalar_subquery()
)
_CATEGORY: Final = func.coalesce(_BY_PERSON, CardTransaction.category)
_TOLD: Final[Mapping[str, ColumnElement[Any]]] = {
    "is_disputed": _IS_DISPUTED,
    "category": _CATEGORY.label("category"),
    "posted_category": CardTransaction.category.label("posted_category"),
    "is_recategorised": _BY_PERSON.is_not(None).label("is_recategorised"),
}
"""What is told of a transaction beside its own columns; the category that counts is what a person gave it last."""

ORDER: Final = paging.Order(CardTransaction.booked_on, CardTransaction.id)


async def transactions(
    session: AnySession,
    *,
    account_id: UUID,
    wanted: schemas.TransactionFilter,
    field_set: FieldSet,
    page: paging.Page,
) -> Sequence[tuple[schemas.AnyTransaction, int]]:
    """Return an account's posted transactions with their row ids, latest booked first, as far as the field set goes."""
    view = schemas.TRANSACTION_VIEWS[field_set]
    columns = [_TOLD[name] if name in _TOLD else getattr(CardTransaction, name) for name in view.model_fields]
    question = select(CardTransaction.id, *columns).where(CardTransaction.account_id == account_id)
    if wanted.first_day is not None:
        question = question.where(CardTransaction.booked_on >= wanted.first_day)
    if wanted.last_day is not None:
        question = question.where(CardTransaction.booked_on <= wanted.last_day)
    if wanted.category is not None:
        question = question.where(_CATEGORY.in_([wanted.category.value]))
    if (reached := ORDER.after(page)) is not None:
        question = question.where(tuple_(CardTransaction.booked_on, CardTransaction.id) < reached)
    newest_first = (CardTransaction.booked_on.desc(), CardTransaction.id.desc())
    rows = await session.execute(question.order_by(*newest_first).limit(page.rows_asked_for))
    return [(view.model_validate(row), row.id) for row in rows]
