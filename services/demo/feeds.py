"""The county's money as its providers would write it down: card events week by week, bank statements month by month."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

import msgspec

from services.card_ingest import events
from services.demo import accounts, county
from services.demo.awards import AccountPlan, Award
from services.demo.county import County
from services.demo.movements import Movement
from services.demo.payees import TRADES
from services.shared.vocabulary.agreements import AccountKind
from services.shared.vocabulary.money import EventStatus, SpendCategory, TransactionType

EVENTS: Final = "canonical"
STATEMENT: Final = "demo_bank_statement"
HEADING: Final = "Account,Date,Type,Description,Reference,Amount,Transaction ID"
_WORDS: Final[Mapping[TransactionType, str]] = MappingProxyType(
    {
        TransactionType.LOAD: "LOAD",
        TransactionType.CONTRIBUTION_IN: "CON",
        TransactionType.DIRECT_DEBIT: "DD",
        TransactionType.DIRECT_DEBIT_BOUNCE: "RFD",
        TransactionType.STANDING_ORDER: "SO",
        TransactionType.FASTER_PAYMENT_OUT: "FPO",
        TransactionType.PURCHASE_POS: "DPT",
        TransactionType.PURCHASE_ECOM: "DPT",
        TransactionType.ATM_WITHDRAWAL: "ATM",
        TransactionType.FEE: "CHG",
        TransactionType.REFUND: "RFD",
        TransactionType.REVERSAL: "RFD",
        TransactionType.UNLOAD: "REC",
    }
)
_ENCODER: Final = msgspec.json.Encoder()
_LETTERS: Final = str.maketrans("0123456789", "ghjkmnpqrs")
_BY_CARD: Final = frozenset(
    {TransactionType.PURCHASE_POS, TransactionType.PURCHASE_ECOM, TransactionType.ATM_WITHDRAWAL}
)
_WAITING_ACCOUNTS: Final = 3


@dataclass(frozen=True, slots=True)
class Feed:
    """One delivery as its provider sends it; `external_id` is the provider's own name for it."""

    provider_code: str
    profile: str
    external_id: str
    up_to: date
    lines: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        """The delivery's bytes."""
        heading = (HEADING.encode(),) if self.profile == STATEMENT else ()
        return b"\n".join((*heading, *self.lines)) + b"\n"


def feeds(made: County, provider_code: str) -> Iterator[Feed]:
    """Yield everything that a provider sends, the last up to yesterday; a week or month at a time is in memory."""
    if provider_code == accounts.WHARFSIDE:
        yield from _statements(made)
        return
    for up_to, moved in county.weeks(made, provider_code):
        lines = tuple(_event_line(account, movement) for account, movement in _of_accounts(moved))
        if provider_code == accounts.LANTHORN and up_to == made.today:
            lines += tuple(waiting_lines(made))
        if lines:
            yield Feed(provider_code, EVENTS, f"{provider_code}-{up_to:%Y%m%d}", up_to, lines)


def waiting_lines(made: County) -> Iterator[bytes]:
    """Yield rows of accounts that their provider has opened and the council has not yet: they wait in quarantine."""
    yesterday = made.today - timedelta(days=1)
    drafts = [award for award in made.awards if award.account is None][:_WAITING_ACCOUNTS]
    for award in drafts:
        reference = f"LP{award.number + 900_001:07d}"
        plan = AccountPlan(AccountKind.PREPAID_CARD, accounts.LANTHORN, reference, "0000", yesterday, ())
        load = Movement(yesterday, 18_000, 1, TransactionType.LOAD, EventStatus.POSTED, 4 * award.weekly_gross_pence)
        shop = TRADES[SpendCategory.RETAIL_HOUSEHOLD].payees[0]
        first = Movement(yesterday, 43_200, 2, TransactionType.PURCHASE_POS, EventStatus.POSTED, 1_250, shop)
        yield from (_event_line(plan, movement) for movement in (load, first))


def event(account: AccountPlan, movement: Movement) -> events.CardEvent:
    """Return a movement as the canonical card event; the booking day is the day on which it happens."""
    payee = movement.payee
    return events.CardEvent(
        provider_transaction_id=transaction_id(account, movement.number),
        status=movement.status,
        type=movement.type,
        occurred_at=datetime.combine(movement.on, time.min, UTC) + timedelta(seconds=movement.second),
        amount_pence=movement.pence,
        currency="GBP",
        account_ref=account.provider_account_ref,
        card_ref=_card_ref(account, movement),
        mcc=payee.mcc if payee else None,
        merchant_name=payee.name if payee else None,
        reverses_transaction_id=transaction_id(account, movement.refers_to) if movement.refers_to else None,
        decline_reason="insufficient funds" if movement.status is EventStatus.DECLINED else None,
    )


def transaction_id(account: AccountPlan, number: int) -> str:
    """Return the provider's id of a movement: it looks random, and is the same at every run.

    Letters alone, since a long run of digits may pass for a card number, which no feed may hold.
    """
    return blake2b(f"{account.provider_account_ref}/{number}".encode(), digest_size=10).hexdigest().translate(_LETTERS)


def _statements(made: County) -> Iterator[Feed]:
    for up_to, moved in county.months(made, accounts.WHARFSIDE):
        lines = tuple(_statement_line(account, movement) for account, movement in _of_accounts(moved))
        if lines:
            yield Feed(accounts.WHARFSIDE, STATEMENT, f"{accounts.WHARFSIDE}-{up_to:%Y%m%d}", up_to, lines)


def _of_accounts(moved: Iterable[tuple[Award, Movement]]) -> Iterator[tuple[AccountPlan, Movement]]:
    return ((award.account, movement) for award, movement in moved if award.account is not None)


def _event_line(account: AccountPlan, movement: Movement) -> bytes:
    return _ENCODER.encode(event(account, movement))


def _statement_line(account: AccountPlan, movement: Movement) -> bytes:
    """Return a line of the statement, whose amounts are in pounds and positive for money in."""
    pounds, pence = divmod(movement.pence, 100)
    sign = "-" if movement.effect_pence < 0 else ""
    name = movement.payee.name if movement.payee else ""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(
        (
            account.provider_account_ref,
            f"{movement.on:%d/%m/%Y}",
            _WORDS[movement.type],
            name,
            "",
            f"{sign}{pounds}.{pence:02d}",
            transaction_id(account, movement.number),
        )
    )
    return line.getvalue().encode()


def _card_ref(account: AccountPlan, movement: Movement) -> str | None:
    """Return the card that was used on the day: the newest that was open by then."""
    if not account.cards or movement.type not in _BY_CARD:
        return None
    used = next((card for card in reversed(account.cards) if card.opened_on <= movement.on), account.cards[0])
    return used.provider_card_ref
