"""What is written of accounts in one statement."""

from datetime import date, datetime
from uuid import uuid4

from sqlalchemy.dialects.postgresql import insert

from services.shared.database import WriteSession
from services.shared.lifecycles.agreements import ACCOUNT
from services.shared.tables.agreements import Account
from services.shared.vocabulary.agreements import AccountKind


async def open_trial(session: WriteSession, *, provider_code: str, ref: str, opened_on: date, now: datetime) -> None:
    """Open a provider's trial account, unless there is one: of two who ask at once, one opens it."""
    opening = insert(Account).values(
        id=uuid4(),
        kind=AccountKind.TRIAL,
        status=ACCOUNT.initial,
        provider_code=provider_code,
        provider_account_ref=ref,
        opened_on=opened_on,
        version=1,
        created_at=now,
        updated_at=now,
    )
    await session.execute(opening.on_conflict_do_nothing())
