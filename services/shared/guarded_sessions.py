"""The synchronous hearts of the two kinds of session: one refuses changes, the other forgets a mark with its entry."""

import re
from typing import Final

from sqlalchemy import TextClause, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

AUDITED: Final = "audited"
"""The mark that an entry of the trail stands in a session's transaction."""

_QUESTION: Final = re.compile(r"[\s(]*(SELECT|WITH|VALUES|TABLE|SHOW)\b", re.IGNORECASE)
_CHANGES: Final = re.compile(r"\b(INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY)\b", re.IGNORECASE)


class ReadOnlyError(RuntimeError):
    """A read session was asked to change rows. A defect of ours."""


class ReadOnly(Session):
    """The synchronous heart of a read session: it refuses every change that passes through SQLAlchemy."""


class Audited(Session):
    """The synchronous heart of a write session: it forgets the audit mark when anything is rolled back."""


@event.listens_for(ReadOnly, "before_flush")
def _refuse_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    if session.new or session.deleted or any(session.is_modified(row) for row in session.dirty):
        raise ReadOnlyError("a read session holds changed rows")


@event.listens_for(ReadOnly, "do_orm_execute")
def _refuse_change(state: ORMExecuteState) -> None:
    is_change = state.is_insert or state.is_update or state.is_delete
    if isinstance(state.statement, TextClause):
        is_change = _QUESTION.match(state.statement.text) is None or _CHANGES.search(state.statement.text) is not None
    if is_change and not state.execution_options.get("read_record"):
        raise ReadOnlyError("a read session was handed a statement that changes rows")


@event.listens_for(Audited, "after_soft_rollback")
def _forget_the_mark(session: Session, _rolled_back: SessionTransaction) -> None:
    session.info[AUDITED] = False
