"""Acts on money managers."""

from uuid import uuid4

from services.dp_api.money_managers import queries, schemas
from services.shared import audit, clock
from services.shared.database import WriteSession
from services.shared.errors import Conflict
from services.shared.tables.people import MoneyManager


async def register_money_manager(session: WriteSession, *, values: schemas.NewMoneyManager) -> schemas.MoneyManagerView:
    """Register a third-party money manager. Raises Conflict for a name that is taken."""
    if await queries.is_name_taken(session, name=values.name):
        raise Conflict("a money manager of this name is registered", code="name_taken", pointer="/name")
    now = clock.now()
    money_manager = MoneyManager(id=uuid4(), **values.model_dump(), created_at=now, updated_at=now)
    session.add(money_manager)
    await session.flush()
    await audit.record(
        session,
        action="register_money_manager",
        subject=audit.Subject("money_manager", str(money_manager.id)),
        after=values.model_dump(),
    )
    return schemas.MoneyManagerView.model_validate(money_manager)
