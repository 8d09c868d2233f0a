"""Acts on recipients, and the reading of them, which leaves its own record."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from asyncpg import Record

from services.dp_api.recipients import queries, rules, schemas
from services.dp_api.staff import queries as staff_queries
from services.shared import answers, audit, clock, paging
from services.shared.amendments import Amendment
from services.shared.answers import Listed
from services.shared.database import WriteSession
from services.shared.direct import Acting, Reading
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
PERSONAL: Final = frozenset({*FACTS, "nhs_number"}) - NOT_PERSONAL
AMENDED: Final = (*(set(FACTS) - {"kind", "died_on"}), "nhs_number_encrypted", "nhs_number_index", "updated_at")
_AMENDMENT: Final = Amendment(Recipient, columns=AMENDED)
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
    known = _stored(session, values.model_dump())
    recipient = Recipient(id=uuid4(), died_on=None, merged_into_id=None, created_at=now, updated_at=now, **known)
    session.add(recipient)
    await session.flush()
    await _record(session, recipient, action="register_recipient", before={})
    return _whole(session, _columns(recipient))


async def amend_recipient(
    acting: Acting, *, recipient_id: UUID, version: int, values: schemas.RecipientAmendment, today: date
) -> schemas.RecipientForCare:
    """Amend what was sent of a recipient. A hand-over may go to any team, with a reason.

    Raises Stale when somebody else has amended since, Invalid for what cannot be right, Conflict for an NHS number that
    somebody else has, or for an amendment that makes no sense after a death.
    """
    row = await queries.recipient_to_amend(acting, recipient_id=recipient_id)
    if row["version"] != version:
        raise Stale(f"the recipient has been amended since version {version}")
    changes = values.model_dump(exclude_unset=True)
    if not changes.keys() - {"reason"}:
        raise Invalid("name at least one thing to amend", code="empty_amendment", pointer="")
    await _refuse_amendment(acting, row, changes=changes, today=today)
    reason = changes.pop("reason", None)
    stored = dict(row.items())
    amended = {**stored, **_stored(acting, changes), "updated_at": clock.now()}
    entry = await audit.entry(
        acting,
        action="amend_recipient",
        subject=audit.Subject("recipient", str(recipient_id)),
        changes=audit.changed(_facts_of(acting, stored), _facts_of(acting, amended)),
        person_id=recipient_id,
        personal=PERSONAL,
        reason=reason,
        key=stored["key_encrypted"],
    )
    settable = {name: amended[name] for name in AMENDED}
    amended["version"] = await _AMENDMENT.made(acting, of=recipient_id, version=version, values=settable, entry=entry)
    return _whole(acting, amended)


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
    before = _facts(session, recipient)
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
    return _whole(session, _columns(recipient))


async def read_recipient(reading: Reading, *, recipient_id: UUID) -> schemas.AnyRecipient:
    """Show the caller one recipient, as far as their role goes. Raises NotFound."""
    return await queries.recipient(reading, recipient_id=recipient_id, field_set=_field_set(reading))


async def list_recipients(
    reading: Reading, *, kind: RecipientKind | None, team_code: str | None, page: paging.Page
) -> Listed[schemas.RecipientSummary]:
    """Show the caller the recipients in their sight."""
    rows = await queries.recipients(reading, kind=kind, team_code=team_code, page=page)
    return answers.listed(*queries.ORDER.cut(rows, page, key=_key))


async def search_recipients(
    reading: Reading, *, search: schemas.RecipientSearch, page: paging.Page
) -> Listed[schemas.RecipientSummary]:
    """Show the caller whom a search finds among the recipients in their sight.

    Raises Invalid for a search that looks for nothing, or by a field that the caller's role is not shown.
    """
    if not search.model_dump(exclude_none=True):
        raise Invalid("name at least one thing to look for", code="empty_search", pointer="")
    if search.date_of_birth is not None and _field_set(reading) is not FieldSet.CARE:
        raise Invalid("your role does not search by date of birth", code="field_not_shown", pointer="/date_of_birth")
    rows = await queries.recipients_found(reading, search=search, page=page)
    return answers.listed(*queries.ORDER.cut(rows, page, key=_key))


def _refuse_birth(*, date_of_birth: date, today: date) -> None:
    if trouble := rules.birth_trouble(date_of_birth=date_of_birth, today=today):
        raise Invalid(trouble, code="impossible_birth", pointer="/date_of_birth")
    _refuse_youth(date_of_birth=date_of_birth, day=today)


def _refuse_youth(*, date_of_birth: date, day: date) -> None:
    if finding := rules.too_young(date_of_birth=date_of_birth, today=day):
        raise Refused(finding)


async def _refuse_team(acting: Acting, *, code: str, must_be_seen: bool) -> None:
    is_hidden = must_be_seen and not acting.actor.sees_team(code)
    if is_hidden or await staff_queries.unknown_teams(acting, codes=[code]):
        raise Invalid("no such team, or not one of yours", code="unknown_team", pointer="/team_code")


async def _refuse_taken_number(acting: Acting, *, nhs_number: str, except_id: UUID | None) -> None:
    if await queries.is_nhs_number_taken(acting, nhs_number=nhs_number, except_id=except_id):
        raise Conflict("this NHS number is another recipient's", code="nhs_number_taken", pointer="/nhs_number")


async def _refuse_amendment(acting: Acting, stored: Record, *, changes: Mapping[str, Any], today: date) -> None:
    died_on: date | None = stored["died_on"]
    if late := rules.amendments_too_late(died_on=died_on, fields=changes.keys()):
        raise Conflict(f"the recipient has died: {', '.join(sorted(late))} no longer changes", code="recipient_died")
    if "date_of_birth" in changes:
        _refuse_birth(date_of_birth=changes["date_of_birth"], today=today)
        if died_on is not None and changes["date_of_birth"] > died_on:
            raise Invalid("later than the day of death", code="death_before_birth", pointer="/date_of_birth")
        first_day = await queries.first_paid_on(acting, recipient_id=stored["id"])
        if first_day is not None:
            _refuse_youth(date_of_birth=changes["date_of_birth"], day=first_day)
    if "team_code" in changes:
        if "reason" not in changes:
            raise Invalid("a hand-over to another team needs a reason", code="reason_missing", pointer="/reason")
        await _refuse_team(acting, code=changes["team_code"], must_be_seen=False)
    if changes.get("nhs_number") is not None:
        await _refuse_taken_number(acting, nhs_number=changes["nhs_number"], except_id=stored["id"])


def _stored(acting: Acting, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as their columns hold them."""
    columns = dict(values)
    if "nhs_number" in columns:
        number = columns.pop("nhs_number")
        columns["nhs_number_encrypted"] = None if number is None else acting.ciphers.encrypt(number)
        columns["nhs_number_index"] = None if number is None else acting.ciphers.blind_index(number)
    if "address_lines" in columns:
        columns["address_lines"] = "\n".join(columns["address_lines"])
    return columns


