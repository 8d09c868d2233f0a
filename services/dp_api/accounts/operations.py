"""Acts on accounts and their reading, which leaves its own record."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final
from uuid import UUID, uuid4

from services.dp_api.accounts import queries, rules, schemas, statements
from services.dp_api.recipients import rules as recipient_rules
from services.shared import audit, clock, paging
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, Invalid
from services.shared.lifecycles.agreements import ACCOUNT
from services.shared.tables.agreements import Account, Agreement, Card
from services.shared.vocabulary.agreements import AccountKind, AgreementStatus

TRIAL_REF: Final = "trial"
REFRESH: Final = "refresh_care_groups"
_PERSONAL: Final = frozenset({"provider_account_ref", "provider_card_ref", "last_four", "care_group"})
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_FACTS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        Account.__tablename__: (
            "agreement_id",
            "kind",
            "status",
            "provider_code",
            "provider_account_ref",
            "last_four",
            "care_group",
            "opened_on",
            "closed_on",
        ),
        Card.__tablename__: ("account_id", "provider_card_ref", "last_four", "opened_on", "closed_on"),
    }
)


async def open_account(session: WriteSession, *, values: schemas.NewAccount, today: date) -> schemas.AccountWithCards:
    """Open an account for an agreement, under the recipient's care group of the day.

    Raises Invalid for an unknown agreement or provider or a day in the future, Conflict for an ended agreement, a
    money manager's account where the agreement names none, or a reference that is taken.
    """
    opened_on = rules.opening_day(values.opened_on, today=today)
    holder = await queries.holder(session, agreement_id=values.agreement_id)
    if holder is None:
        raise Invalid("no such agreement", code="unknown_agreement", pointer="/agreement_id")
    _refuse_for(holder.agreement, kind=AccountKind(values.kind))
    await _refuse_reference(session, values)
    now = clock.now()
    account = Account(
        id=uuid4(),
        agreement_id=values.agreement_id,
        kind=AccountKind(values.kind),
        status=ACCOUNT.initial,
        provider_code=values.provider_code,
        provider_account_ref=values.provider_account_ref,
        last_four=values.last_four,
        care_group=recipient_rules.care_group(
            kind=holder.recipient.kind,
            primary_support_reason=holder.recipient.primary_support_reason,
            date_of_birth=holder.recipient.date_of_birth,
            today=today,
        ),
        opened_on=opened_on,
        closed_on=None,
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    await session.flush()
    await record(session, account, action="open_account", person_id=holder.recipient.id)
    return (await queries.account(session, account_id=account.id, now=now))[0]


async def open_trial_account(session: WriteSession, *, provider_code: str, today: date) -> UUID:
    """Return the provider's trial account, opened once; no payment, report or clawback touches it.

    Raises Invalid for an unknown provider.
    """
    if not await queries.is_provider(session, code=provider_code):
        raise Invalid("no such feed provider", code="unknown_provider", pointer="/provider_code")
    now = clock.now()
    await statements.open_trial(session, provider_code=provider_code, ref=TRIAL_REF, opened_on=today, now=now)
    account = await queries.trial_account(session, provider_code=provider_code)
    if account.created_at == now:
        await record(session, account, action="open_trial_account", person_id=None)
    return account.id


async def close_account(
    session: WriteSession, *, account_id: UUID, values: schemas.Closure, today: date
) -> schemas.AccountWithCards:
    """Close an account and its cards. The money in it has to be gone first: closing would strand it.

    Raises NotFound, Conflict for an account that is closed or still holds money, Invalid for a day that cannot be.
    """
    account, recipient_id = await queries.account_for_change(session, account_id=account_id)
    target = ACCOUNT.move(account.status, "close")
    if any(await queries.balance(session, account_id=account_id)):
        raise Conflict("the account still holds money, posted or held", code="account_not_empty")
    closed_on = rules.closing_day(values.closed_on, opened_on=account.opened_on, today=today)
    before = _facts(account)
    account.status, account.closed_on, account.updated_at = target, closed_on, clock.now()
    await session.flush()
    for card in await queries.open_cards(session, account_id=account_id):
        await end_card(
            session,
            card,
            action="close_account",
            closed_on=max(closed_on, card.opened_on),
            person_id=recipient_id,
            reason=values.reason,
        )
    await record(session, account, action="close_account", before=before, person_id=recipient_id, reason=values.reason)
    return (await queries.account(session, account_id=account_id, now=clock.now()))[0]


async def refresh_care_groups(session: WriteSession, *, today: date) -> Mapping[str, object]:
    """Bring the care group of every open account in line with its recipient (a 65th birthday, a changed need), in one
    set, and enter it once with the digest of the ordered rows. Returns how many `accounts` it moved.
    """
    moved = await session.execute(queries.care_groups_moved(today, at=clock.now()))
    lines = sorted(f"{account_id}|{care_group}" for account_id, care_group in moved)
    outcome = {"accounts": len(lines)}
    await audit.record(
        session,
        action=REFRESH,
        subject=audit.Subject("care_groups", today.isoformat()),
        after=outcome,
        digest=hashlib.sha256("\n".join(lines).encode()).digest(),
    )
    return outcome


async def read_account(session: ReadSession, *, account_id: UUID) -> schemas.AccountWithCards:
    """Show the caller one account with its balance and cards. Raises NotFound."""
    found, recipient_id = await queries.account(session, account_id=account_id, now=clock.now())
    await note_shown(session, action="read_account", whose=[recipient_id])
    return found


async def list_accounts(
    session: ReadSession, *, wanted: schemas.AccountFilter, page: paging.Page
) -> paging.Paged[schemas.AccountView]:
    """Show the caller the accounts in their sight."""
    rows = await queries.accounts(session, wanted=wanted, page=page, now=clock.now())
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row[0].id,))
    await note_shown(session, action="list_accounts", whose=[recipient_id for _, recipient_id in shown])
    return paging.Paged(items=[account for account, _ in shown], next_cursor=next_cursor)


async def end_card(
    session: WriteSession, card: Card, *, action: str, closed_on: date, person_id: UUID | None, reason: str
) -> None:
    """End a card by itself or with its account, and enter it."""
    before = _facts(card)
    card.closed_on = closed_on
    await session.flush()
    await record(session, card, action=action, person_id=person_id, before=before, reason=reason)


async def record(
    session: WriteSession,
    row: Account | Card,
    *,
    action: str,
    person_id: UUID | None,
    before: Mapping[str, object] = _NOTHING,
    reason: str | None = None,
) -> None:
    """Enter an act on an account or a card: what it was, what it is, and whose it is."""
    await audit.record(
        session,
        action=action,
        subject=audit.Subject(row.__tablename__, str(row.id)),
        before=before,
        after=_facts(row),
        person_id=person_id,
        personal=frozenset() if person_id is None else _PERSONAL,
        reason=reason,
    )


def _refuse_for(agreement: Agreement, *, kind: AccountKind) -> None:
    if agreement.status is AgreementStatus.ENDED:
        raise Conflict("the agreement has ended", code="agreement_ended")
    if kind is AccountKind.MONEY_MANAGER_ACCOUNT and agreement.money_manager_id is None:
        raise Conflict("the agreement names no money manager", code="no_money_manager")


async def _refuse_reference(session: WriteSession, values: schemas.NewAccount) -> None:
    if not await queries.is_provider(session, code=values.provider_code):
        raise Invalid("no such feed provider", code="unknown_provider", pointer="/provider_code")
    if values.provider_account_ref == TRIAL_REF:
        raise Invalid(
            "the reference of trial accounts alone", code="reference_of_trials", pointer="/provider_account_ref"
        )
    if await queries.is_account_ref_taken(
        session, provider_code=values.provider_code, reference=values.provider_account_ref
    ):
        raise Conflict("the account's reference is taken", code="reference_taken", pointer="/provider_account_ref")


async def note_shown(session: ReadSession, *, action: str, whose: list[UUID | None]) -> None:
    """Record whose accounts the caller is shown."""
    people = sorted({recipient_id for recipient_id in whose if recipient_id is not None})
    await audit.record_read(session, action=action, subject_kind="recipient", subject_ids=people)


def _facts(row: Account | Card) -> dict[str, object]:
    return {name: getattr(row, name) for name in _FACTS[row.__tablename__]}
