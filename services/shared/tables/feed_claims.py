"""What files have said, so that a later one is known by it: their layouts, days, rows and payments. Written by
card_ingest.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Pence, Table, held_by
from services.shared.vocabulary.records import Service


class FeedLayout(Table):
    """A layout as a provider's rows were read by it, in the order of first use: by the first that can read it, a row
    without an id is known for ever, whatever later versions make of it.

    `form` is the profile as JSON; `digest` is of what of it decides on the reading, so that an edit without a new
    version is another layout, and a version that reads the same is none.
    """

    __tablename__ = "feed_layout"
    __table_args__ = (
        UniqueConstraint("provider_code", "profile", "digest"),
        {"info": held_by(Service.CARD_INGEST, readers=(Service.CARD_INGEST,), append_only=True)},
    )

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    profile: Mapped[str]
    version: Mapped[int]
    form: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    first_used_at: Mapped[At]


class FeedCompleteDay(Table):
    """A day of an account that a file without transaction ids covers whole: `digest` is of its rows in any order.

    A later file that says otherwise about the day is held for a person. Once people have posted what it says, that is
    the day's next `revision`; the highest is what a file is compared with.
    """

    __tablename__ = "feed_complete_day"
    __table_args__ = {"info": held_by(Service.CARD_INGEST, append_only=True)}

    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"), primary_key=True)
    profile: Mapped[str] = mapped_column(primary_key=True)
    account_ref: Mapped[str] = mapped_column(primary_key=True)
    booked_on: Mapped[date] = mapped_column(primary_key=True)
    delivery_number: Mapped[int]
    rows: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    revision: Mapped[int] = mapped_column(primary_key=True, server_default="1")


class FeedIncrementRow(Table):
    """A row of a feed without transaction ids whose files hold what no other holds: its content, and who had it first.

    An equal row of a later file is held for a person. `digest` is the one that the row's id is made of.
    """

    __tablename__ = "feed_increment_row"
    __table_args__ = {"info": held_by(Service.CARD_INGEST, append_only=True)}

    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"), primary_key=True)
    profile: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    delivery_number: Mapped[int]


class PaymentTelling(Table):
    """A row of a bank's message that has posted, or tells again of what has: by what another message is compared.

    `source` is the layout that read it. The entry is the bank's booking, of which the row is all or a detail.
    `reference_texts` are `name:text`, the entry's among them, `payee` the other side's name in small letters.
    """

    __tablename__ = "payment_telling"
    __table_args__ = (
        Index("ix_payment_telling_account_id_booked_on", "account_id", "booked_on"),
        {"info": held_by(Service.CARD_INGEST, readers=(Service.CARD_INGEST,), append_only=True)},
    )

    delivery_number: Mapped[int] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(Integer, primary_key=True)
    source: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    effect_pence: Mapped[Pence]
    booked_on: Mapped[date]
    entry_number: Mapped[int] = mapped_column(Integer)
    entry_pence: Mapped[Pence]
    reference_texts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    payee: Mapped[str | None]


class PaymentMatch(Table):
    """A row that tells again of what has posted, beside the posted row: on what grounds, when, and by whom found.

    A row that tells of several has one of these for each. Where a row was found to tell of another payment later, the
    highest `revision` counts. A match is undone by two people who post the row: its quarantined row then says so.
    """

    __tablename__ = "payment_match"
    __table_args__ = (
        CheckConstraint(
            "ground IN ('reference', 'payee', 'parts', 'earlier_layout', 'decision')", name="ground_is_known"
        ),
        Index("ix_payment_match_stands", "stands_delivery_number", "stands_row_number"),
        {"info": held_by(Service.CARD_INGEST, append_only=True)},
    )

    delivery_number: Mapped[int] = mapped_column(primary_key=True)
    row_number: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    stands_delivery_number: Mapped[int] = mapped_column(primary_key=True)
    stands_row_number: Mapped[int] = mapped_column(Integer, primary_key=True)
    provider_code: Mapped[Code] = mapped_column(ForeignKey("feed_provider.code"))
    ground: Mapped[str]
    matched_at: Mapped[At]
    matched_by: Mapped[str]
