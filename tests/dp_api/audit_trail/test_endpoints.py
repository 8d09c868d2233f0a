from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.dp_api.recipients import operations, schemas
from services.shared import clock, dates
from services.shared.database import Database
from services.shared.identity.roles import Role
from services.shared.vocabulary.people import AdministeredBy
from tests import databases as test_databases
from tests.builders import recipients
from tests.builders.recipients import TODAY
from tests.dp_api.conftest import MACHINE, Callers

ENTRIES, READS = "/v1/audit-entries", "/v1/read-log"


@pytest.fixture
async def recipient_id(shared: Database, north: str) -> UUID:
    """A recipient whose name and administration were amended after the registration, for a reason."""
    async with shared.write(actor=MACHINE) as session:
        made = await recipients.a_recipient(session, team_code=north, full_name="Zebedee Quill")
        change = schemas.RecipientAmendment(
            full_name="Zeb Quill", administered_by=AdministeredBy.ALONE, reason="as they asked"
        )
        await operations.amend_recipient(session, recipient_id=made.id, version=1, values=change, today=TODAY)
    return made.id


async def entries(callers: Callers, **question: Any) -> list[dict[str, Any]]:
    answer = await callers.auditor().get(ENTRIES, params=question)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_auditors_see_that_a_persons_field_changed_and_not_its_value(
    callers: Callers, recipient_id: UUID
) -> None:
    answer = await callers.auditor().get(ENTRIES, params={"subject_id": str(recipient_id)})
    amendment, registration = answer.json()["items"]
    assert (amendment["action"], registration["action"]) == ("amend_recipient", "register_recipient")
    assert amendment["reason"] == "as they asked"
    assert (amendment["actor"], amendment["actor_role"], amendment["outcome"]) == ("machine:test", "machine", "done")
    assert amendment["changes"] == {
        "full_name": {"before": "[personal]", "after": "[personal]"},
        "administered_by": {"before": "family", "after": "alone"},
    }
    assert "Quill" not in answer.text


async def test_whoever_opens_words_about_a_person_is_on_record(callers: Callers, recipient_id: UUID) -> None:
    name = f"S{uuid4().hex[:8]}".upper()
    auditor = callers.of(Role.AUDITOR, name=name)
    await auditor.get(ENTRIES, params={"subject_id": str(recipient_id), "action": "register_recipient"})
    await auditor.get(ENTRIES, params={"subject_id": str(recipient_id)})
    (look,) = (await auditor.get(READS, params={"actor": name})).json()["items"]
    assert (look["action"], look["subject_kind"]) == ("list_audit_entries", "person")
    assert look["subject_ids"] == [str(recipient_id)]


async def test_what_has_been_purged_is_told_as_purged(callers: Callers, shared: Database, recipient_id: UUID) -> None:
    async with test_databases.superuser(shared.settings) as connection:
        await connection.execute("ALTER TABLE personal_key DISABLE TRIGGER ALL")
        await connection.execute("DELETE FROM personal_key WHERE person_id = $1", recipient_id)
        await connection.execute("ALTER TABLE personal_key ENABLE TRIGGER ALL")
    amendment = (await entries(callers, subject_id=str(recipient_id)))[0]
    assert amendment["changes"]["full_name"] == {"before": "[purged]", "after": "[purged]"}
    assert amendment["reason"] == "[purged]"
    assert amendment["changes"]["administered_by"]["after"] == "alone"


async def test_the_trail_is_read_by_subject_actor_action_and_period(callers: Callers, north: str) -> None:
    name = f"S{uuid4().hex[:8]}".upper()
    administrator = callers.of(Role.ADMINISTRATOR, name=name)
    await administrator.put(f"/v1/teams/{north}", json={"name": "North"})
    await administrator.put(f"/v1/teams/{north}", json={"name": "Far north"})
    await callers.of(Role.ADMINISTRATOR, name=name).get("/v1/recipients")
    day = dates.london_date(clock.now())
    before, after = str(day - timedelta(days=1)), str(day + timedelta(days=1))
    for question, count in (
        ({"actor": name}, 3),
        ({"actor": name, "action": "set_team"}, 2),
        ({"subject_kind": "team", "subject_id": north}, 2),
        ({"subject_kind": "recipient", "subject_id": north}, 0),
        ({"actor": name, "from": str(day), "to": str(day)}, 3),
        ({"actor": name, "to": before}, 0),
        ({"actor": name, "from": after}, 0),
    ):
        assert len(await entries(callers, **question)) == count, question
    refusal = (await entries(callers, actor=name))[0]
    assert (refusal["action"], refusal["outcome"]) == ("list_recipients", "refused")


async def test_every_entry_is_on_exactly_one_page(callers: Callers) -> None:
    name = f"S{uuid4().hex[:8]}".upper()
    administrator = callers.of(Role.ADMINISTRATOR, name=name)
    for number in range(5):
        await administrator.put(f"/v1/teams/t{number}-{name}", json={"name": "Team"})
    auditor, seen, cursor = callers.auditor(), [], None
    while True:
        question = {"actor": name, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await auditor.get(ENTRIES, params=question)).json()
        seen += [item["subject_id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [f"t{number}-{name}" for number in (4, 3, 2, 1, 0)]


async def test_who_was_shown_a_person_is_read_by_person_and_by_reader(
    callers: Callers, recipient_id: UUID, north: str
) -> None:
    name = f"S{uuid4().hex[:8]}".upper()
    care = callers.of(Role.CARE_WORKER, name=name, teams=[north])
    await care.get(f"/v1/recipients/{recipient_id}")
    await care.get("/v1/recipients")
    auditor = callers.auditor()
    by_person = (await auditor.get(READS, params={"subject_id": str(recipient_id)})).json()["items"]
    by_reader = (await auditor.get(READS, params={"actor": name})).json()["items"]
    assert by_person == by_reader
    assert [entry["action"] for entry in by_reader] == ["list_recipients", "read_recipient"]
    assert (await auditor.get(READS, params={"subject_id": str(uuid4())})).json()["items"] == []
    yesterday = str(dates.london_date(clock.now()) - timedelta(days=1))
    assert (await auditor.get(READS, params={"actor": name, "to": yesterday})).json()["items"] == []


@pytest.mark.parametrize("address", [ENTRIES, READS])
async def test_only_auditors_read_the_trail(callers: Callers, north: str, address: str) -> None:
    for caller in (callers.care_manager(north), callers.finance(), callers.administrator()):
        assert (await caller.get(address)).status_code == 403
