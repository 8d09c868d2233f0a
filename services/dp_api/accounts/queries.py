"""Every SELECT about accounts, their cards and balances, cut to what the caller may see."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Select, Text, case, false, func, or_, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate

from services.dp_api.accounts import schemas
from services.dp_api.recipients import rules as recipient_rules
from services.shared import lateness, paging, sight
from services.shared.database import AnySession, WriteSession
from services.shared.errors import NotFound
from services.shared.tables.agreements import Account, Agreement, Card
from services.shared.tables.feeds import FeedProvider
from services.shared.tables.people import Recipient
from services.shared.tables.transactions import AccountBalance
from services.shared.vocabulary.agreements import AccountKind, AccountStatus
from services.shared.vocabulary.people import CareGroup, PrimarySupportReason, RecipientKind

_TOLD_BY_OTHERS: Final = frozenset({"balance", "balance_as_of", "feed_is_late"})
_ACCOUNT: Final = [getattr(Account, name) for name in schemas.AccountView.model_fields if name not in _TOLD_BY_OTHERS]
_BALANCE: Final = [
    func.coalesce(AccountBalance.posted_pence, 0).label("posted_pence"),
    func.coalesce(AccountBalance.held_pence, 0).label("held_pence"),
    AccountBalance.last_booked_on,
]
_FEED: Final = (
    text(lateness.LATE_FROM)
    .columns(provider_code=Text(), newest_at=DateTime(timezone=True), late_from=DateTime(timezone=True))
    .subquery("feed")
)
_CARD: Final = [getattr(Card, name) for name in schemas.CardView.model_fields]
AccountRow = tuple[schemas.AccountView, UUID | None]
"""An account and the recipient whose it is; a trial account is nobody's."""
ORDER: Final = paging.Order(Account.id)


class Holder(NamedTuple):
    """Whose account it is to be: an agreement's standing, and what tells the recipient's care group."""

    agreement: Agreement
    recipient: Recipient


async def account(
    session: AnySession, *, account_id: UUID, now: datetime
) -> tuple[schemas.AccountWithCards, UUID | None]:
    """Return one account with its cards as it stands now, and whose it is. Raises NotFound."""
    row = (await session.execute(_accounts(session, now=now).where(Account.id == account_id))).one_or_none()
    if row is None:
        raise NotFound("no such account")
    found, recipient_id = _with_balance(row._mapping)
    cards = select(*_CARD).where(Card.account_id == account_id).order_by(Card.opened_on.desc(), Card.id)
    shown = [schemas.CardView(**card._mapping) for card in await session.execute(cards)]
    return schemas.AccountWithCards(**dict(found), cards=shown), recipient_id


async def accounts(
    session: AnySession, *, wanted: schemas.AccountFilter, page: paging.Page, now: datetime
) -> Sequence[AccountRow]:
    """Return accounts by id as they stand now, with whose they are, one more than the page holds when there is one."""
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (Account.agreement_id, wanted.agreement_id),
        (Agreement.recipient_id, wanted.recipient_id),
        (Account.kind, wanted.kind),
        (Account.status, wanted.status),
        (Account.provider_code, wanted.provider_code),
    ):
        if value is not None:
            conditions.append(column == value)
    if (reached := ORDER.after(page)) is not None:
        conditions.append(Account.id > reached[0])
    question = _accounts(session, now=now).where(*conditions).order_by(Account.id).limit(page.rows_asked_for)
    return [_with_balance(row._mapping) for row in await session.execute(question)]


