"""Acts on recipients, and the reading of them, which leaves its own record."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from services.dp_api.recipients import queries, rules, schemas
from services.dp_api.staff import queries as staff_queries
from services.shared import audit, clock, paging
from services.shared.database import ReadSession, WriteSession
from services.shared.errors import Conflict, Invalid, Refused, Stale
from services.shared.identity.shown import FieldSet, field_set
from services.shared.tables.people import Recipient
from services.shared.vocabulary.people import RecipientKind

NOT_PERSONAL: Final = frozenset({"kind", "team_code", "home_care_zone", "administered_by"})
"""The facts of a record that the trail may hold in clear; every other one is under the person's own key."""

FACTS: Final = (
    "kind",
    "full_name",
    "known_as",
    "date_of_birth",
    "died_on",
    "primary_support_reason",
    "ethnicity",
    "team_code",
    "address_lines",
    "postcode",
    "home_care_zone",
    "administered_by",
    "communication_needs",
)
_OTHERWISE: Final = {"field_set", "nhs_number", "address_lines"}


async def register_recipient(
    session: WriteSession, *, values: schemas.NewRecipient, today: date
) -> schemas.RecipientForCare:
    """Register a recipient in a team that the actor sees.

    Raises Invalid for an unknown team or an impossible date of birth, Refused for somebody too young for a direct
    payment, Conflict for an NHS number that somebody else has.
    """
    _refuse_birth(date_of_birth=values.date_of_birth, today=today)
    await _refuse_team(session, code=values.team_code, must_be_seen=True)
    if values.nhs_number is not None:
        await _refuse_taken_number(session, nhs_number=values.nhs_number, except_id=None)
    now = clock.now()
    recipient = Recipient(id=uuid4(), died_on=None, merged_into_id=None, created_at=now, updated_at=now)
    _set(session, recipient, values=values.model_dump())
    session.add(recipient)
    await session.flush()
    await _record(session, recipient, action="register_recipient", before={})
    return _whole(session, recipient)


async def amend_recipient(
    session: WriteSession, *, recipient_id: UUID, version: int, values: schemas.RecipientAmendment, today: date
) -> schemas.RecipientForCare:
    """Amend what was sent of a recipient. A hand-over may go to any team, with a reason.

    Raises Stale when somebody else has amended since, Invalid for what cannot be right, Conflict for an NHS number that
    somebody else has, or for an amendment that makes no sense after a death.
    """
    recipient = await queries.recipient_for_change(session, recipient_id=recipient_id)
    if recipient.version != version:
        raise Stale(f"the recipient has been amended since version {version}")
    changes = values.model_dump(exclude_unset=True)
    if not changes.keys() - {"reason"}:
        raise Invalid("name at least one thing to amend", code="empty_amendment", pointer="")
    await _refuse_amendment(session, recipient, changes=changes, today=today)
    reason = changes.pop("reason", None)
    before = _facts(recipient, nhs_number=_nhs_number(session, recipient))
    _set(session, recipient, values=changes)
    recipient.updated_at = clock.now()
    await session.flush()
    await _record(session, recipient, action="amend_recipient", before=before, reason=reason)
    return _whole(session, recipient)


async def record_death(
    session: WriteSession, *, recipient_id: UUID, values: schemas.Death, today: date
) -> schemas.RecipientForCare:
    """Record the day on which a recipient died and who told the council, or put an earlier record right.

    Raises Invalid for a day in the future or before the birth, Conflict when a death is on record and no reason for a
    correction is given.
    """
    recipient = await queries.recipient_for_change(session, recipient_id=recipient_id)
    if recipient.died_on is not None and values.correction_reason is None:
        raise Conflict("a death is on record: to put it right give a correction_reason", code="death_on_record")
    if values.died_on > today:
        raise Invalid("the day lies in the future", code="day_in_future", pointer="/died_on")
    if values.died_on < recipient.date_of_birth:
        raise Invalid("the day lies before the date of birth", code="death_before_birth", pointer="/died_on")
    before = _facts(recipient, nhs_number=_nhs_number(session, recipient))
    recipient.died_on = values.died_on
    recipient.updated_at = clock.now()
    await session.flush()
    await _record(
        session,
        recipient,
        action="record_death",
        before=before,
        reason=values.correction_reason,
        told={"notified_by": values.notified_by},
    )
    return _whole(session, recipient)


async def read_recipient(session: ReadSession, *, recipient_id: UUID) -> schemas.AnyRecipient:
    """Show the caller one recipient, as far as their role goes. Raises NotFound."""
    found = await queries.recipient(session, recipient_id=recipient_id, field_set=_field_set(session))
    await audit.record_read(session, action="read_recipient", subject_kind="recipient", subject_ids=[recipient_id])
    return found


async def list_recipients(
    session: ReadSession, *, kind: RecipientKind | None, team_code: str | None, page: paging.Page
) -> paging.Paged[schemas.RecipientSummary]:
    """Show the caller the recipients in their sight."""
    rows = await queries.recipients(session, kind=kind, team_code=team_code, page=page)
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row.id,))
    await audit.record_read(
        session, action="list_recipients", subject_kind="recipient", subject_ids=[row.id for row in shown]
    )
    return paging.Paged(items=shown, next_cursor=next_cursor)


