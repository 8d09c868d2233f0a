"""What files without transaction ids have said, so that a later one is known by it. Written by card_ingest."""

from datetime import date

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import Code, Table, held_by
from services.shared.vocabulary.records import Service


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
