"""The trail: what an entry keeps, what it hides, and what destroying a person's key takes away for good."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from services.shared import audit, driver, sealing
from services.shared.audit import Subject
from services.shared.identity.actor import Actor, machine
from services.shared.identity.roles import Role
from services.shared.sealing import Verification
from services.shared.tables.records import AuditEntry, ReadEntry
from services.shared.vocabulary.agreements import AgreementStatus
from services.shared.vocabulary.records import Service
from tests import trail
from tests.databases import Databases

WORKER = Actor(name="40123", roles=frozenset({Role.CARE_WORKER, Role.AUDITOR}), teams=frozenset({"hinckley"}))
OTHER = UUID("7d0c6d1b-0d7a-4b7e-8f1e-1a9f3b6c5e22")
PERSON = UUID("0b5f0a2e-8f0c-4a59-9a4e-3f8f6f1c2d11")


async def amend(
    databases: Databases, *, before: dict[str, object], after: dict[str, object], **more: Any
) -> AuditEntry:
    async with databases.dp_api.write(actor=WORKER, request_id="r-1") as session:
        subject = Subject("recipient", str(PERSON))
        about = {"person_id": PERSON, **more}
        await audit.record(session, action="amend_recipient", subject=subject, before=before, after=after, **about)
    async with databases.dp_api.read() as session:
        return (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).one()


async def trail_as_text(databases: Databases) -> str:
    async with databases.superuser() as connection:
        tables = ("audit_entry", "read_log", "audit_seal", "unsealed_entry")
        rows = [row for table in tables for row in await connection.fetch(f"SELECT t::text AS row FROM {table} AS t")]
    return "\n".join(row["row"] for row in rows)


async def test_an_entry_says_who_what_when_and_why(databases: Databases) -> None:
    entry = await amend(
        databases, before={"zone": "melton"}, after={"zone": "hinckley"}, reason="moved house", legal_source="s.31"
    )
    assert (entry.actor, entry.actor_role, entry.action, entry.outcome) == (
        "40123",
        "care_worker",
        "amend_recipient",
        "done",
    )
    assert (entry.service, entry.subject_kind, entry.subject_id) == (Service.DP_API, "recipient", str(PERSON))
    assert (entry.request_id, entry.legal_source) == ("r-1", "s.31")
    async with databases.dp_api.read() as session:
        assert await trail.revealed_reason(session, entry.reason) == "moved house"
    assert abs((datetime.now(UTC) - entry.at).total_seconds()) < 60


async def test_only_what_differs_is_kept_in_jsons_own_types(databases: Databases) -> None:
    same = {"version": 3, "started_on": date(2026, 4, 1)}
    entry = await amend(
        databases,
        before={**same, "status": AgreementStatus.DRAFT, "rate": Decimal("12.40"), "lines": ["a"], "is_new": True},
        after={**same, "status": AgreementStatus.ACTIVE, "rate": Decimal("12.60"), "lines": ("a", "b"), "id": PERSON},
    )
    assert entry.changes == {
        "status": {"before": "draft", "after": "active"},
        "rate": {"before": "12.40", "after": "12.60"},
        "lines": {"before": ["a"], "after": ["a", "b"]},
        "is_new": {"before": True, "after": None},
        "id": {"before": None, "after": str(PERSON)},
    }


async def test_what_json_cannot_say_exactly_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        audit.changed({}, {"amount": 0.1})


async def test_nothing_personal_stands_in_the_trail_in_clear(databases: Databases) -> None:
    before = {"full_name": "Agnes Marlowe", "date_of_birth": date(1941, 7, 13), "team_code": "melton"}
    after = {"full_name": "Agnes Winterbourne", "date_of_birth": date(1941, 7, 31), "team_code": "hinckley"}
    entry = await amend(
        databases, before=before, after=after, personal=frozenset({"full_name", "date_of_birth", "other"})
    )
    await sealing.seal(databases.dp_api)
    found = await trail_as_text(databases)
    assert "hinckley" in found
    assert [value for value in ("Agnes", "Marlowe", "Winterbourne", "1941") if value in found] == []
    async with databases.dp_api.read() as session:
        assert await trail.revealed(session, entry.changes) == {
            "full_name": {"before": "Agnes Marlowe", "after": "Agnes Winterbourne"},
            "date_of_birth": {"before": "1941-07-13", "after": "1941-07-31"},
            "team_code": {"before": "melton", "after": "hinckley"},
        }


async def test_one_person_has_one_key_however_many_entries(databases: Databases) -> None:
    first = await amend(databases, before={}, after={"known_as": "Aggie"}, personal=frozenset({"known_as"}))
    await amend(databases, before={"known_as": "Aggie"}, after={"known_as": "Nes"}, personal=frozenset({"known_as"}))
    async with databases.superuser() as connection:
        assert await connection.fetchval("SELECT count(*) FROM personal_key") == 1
    async with databases.clawback.read() as session:
        assert (await trail.revealed(session, first.changes))["known_as"]["after"] == "Aggie"


async def destroy_key(connection: driver.Connection, person_id: UUID = PERSON) -> None:
    await connection.execute("SELECT destroy_personal_key($1, '40999', 'erasure, article 17')", person_id)


async def test_destroying_a_persons_key_purges_the_values_and_leaves_the_seals_whole(databases: Databases) -> None:
    entry = await amend(
        databases, before={}, after={"known_as": "Aggie"}, personal=frozenset({"known_as"}), reason="Aggie rang"
    )
    await sealing.seal(databases.dp_api)
    async with databases.superuser() as connection:
        await connection.execute("SET ROLE direct_payments_owner")
        await destroy_key(connection)
    async with databases.dp_api.read() as session:
        assert await trail.revealed(session, entry.changes) == {"known_as": {"before": None, "after": None}}
        assert await trail.revealed_reason(session, entry.reason) is None
        destroyed = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1))).one()
    assert (destroyed.action, destroyed.actor, destroyed.reason) == (
        "destroy_personal_key",
        "40999",
        "erasure, article 17",
    )
    assert (destroyed.subject_kind, destroyed.subject_id) == ("personal_key", str(PERSON))
    await sealing.seal(databases.dp_api)
    assert await sealing.verify(databases.dp_api) == Verification(ok=True, entries=2, unsealed=0, first_broken=None)


async def test_a_later_key_of_the_same_person_brings_nothing_back(databases: Databases) -> None:
    entry = await amend(databases, before={}, after={"known_as": "Aggie"}, personal=frozenset({"known_as"}), reason="x")
    async with databases.superuser() as connection:
        await destroy_key(connection)
    later = await amend(databases, before={}, after={"known_as": "Nes"}, personal=frozenset({"known_as"}))
    async with databases.dp_api.read() as session:
        assert await trail.revealed(session, entry.changes) == {"known_as": {"before": None, "after": None}}
        assert await trail.revealed_reason(session, entry.reason) is None
        assert (await trail.revealed(session, later.changes))["known_as"]["after"] == "Nes"


async def test_no_key_goes_without_an_entry_of_its_own(databases: Databases) -> None:
    for person_id in (PERSON, OTHER):
        await amend(databases, before={}, after={}, reason="moved house", person_id=person_id)
    async with databases.superuser() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="append_only"):
            await connection.execute("DELETE FROM personal_key WHERE person_id = $1", PERSON)
        more_than_entered = f"SELECT destroy_personal_key('{PERSON}', '40999', 'x'); DELETE FROM personal_key"
        with pytest.raises(asyncpg.RestrictViolationError, match="append_only"):
            await connection.execute(more_than_entered)
        with pytest.raises(asyncpg.NoDataFoundError):
            await destroy_key(connection, uuid4())
        for nobody, nothing in (("", "a reason"), ("40999", " ")):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                await connection.execute("SELECT destroy_personal_key($1, $2, $3)", PERSON, nobody, nothing)
        for service in Service:
            await connection.execute(f"SET ROLE direct_payments_{service.value}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await destroy_key(connection)
            await connection.execute("RESET ROLE")
        assert await connection.fetchval("SELECT count(*) FROM personal_key") == 2


async def test_a_reason_about_a_person_is_no_clear_text(databases: Databases) -> None:
    entry = await amend(databases, before={}, after={}, reason="Agnes fell and is in hospital")
    assert "Agnes" not in await trail_as_text(databases)
    assert audit.person_of(entry.reason) == PERSON
    async with databases.card_ingest.write(actor=WORKER) as session:
        await audit.record(session, action="set_team", subject=Subject("team", "melton"), reason="personal: a new team")
    async with databases.dp_api.read() as session:
        clear = await session.scalar(select(AuditEntry.reason).where(AuditEntry.action == "set_team"))
        assert (clear, audit.person_of(clear)) == ("personal: a new team", None)
        assert await trail.revealed_reason(session, clear) == clear
        assert await trail.revealed_reason(session, None) is None


@pytest.mark.parametrize("table", ["audit_entry", "read_log"])
async def test_no_service_enters_anything_in_the_name_of_another(databases: Databases, table: str) -> None:
    more = {"audit_entry": ("outcome, subject_id, changes", "'done', '', '{}'"), "read_log": ("subject_ids", "'{}'")}
    columns, values = more[table]
    statement = f"""
        INSERT INTO {table} (at, service, actor, actor_role, action, subject_kind, {columns})
        VALUES (now(), 'SERVICE', 'x', 'x', 'x', '', {values})
    """
    async with databases.card_ingest.engine.connect() as connection:
        for service in ("dp_api", "clawback"):
            with pytest.raises(DBAPIError, match="a service enters its own acts alone"):
                await connection.exec_driver_sql(statement.replace("SERVICE", service))
            await connection.rollback()
        await connection.exec_driver_sql(statement.replace("SERVICE", "card_ingest"))


async def test_a_personal_value_without_a_person_is_refused(databases: Databases) -> None:
    async with databases.dp_api.write(actor=WORKER) as session:
        subject = Subject("recipient", str(PERSON))
        with pytest.raises(ValueError, match="whose"):
            await audit.record(session, action="x", subject=subject, after={"a": "b"}, personal=frozenset({"a"}))


async def test_a_refusal_is_entered_though_its_act_is_rolled_back(databases: Databases) -> None:
    await audit.record_refusal(
        databases.clawback,
        actor=WORKER,
        action="run_clawback",
        subject=None,
        code="missing_permission",
        request_id="r-2",
    )
    async with databases.dp_api.read() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.service, entry.outcome, entry.reason) == (Service.CLAWBACK, "refused", "missing_permission")
    assert (entry.actor_role, entry.request_id, entry.changes) == ("none", "r-2", {})


async def test_who_was_shown_whom_is_one_row_a_request(databases: Databases) -> None:
    shown = [uuid4() for _ in range(50)]
    async with databases.dp_api.read(actor=WORKER, request_id="r-3") as session:
        await audit.record_read(session, action="list_recipients", subject_kind="recipient", subject_ids=shown)
    async with databases.dp_api.read() as session:
        entry = (await session.scalars(select(ReadEntry))).one()
    assert (entry.actor, entry.actor_role, entry.subject_ids, entry.request_id) == (
        "40123",
        "care_worker",
        shown,
        "r-3",
    )


async def test_nobody_is_shown_anybody_without_being_named(databases: Databases) -> None:
    async with databases.dp_api.read() as session:
        with pytest.raises(ValueError, match="nobody is signed in"):
            await audit.record_read(session, action="list_recipients", subject_kind="recipient", subject_ids=[PERSON])


def test_the_role_is_the_one_that_grants_the_act() -> None:
    assert audit.role_of(WORKER, action="list_audit_entries") == "auditor"
    assert audit.role_of(WORKER, action="run_clawback") == "none"
    assert audit.role_of(machine("scheduler"), action="run_clawback") == "machine"


def test_changes_are_plain_json() -> None:
    nested = audit.changed({}, {"a": {"on": date(2026, 1, 1), "ids": {PERSON}}, "at": datetime(2026, 1, 1, tzinfo=UTC)})
    assert json.loads(json.dumps(nested)) == nested