async def _record(
    session: WriteSession,
    recipient: Recipient,
    *,
    action: str,
    before: Mapping[str, object],
    reason: str | None = None,
    told: Mapping[str, object] = MappingProxyType({}),
) -> None:
    after = {**_facts(session, recipient), **told}
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


def _facts(session: WriteSession, recipient: Recipient) -> dict[str, object]:
    return _facts_of(session, _columns(recipient))


def _facts_of(acting: Acting, stored: Mapping[str, Any]) -> dict[str, object]:
    """Return what the trail knows of a record, from its columns."""
    encrypted = stored["nhs_number_encrypted"]
    number = None if encrypted is None else acting.ciphers.decrypt_text(encrypted)
    return {"nhs_number": number, **{name: stored[name] for name in FACTS}}


def _columns(recipient: Recipient) -> dict[str, Any]:
    return {column.name: getattr(recipient, column.name) for column in Recipient.__table__.columns}


def _whole(acting: Acting, stored: Mapping[str, Any]) -> schemas.RecipientForCare:
    """Show the record as it now stands, also to somebody who has just handed it over to a team that is not theirs."""
    encrypted = stored["nhs_number_encrypted"]
    number = None if encrypted is None else rules.shown_nhs_number(acting.ciphers.decrypt_text(encrypted))
    return schemas.RecipientForCare(
        field_set="care",
        nhs_number=number,
        address_lines=stored["address_lines"].split("\n"),
        **{name: stored[name] for name in schemas.RecipientForCare.model_fields.keys() - _OTHERWISE},
    )


def _key(row: Record) -> tuple[UUID]:
    return (row["id"],)


def _field_set(reading: Reading) -> FieldSet:
    return FieldSet.NONE if reading.actor is None else field_set(reading.actor)
