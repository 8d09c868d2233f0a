"""Staff of the council as this software knows them: one number a person, whatever accounts they sign in with. Written
by dp_api.
"""

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.shared.tables.base import At, Code, Table, held_by
from services.shared.values import staff_numbers
from services.shared.vocabulary.records import Service


class Team(Table):
    """A care pathway team; recipients belong to one, care workers see the caseloads of theirs."""

    __tablename__ = "team"
    __table_args__ = {"info": held_by(Service.DP_API)}

    code: Mapped[Code] = mapped_column(primary_key=True)
    name: Mapped[str]


class StaffMember(Table):
    """One person on the council's staff, by staff number."""

    __tablename__ = "staff_member"
    __table_args__ = (
        CheckConstraint(f"staff_number ~ '^{staff_numbers.FORM}$'", name="staff_number_is_folded"),
        {"info": held_by(Service.DP_API)},
    )

    staff_number: Mapped[Code] = mapped_column(primary_key=True)
    display_name: Mapped[str]
    is_active: Mapped[bool]
    version: Mapped[int] = mapped_column()
    updated_at: Mapped[At]

    __mapper_args__ = {"version_id_col": version}


class StaffLogin(Table):
    """An account (issuer and subject of a token) that belongs to a staff member, so that nobody is their own second
    person.
    """

    __tablename__ = "staff_login"
    __table_args__ = {"info": held_by(Service.DP_API, deletes=True)}

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    staff_number: Mapped[Code] = mapped_column(ForeignKey("staff_member.staff_number"), index=True)


class StaffTeam(Table):
    """A team whose caseload a staff member sees."""

    __tablename__ = "staff_team"
    __table_args__ = {"info": held_by(Service.DP_API, deletes=True)}

    staff_number: Mapped[Code] = mapped_column(ForeignKey("staff_member.staff_number"), primary_key=True)
    team_code: Mapped[Code] = mapped_column(ForeignKey("team.code"), primary_key=True)