async def recipient_of(session: AnySession, *, account_id: UUID) -> UUID | None:
    """Return whose account it is, None for a trial account. Raises NotFound for one that is not in sight."""
    question = (
        select(Account.id, Agreement.recipient_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .outerjoin(Recipient, Recipient.id == Agreement.recipient_id)
        .where(Account.id == account_id, _in_sight(session))
    )
    row = (await session.execute(question)).one_or_none()
    if row is None:
        raise NotFound("no such account")
    recipient_id: UUID | None = row.recipient_id
    return recipient_id


async def account_for_change(session: WriteSession, *, account_id: UUID) -> tuple[Account, UUID | None]:
    """Return the account itself, locked until the transaction ends, and whose it is. Raises NotFound."""
    recipient_id = await recipient_of(session, account_id=account_id)
    return (await session.execute(select(Account).where(Account.id == account_id).with_for_update())).scalar_one(), (
        recipient_id
    )


async def open_cards(session: WriteSession, *, account_id: UUID) -> Sequence[Card]:
    """Return the account's cards that are not closed, locked until the transaction ends."""
    question = select(Card).where(Card.account_id == account_id, Card.closed_on.is_(None)).order_by(Card.id)
    return (await session.scalars(question.with_for_update())).all()


async def holder(session: WriteSession, *, agreement_id: UUID) -> Holder | None:
    """Return the agreement in the actor's sight, held against its ending meanwhile, and its recipient."""
    question = (
        select(Agreement, Recipient)
        .join(Recipient, Recipient.id == Agreement.recipient_id)
        .where(Agreement.id == agreement_id, sight.of_person(session))
        .with_for_update(of=Agreement, read=True)
    )
    row = (await session.execute(question)).one_or_none()
    return None if row is None else Holder(row[0], row[1])


async def is_provider(session: AnySession, *, code: str) -> bool:
    """Tell whether a feed provider of this code is registered."""
    return await session.scalar(select(FeedProvider.code).where(FeedProvider.code == code)) is not None


async def is_account_ref_taken(session: AnySession, *, provider_code: str, reference: str) -> bool:
    """Tell whether an account of the provider has this reference."""
    question = select(Account.id).where(
        Account.provider_code == provider_code, Account.provider_account_ref == reference
    )
    return await session.scalar(question) is not None


async def balance(session: AnySession, *, account_id: UUID) -> tuple[int, int]:
    """Return the posted and the held pence of an account; (0, 0) before its first transaction."""
    question = select(AccountBalance.posted_pence, AccountBalance.held_pence).where(
        AccountBalance.account_id == account_id
    )
    row = (await session.execute(question)).one_or_none()
    return (0, 0) if row is None else (row.posted_pence, row.held_pence)


def care_group_on(today: date) -> ColumnElement[str]:
    """Return `recipients.rules.care_group` as SQL, for a whole set of recipients; a test holds the two together."""
    born_by = recipient_rules.older_people_born_by(today)
    return case(
        (Recipient.kind == RecipientKind.CARER, CareGroup.CARERS.value),
        (
            Recipient.primary_support_reason == PrimarySupportReason.LEARNING_DISABILITY,
            CareGroup.LEARNING_DISABILITIES.value,
        ),
        (Recipient.primary_support_reason == PrimarySupportReason.MENTAL_HEALTH, CareGroup.MENTAL_HEALTH.value),
        (Recipient.date_of_birth <= born_by, CareGroup.OLDER_PEOPLE.value),
        else_=CareGroup.PHYSICAL_DISABILITIES.value,
    )


def care_groups_moved(today: date, *, at: datetime) -> ReturningUpdate[UUID, CareGroup | None]:
    """Return the one statement that moves open accounts to their recipients' care group of the day, and names them."""
    group = care_group_on(today)
    return (
        update(Account)
        .where(
            Account.agreement_id == Agreement.id,
            Recipient.id == Agreement.recipient_id,
            Account.status == AccountStatus.OPEN,
            Account.care_group != group,
        )
        .values(care_group=group, version=Account.version + 1, updated_at=at)
        .returning(Account.id, Account.care_group)
        .execution_options(synchronize_session=False)
    )


def _accounts(session: AnySession, *, now: datetime) -> Select[*tuple[Any, ...]]:
    is_late = func.coalesce(_FEED.c.late_from < now, false()).label("feed_is_late")
    return (
        select(*_ACCOUNT, *_BALANCE, _FEED.c.newest_at.label("balance_as_of"), is_late, Agreement.recipient_id)
        .outerjoin(Agreement, Agreement.id == Account.agreement_id)
        .outerjoin(Recipient, Recipient.id == Agreement.recipient_id)
        .outerjoin(AccountBalance, AccountBalance.account_id == Account.id)
        .outerjoin(_FEED, _FEED.c.provider_code == Account.provider_code)
        .where(_in_sight(session))
    )


def _in_sight(session: AnySession) -> ColumnElement[bool]:
    """A trial account is nobody's, and seen by those who are not bound to teams."""
    seen = sight.of_person(session)
    return or_(seen, Account.agreement_id.is_(None)) if sight.sees_all(session) else seen


def _with_balance(row: Any) -> AccountRow:
    stored = dict(row)
    recipient_id = stored.pop("recipient_id")
    posted, held = stored.pop("posted_pence"), stored.pop("held_pence")
    money = schemas.Balance(
        posted_pence=posted,
        held_pence=held,
        available_pence=posted - held,
        last_booked_on=stored.pop("last_booked_on"),
    )
    return schemas.AccountView(**stored, balance=money), recipient_id


async def trial_account(session: WriteSession, *, provider_code: str) -> Account:
    """Return a provider's one trial account, which must have been opened."""
    trial = select(Account).where(Account.provider_code == provider_code, Account.kind == AccountKind.TRIAL)
    return (await session.execute(trial)).scalar_one()
