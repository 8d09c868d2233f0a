"""Money as it moved: posted transactions, holds, declines, balances and the spend summary. Written by card_ingest."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Pence, Table, choice, held_by
from services.shared.vocabulary.money import EventStatus, SpendCategory, SpendHeading, TransactionType
from services.shared.vocabulary.records import Service

INGEST = Service.CARD_INGEST


class CardTransaction(Table):
    """A posted transaction, for ever: corrections are new rows. `amount_pence` is its effect on the balance (a
    purchase is negative).

    No foreign keys: each costs a fifth of the posting rate or more; the posting statement joins account and card, and
    a nightly check
    proves that every reference stands. `care_group` is NULL on a trial account alone, and reports leave such rows out.
    `accounting_month` is the Europe/London month of `booked_on` as yyyymm. `merchant_pence` is in the merchant's
    currency, in its minor unit. `payee` is the merchant or counterparty cleaned and grouped, `authorisation_id` the
    hold that the row names as its own. `category` is the one it posted under; a later `categorisation` goes before it.
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
    payee: Mapped[str | None]
    authorisation_id: Mapped[str | None]


class CardHold(Table):
    """An authorisation that has not cleared: it counts in the available balance, never in the posted one. Magnitude
    in pence; what is held is `amount_pence` less `released_pence`, the sum of its `reversed` releases and never more
    than the amount.
    """

    __tablename__ = "card_hold"
    __table_args__ = (
        CheckConstraint("amount_pence > 0", name="amount_is_a_magnitude"),
        CheckConstraint("released_pence BETWEEN 0 AND amount_pence", name="released_within_amount"),
        Index("ix_card_hold_open", "account_id", postgresql_where=text("status = 'authorised'")),
        Index("ix_card_hold_settled_at", "settled_at", postgresql_using="brin"),
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
    released_pence: Mapped[Pence] = mapped_column(server_default=text("0"))


class CardRelease(Table):
    """An event that ends or lessens an authorisation, once each, whether it came before the authorisation or after.

    `hold_id` is the authorisation's transaction id. A `reversed` one releases its magnitude in pence, nil being the
    whole; an `expired` or `declined` one the whole; a `posted` one is a settlement that named a hold not yet known.
    """

    __tablename__ = "card_release"
    __table_args__ = (
        CheckConstraint("amount_pence >= 0", name="amount_is_a_magnitude"),
        CheckConstraint("status <> 'authorised'", name="ends_or_lessens"),
        Index("ix_card_release_hold", "provider_code", "hold_id"),
        {"info": held_by(INGEST, append_only=True)},
    )

    provider_code: Mapped[Code] = mapped_column(primary_key=True)
    provider_transaction_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[EventStatus] = mapped_column(choice(EventStatus), primary_key=True)
    released_at: Mapped[At] = mapped_column(primary_key=True)
    amount_pence: Mapped[Pence] = mapped_column(primary_key=True)
    hold_id: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    delivery_number: Mapped[int]
    row_number: Mapped[int] = mapped_column(Integer)


class CardDecline(Table):
    """A declined attempt: it moves no money and stays out of totals, and is kept for safeguarding."""

    __tablename__ = "card_decline"
    __table_args__ = (
        Index("ix_card_decline_account_id_declined_at", "account_id", "declined_at"),
        Index("ix_card_decline_delivery_number_row_number", "delivery_number", "row_number"),
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
    """Which category a posted transaction gets, as dated data, asked in this order: by payee (of one account, or of
    all), by merchant, by merchant category code (MCC), by transaction type.

    `payee` and `merchant` are cleaned names, matched by whole words. A rule holds from `effective_from` until a later
    rule for the same key; money that comes back takes the category of where it was spent.
    """

    __tablename__ = "category_rule"
    __table_args__ = (
        CheckConstraint("num_nonnulls(mcc, type, merchant, payee) = 1", name="one_key"),
        CheckConstraint("account_id IS NULL OR payee IS NOT NULL", name="account_has_payee"),
        CheckConstraint("mcc ~ '^[0-9]{4}$'", name="mcc_has_four_digits"),
        UniqueConstraint(
            "mcc",
            "type",
            "merchant",
            "payee",
            "account_id",
            "effective_from",
            name="uq_category_rule_key",
            postgresql_nulls_not_distinct=True,
        ),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    mcc: Mapped[str | None]
    type: Mapped[TransactionType | None] = mapped_column(choice(TransactionType))
    category: Mapped[SpendCategory] = mapped_column(choice(SpendCategory))
    effective_from: Mapped[date]
    made_by: Mapped[str]
    reason: Mapped[str]
    merchant: Mapped[str | None]
    payee: Mapped[str | None]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class Categorisation(Table):
    """A category that a person gave a posted transaction afterwards; the latest counts, all are kept.

    `act_id` is shared by what one person changed at once. `reason` is encrypted under the key of the person whose
    transactions these were; where they were several people's it names nobody and stands in clear. `follows_id` is the
    transaction that this one takes back and went along with; NULL where a person meant this very one.
    """

    __tablename__ = "categorisation"
    __table_args__ = (
        Index("ix_categorisation_transaction_id_id", "transaction_id", "id"),
        {"info": held_by(INGEST, append_only=True)},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("card_transaction.id"))
    act_id: Mapped[UUID]
    category: Mapped[SpendCategory] = mapped_column(choice(SpendCategory))
    made_by: Mapped[str]
    made_at: Mapped[At]
    reason: Mapped[str]
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("card_transaction.id"))


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
