"""Teams and staff members, in and out."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from services.shared.values import bodies, fields


class TeamName(bodies.RequestBody):
    """What a team is called."""

    name: fields.Line


class TeamView(bodies.ResponseBody):
    """A care pathway team."""

    code: str
    name: str


class Login(bodies.RequestBody):
    """An account that a staff member signs in with: the issuer of its tokens and its subject there."""

    issuer: fields.Line
    subject: fields.Line


class StaffMemberSettings(bodies.RequestBody):
    """All that is set about a staff member at once: whatever is left out of `teams` or `logins` is taken away."""

    display_name: fields.Line
    is_active: bool
    teams: Annotated[list[fields.Code], Field(max_length=100)]
    logins: Annotated[list[Login], Field(max_length=20)]


class LoginView(bodies.ResponseBody):
    """An account that belongs to a staff member."""

    issuer: str
    subject: str


class StaffMemberView(bodies.ResponseBody):
    """A staff member: one number a person, whatever accounts they sign in with."""

    staff_number: str
    display_name: str
    is_active: bool
    teams: Sequence[str]
    logins: Sequence[LoginView]
    version: int


class Me(bodies.ResponseBody):
    """Who the caller is to this software, and what they may do."""

    name: str
    display_name: str | None
    roles: Sequence[str]
    teams: Sequence[str] | None = Field(description="The teams whose caseloads are shown; null means all of them.")
    provider: str | None
    permissions: Sequence[str]
