"""Money as it moved: posted transactions, holds, declines, balances and the spend summary. Written by card_ingest."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Pence, Table, choice, held_by
from services.shared.vocabulary import EventStatus, Service, SpendCategory, SpendHeading, TransactionType

INGEST = Service.CARD_INGEST


class CardTransaction(Table):
    """A posted transaction, for ever: corrections are new rows. `amount_pence` is its effect on the balance (a
    purchase is negative).

    No foreign keys: each costs a fifth of the posting rate or more; the posting statement joins account and card, and
    a nightly check
    proves that every reference stands. `care_group` is NULL on a trial account alone, and reports leave such rows out.
    `accounting_month` is the Europe/London month of `booked_on` as yyyymm. `merchant_pence` is in the merchant's
    currency, in its minor unit.
    """

    __tablename__ = "card_transaction"
    __table_args__ = (
        UniqueConstraint("provider_code", "provider_transaction_id"),
        Index("ix_card_transaction_account_id_booked_on", "account_id", "booked_on"),
        Index("ix_card_transaction_delivery_number", "delivery_number", postgresql_using="brin"),
        Index("ix_card_transaction_booked_on", "booked_on", postgresql_using="brin"),
        CheckConstraint("amount_pence <> 0", name="moves_money"),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    provider_code: Mapped[Code]
    provider_transaction_id: Mapped[str]
    account_id: Mapped[UUID]
    card_id: Mapped[UUID | None]
    type: Mapped[str]
    amount_pence: Mapped[Pence]
    merchant_pence: Mapped[Pence | None]
    merchant_currency: Mapped[str | None]
    occurred_at: Mapped[At]
    booked_on: Mapped[date]
    accounting_month: Mapped[int] = mapped_column(Integer)
    care_group: Mapped[str | None]
    category: Mapped[str]
    category_rule_id: Mapped[int | None] = mapped_column(Integer)
    mcc: Mapped[str | None]
    merchant_name: Mapped[str | None]
    merchant_category: Mapped[str | None]
    reference: Mapped[str | None]
    reverses_transaction_id: Mapped[str | None]
    content_digest: Mapped[bytes] = mapped_column(LargeBinary)
    delivery_number: Mapped[int]
    row_number: Mapped[int] = mapped_column(Integer)
    batch_number: Mapped[int]


class CardHold(Table):
    """An authorisation that has not cleared: it counts in the available balance, never in the posted one. Magnitude
    in pence.
    """

    __tablename__ = "card_hold"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount_is_a_magnitude"),
        Index("ix_card_hold_open", "account_id", postgresql_where=text("status = 'authorised'")),
        {"info": held_by(INGEST)},
    )

    provider_code: Mapped[Code] = mapped_column(primary_key=True)
    provider_transaction_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    amount_pence: Mapped[Pence]
    status: Mapped[EventStatus] = mapped_column(choice(EventStatus))
    mcc: Mapped[str | None]
    merchant_name: Mapped[str | None]
    authorised_at: Mapped[At]
    settled_at: Mapped[At | None]
    delivery_number: Mapped[int]
    row_number: Mapped[int] = mapped_column(Integer)


class CardDecline(Table):
    """A declined attempt: it moves no money and stays out of totals, and is kept for safeguarding."""

    __tablename__ = "card_decline"
    __table_args__ = (
        Index("ix_card_decline_account_id_declined_at", "account_id", "declined_at"),
        {"info": held_by(INGEST, append_only=True)},
    )

    provider_code: Mapped[Code] = mapped_column(primary_key=True)
    provider_transaction_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    amount_pence: Mapped[Pence]
    reason: Mapped[str | None]
    mcc: Mapped[str | None]
    merchant_name: Mapped[str | None]
    declined_at: Mapped[At]
    delivery_number: Mapped[int]
    row_number: Mapped[int] = mapped_column(Integer)


class AccountBalance(Table):
    """The balance of an account, moved by relative update in the transaction of the rows that cause it.

    Narrow and without an index on the amounts, so that updates stay on the page.
    """

    __tablename__ = "account_balance"
    __table_args__ = ({"info": held_by(INGEST), "postgresql_with": {"fillfactor": 65}},)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    posted_pence: Mapped[Pence]
    held_pence: Mapped[Pence]
    transactions: Mapped[int]
    last_booked_on: Mapped[date | None]


class Category(Table):
    """A spend category, the plain words that staff and recipients read, and the Plan's heading it is reported under."""

    __tablename__ = "category"
    __table_args__ = {"info": held_by(INGEST)}

    code: Mapped[SpendCategory] = mapped_column(choice(SpendCategory), primary_key=True)
    heading: Mapped[SpendHeading] = mapped_column(choice(SpendHeading))
    description: Mapped[str]


class CategoryRule(Table):
    """Which category a posted transaction gets, as dated data: by transaction type, or by merchant category code (MCC).

    A rule holds from `effective_from` until a later rule for the same key; a type rule goes before an MCC rule.
    """

    __tablename__ = "category_rule"
    __table_args__ = (
        CheckConstraint("(mcc IS NULL) <> (type IS NULL)", name="one_key"),
        CheckConstraint("mcc ~ '^[0-9]{4}$'", name="mcc_has_four_digits"),
        UniqueConstraint("mcc", "type", "effective_from", postgresql_nulls_not_distinct=True),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    mcc: Mapped[str | None]
    type: Mapped[TransactionType | None] = mapped_column(choice(TransactionType))
    category: Mapped[SpendCategory] = mapped_column(choice(SpendCategory))
    effective_from: Mapped[date]
    made_by: Mapped[str]
    reason: Mapped[str]


class SpendDelta(Table):
    """What one batch adds to the spend summary, written in the batch's own transaction and folded into it once by a
    job.
    """

    __tablename__ = "spend_delta"
    __table_args__ = (
        CheckConstraint("care_group <> ''", name="care_group_named"),
        {"info": held_by(INGEST, deletes=True)},
    )

    batch_number: Mapped[int] = mapped_column(primary_key=True)
    accounting_month: Mapped[int] = mapped_column(Integer, primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    care_group: Mapped[str] = mapped_column(primary_key=True)
    provider_code: Mapped[Code] = mapped_column(primary_key=True)
    amount_pence: Mapped[Pence]
    transactions: Mapped[int]


class SpendSummary(Table):
    """Posted money by month, category, care group and provider; with the unfolded deltas it equals the plain GROUP BY
    to the penny.
    """

    __tablename__ = "spend_summary"
    __table_args__ = {"info": held_by(INGEST)}

    accounting_month: Mapped[int] = mapped_column(Integer, primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    care_group: Mapped[str] = mapped_column(primary_key=True)
    provider_code: Mapped[Code] = mapped_column(primary_key=True)
    amount_pence: Mapped[Pence]
    transactions: Mapped[int]
