"""Questions about people: a SELECT compiled once, cut to the teams that the caller sees, whose statement also enters
who is shown whom. The read record is committed before the first row of the answer is here.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from sqlalchemy import CTE, ColumnElement, Integer, Select, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import InstrumentedAttribute

from services.shared import audit, direct, sight
from services.shared.direct import Reading, Statement, Values
from services.shared.identity.actor import Actor
from services.shared.paging import Page
from services.shared.tables.records import ReadEntry

_LIMIT: Final = "page_limit"
_ONE_MORE: Final = "page_limit_and_one"
_PLACE: Final = "place"


@dataclass(frozen=True, slots=True)
class Shows:
    """Whom an answer shows: the kind of subject, and the answer's column that holds each one's id."""

    kind: str
    column: str


class InSight:
    """A SELECT cut to what its caller sees, shown to nobody: something is judged by it. It leaves no record.

    `team` is the column by which it is cut to the caller's teams; `where` holds the conditions that count only where
    their value is given.
    """

    def __init__(
        self,
        asked: Select[*tuple[Any, ...]],
        *,
        team: InstrumentedAttribute[str],
        where: Mapping[str, ColumnElement[bool]] = MappingProxyType({}),
    ) -> None:
        self._asked = asked
        self._where = {**where, sight.TEAMS: sight.of_asked_teams(team)}
        self._compiled: dict[frozenset[str], Statement] = {}

    async def rows(self, reading: Reading, values: Values) -> list[asyncpg.Record]:
        """Ask with those of the conditions whose values are given. Raises ValueError where nobody is signed in."""
        if reading.actor is None:
            raise ValueError("nobody is signed in, so nobody can be shown a person")
        given = {**values, sight.TEAMS: sight.teams(reading.actor)}
        given = {name: value for name, value in given.items() if value is not None}
        given |= self._record(reading, reading.actor)
        return await direct.ask(reading, self._statement(self._where.keys() & given.keys()), given)

    async def row(self, reading: Reading, values: Values) -> asyncpg.Record | None:
        """Return the one row, None where there is none in sight."""
        return next(iter(await self.rows(reading, values)), None)

    def _statement(self, present: AbstractSet[str]) -> Statement:
        if (known := self._compiled.get(key := frozenset(present))) is not None:
            return known
        asked = self._asked.where(*(condition for name, condition in self._where.items() if name in present))
        return self._compiled.setdefault(key, direct.compiled(self._recorded(asked)))

    def _record(self, _reading: Reading, _actor: Actor) -> Values:
        """Return the values of the record that the statement leaves."""
        return MappingProxyType({})

    def _recorded(self, asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Return the question with the record that it leaves."""
        return asked


class Question(InSight):
    """A question for one record, which is shown. Where none is in sight, nothing is shown and nothing entered."""

    def __init__(
        self,
        asked: Select[*tuple[Any, ...]],
        *,
        action: str,
        shows: Shows,
        team: InstrumentedAttribute[str],
        where: Mapping[str, ColumnElement[bool]] = MappingProxyType({}),
    ) -> None:
        super().__init__(asked, team=team, where=where)
        self._action = action
        self._shows = shows

    def _record(self, reading: Reading, actor: Actor) -> Values:
        return audit.read_row(reading, actor, action=self._action, subject_kind=self._shows.kind)

    def _recorded(self, asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        shown = asked.cte("shown")
        return select(shown).add_cte(_logged(select(*_LOG, array([shown.c[self._shows.column]]))))


class Listing(Question):
    """A question for a page of a list, asked in its order. A page of nobody is entered too: that somebody looked is
    the record.
    """

    async def page(self, reading: Reading, values: Values, page: Page) -> list[asyncpg.Record]:
        """Return the page's rows, and one more when there is one; the record names those of the page alone."""
        return await self.rows(reading, {**values, _LIMIT: page.limit, _ONE_MORE: page.limit + 1})

    def _recorded(self, asked: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        place = func.row_number().over(order_by=asked._order_by_clauses).label(_PLACE)
        shown = asked.add_columns(place).limit(bindparam(_ONE_MORE, type_=Integer)).cte("shown")
        ids = select(shown.c[self._shows.column]).where(shown.c[_PLACE] <= bindparam(_LIMIT, type_=Integer))
        listed = func.array(ids.order_by(shown.c[_PLACE]).scalar_subquery())
        columns = [column for column in shown.c if column.name != _PLACE]
        return select(*columns).order_by(shown.c[_PLACE]).add_cte(_logged(select(*_LOG, listed)))


_LOG: Final = [
    bindparam(column.name, type_=column.type).label(column.name)
    for column in ReadEntry.__table__.columns
    if column.name not in ("id", "subject_ids")
]


def _logged(row: Select[*tuple[Any, ...]]) -> CTE:
    columns = [bound.name for bound in _LOG]
    return insert(ReadEntry).from_select([*columns, "subject_ids"], row).cte("logged")
