"""Who sees which team: the one definition, as a condition of SQLAlchemy, as SQL text and as its parameter.

Whoever is bound to teams sees the people, and the money, of those teams alone; everybody else who may ask sees all. A
session without an actor shows nothing.
"""

from typing import Final

from sqlalchemy import ColumnElement, Text, any_, bindparam, false, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from services.shared.database import AnySession
from services.shared.identity.actor import Actor
from services.shared.tables.people import Recipient

TEAM_IS_SEEN: Final = "($1::text[] IS NULL OR recipient.team_code = ANY($1::text[]))"
"""The same of a statement that joins `recipient`; its first parameter is what `teams` returns."""


TEAMS: Final = "teams"
"""What `teams` returns is called in a statement that is compiled once."""


def of_asked_teams(team_code: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return the condition of a compiled statement; it is left out for whoever is bound to no teams."""
    return team_code == any_(bindparam(TEAMS, type_=ARRAY(Text)))


def teams(actor: Actor | None) -> list[str] | None:
    """Return the codes of the teams that the actor is bound to, in order; None where there is no such limit."""
    if actor is None:
        return []
    return None if actor.teams is None else sorted(actor.teams)


def sees_all(session: AnySession) -> bool:
    """Tell whether the session's actor is bound to no teams."""
    return teams(session.actor) is None


def of_team(session: AnySession, team_code: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Return the condition under which the session's actor is shown what is of a team."""
    if session.actor is None:
        return false()
    bound_to = teams(session.actor)
    return true() if bound_to is None else team_code.in_(bound_to)


def of_person(session: AnySession) -> ColumnElement[bool]:
    """Return the condition under which the actor is shown a recipient, for a question that has `recipient` in it."""
    return of_team(session, Recipient.team_code)