async def search_recipients(
    session: ReadSession, *, search: schemas.RecipientSearch, page: paging.Page
) -> paging.Paged[schemas.RecipientSummary]:
    """Show the caller whom a search finds among the recipients in their sight.

    Raises Invalid for a search that looks for nothing, or by a field that the caller's role is not shown.
    """
    if not search.model_dump(exclude_none=True):
        raise Invalid("name at least one thing to look for", code="empty_search", pointer="")
    if search.date_of_birth is not None and _field_set(session) is not FieldSet.CARE:
        raise Invalid("your role does not search by date of birth", code="field_not_shown", pointer="/date_of_birth")
    rows = await queries.recipients_found(session, search=search, page=page)
    shown, next_cursor = queries.ORDER.cut(rows, page, key=lambda row: (row.id,))
    await audit.record_read(
        session, action="search_recipients", subject_kind="recipient", subject_ids=[row.id for row in shown]
    )
    return paging.Paged(items=shown, next_cursor=next_cursor)


def _refuse_birth(*, date_of_birth: date, today: date) -> None:
    if trouble := rules.birth_trouble(date_of_birth=date_of_birth, today=today):
        raise Invalid(trouble, code="impossible_birth", pointer="/date_of_birth")
    _refuse_youth(date_of_birth=date_of_birth, day=today)


def _refuse_youth(*, date_of_birth: date, day: date) -> None:
    if finding := rules.too_young(date_of_birth=date_of_birth, today=day):
        raise Refused(finding)


async def _refuse_team(session: WriteSession, *, code: str, must_be_seen: bool) -> None:
    is_hidden = must_be_seen and not session.actor.sees_team(code)
    if is_hidden or await staff_queries.unknown_teams(session, codes=[code]):
        raise Invalid("no such team, or not one of yours", code="unknown_team", pointer="/team_code")


async def _refuse_taken_number(session: WriteSession, *, nhs_number: str, except_id: UUID | None) -> None:
    if await queries.is_nhs_number_taken(session, nhs_number=nhs_number, except_id=except_id):
        raise Conflict("this NHS number is another recipient's", code="nhs_number_taken", pointer="/nhs_number")


async def _refuse_amendment(
    session: WriteSession, recipient: Recipient, *, changes: Mapping[str, Any], today: date
) -> None:
    if late := rules.amendments_too_late(died_on=recipient.died_on, fields=changes.keys()):
        raise Conflict(f"the recipient has died: {', '.join(sorted(late))} no longer changes", code="recipient_died")
    if "date_of_birth" in changes:
        _refuse_birth(date_of_birth=changes["date_of_birth"], today=today)
        if recipient.died_on is not None and changes["date_of_birth"] > recipient.died_on:
            raise Invalid("later than the day of death", code="death_before_birth", pointer="/date_of_birth")
        first_day = await queries.first_paid_on(session, recipient_id=recipient.id)
        if first_day is not None:
            _refuse_youth(date_of_birth=changes["date_of_birth"], day=first_day)
    if "team_code" in changes:
        if "reason" not in changes:
            raise Invalid("a hand-over to another team needs a reason", code="reason_missing", pointer="/reason")
        await _refuse_team(session, code=changes["team_code"], must_be_seen=False)
    if changes.get("nhs_number") is not None:
        await _refuse_taken_number(session, nhs_number=changes["nhs_number"], except_id=recipient.id)


def _set(session: WriteSession, recipient: Recipient, *, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name == "nhs_number":
            recipient.nhs_number_encrypted = None if value is None else session.ciphers.encrypt(value)
            recipient.nhs_number_index = None if value is None else session.ciphers.blind_index(value)
        elif name == "address_lines":
            recipient.address_lines = "\n".join(value)
        else:
            setattr(recipient, name, value)


async def _record(
    session: WriteSession,
    recipient: Recipient,
    *,
    action: str,
    before: Mapping[str, object],
    reason: str | None = None,
    told: Mapping[str, object] = MappingProxyType({}),
) -> None:
    after = {**_facts(recipient, nhs_number=_nhs_number(session, recipient)), **told}
    await audit.record(
        session,
        action=action,
        subject=audit.Subject("recipient", str(recipient.id)),
        before=before,
        after=after,
        person_id=recipient.id,
        personal=frozenset(after) - NOT_PERSONAL,
        reason=reason,
    )


def _nhs_number(session: WriteSession, recipient: Recipient) -> str | None:
    encrypted = recipient.nhs_number_encrypted
    return None if encrypted is None else session.ciphers.decrypt_text(encrypted)


def _facts(recipient: Recipient, *, nhs_number: str | None) -> dict[str, object]:
    return {"nhs_number": nhs_number, **{name: getattr(recipient, name) for name in FACTS}}


def _whole(session: WriteSession, recipient: Recipient) -> schemas.RecipientForCare:
    """Show the record as it now stands, also to somebody who has just handed it over to a team that is not theirs."""
    columns = schemas.RecipientForCare.model_fields.keys() - _OTHERWISE
    number = _nhs_number(session, recipient)
    return schemas.RecipientForCare(
        field_set="care",
        nhs_number=None if number is None else rules.shown_nhs_number(number),
        address_lines=recipient.address_lines.split("\n"),
        **{name: getattr(recipient, name) for name in columns},
    )


def _field_set(session: ReadSession) -> FieldSet:
    return FieldSet.NONE if session.actor is None else field_set(session.actor)
