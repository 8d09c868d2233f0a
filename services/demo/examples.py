"""Where to begin looking: a member of staff for each role, and a few ids that are worth opening."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from services.demo import accounts, members
from services.demo.members import DemoStaff
from services.shared.database import AnySession
from services.shared.identity.roles import Role
from services.shared.tables.agreements import Account, Agreement, GrossToday
from services.shared.tables.feeds import FeedDelivery
from services.shared.tables.people import PersonalAssistant, Recipient
from services.shared.tables.transactions import AccountBalance

_THRESHOLD_WEEKS: Final = 4


@dataclass(frozen=True, slots=True)
class Examples:
    """Staff numbers by role, and ids; an id is None where the county has nothing of the kind."""

    staff: tuple[DemoStaff, ...]
    providers: tuple[str, ...]
    recipient_id: UUID | None
    personal_assistant_id: UUID | None
    surplus_agreement_id: UUID | None
    surplus_account_id: UUID | None
    delivery_id: UUID | None


async def find(session: AnySession) -> Examples:
    """Return the county's examples. The recipient and the assistant are in the sight of the example care worker."""
    staff = tuple(member for role in Role if (member := members.example(role)) is not None)
    teams = next(member.teams for member in staff if member.role is Role.CARE_WORKER)
    surplus = (await session.execute(_largest_surplus())).one_or_none()
    return Examples(
        staff=staff,
        providers=tuple(accounts.PROVIDERS),
        recipient_id=await _first_of(session, Recipient.id, Recipient.team_code.in_(teams)),
        personal_assistant_id=await _first_of(session, PersonalAssistant.id, PersonalAssistant.team_code.in_(teams)),
        surplus_agreement_id=surplus.agreement_id if surplus else None,
        surplus_account_id=surplus.account_id if surplus else None,
        delivery_id=await session.scalar(select(FeedDelivery.id).order_by(FeedDelivery.number.desc()).limit(1)),
    )


async def _first_of(
    session: AnySession, key: InstrumentedAttribute[UUID], condition: ColumnElement[bool]
) -> UUID | None:
    return await session.scalar(select(key).where(condition).order_by(key).limit(1))


def _largest_surplus() -> Select[UUID, UUID]:
    counted = AccountBalance.posted_pence - AccountBalance.held_pence
    excess = counted - _THRESHOLD_WEEKS * GrossToday.weekly_gross_pence
    return (
        select(Agreement.id.label("agreement_id"), Account.id.label("account_id"))
        .join(Account, Account.agreement_id == Agreement.id)
        .join(AccountBalance, AccountBalance.account_id == Account.id)
        .join(GrossToday, GrossToday.agreement_id == Agreement.id)
        .where(excess > 0)
        .order_by(excess.desc())
        .limit(1)
    )
