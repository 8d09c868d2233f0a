"""Every SELECT about money managers."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select

from services.dp_api.money_managers import schemas
from services.shared import paging
from services.shared.database import AnySession
from services.shared.errors import NotFound
from services.shared.tables.people import MoneyManager

_COLUMNS: Final = [getattr(MoneyManager, name) for name in schemas.MoneyManagerView.model_fields]
ORDER: Final = paging.Order(MoneyManager.id)


async def money_managers(session: AnySession, *, page: paging.Page) -> Sequence[schemas.MoneyManagerView]:
    """Return money managers by id, one more than the page holds when there is one."""
    question = select(*_COLUMNS).order_by(MoneyManager.id).limit(page.rows_asked_for)
    if (reached := ORDER.after(page)) is not None:
        question = question.where(MoneyManager.id > reached[0])
    return [schemas.MoneyManagerView(**row._mapping) for row in await session.execute(question)]


async def money_manager(session: AnySession, *, money_manager_id: UUID) -> schemas.MoneyManagerView:
    """Return one money manager. Raises NotFound."""
    row = (await session.execute(select(*_COLUMNS).where(MoneyManager.id == money_manager_id))).one_or_none()
    if row is None:
        raise NotFound("no such money manager")
    return schemas.MoneyManagerView(**row._mapping)


async def is_name_taken(session: AnySession, *, name: str) -> bool:
    """Tell whether a money manager of this name is registered."""
    return await session.scalar(select(MoneyManager.id).where(MoneyManager.name == name)) is not None


async def is_registered(session: AnySession, *, money_manager_id: UUID) -> bool:
    """Tell whether there is a money manager of this id."""
    return await session.scalar(select(MoneyManager.id).where(MoneyManager.id == money_manager_id)) is not None
