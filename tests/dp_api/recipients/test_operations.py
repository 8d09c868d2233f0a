import json
from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.dp_api.recipients import operations, schemas
from services.dp_api.recipients.schemas import Death, RecipientAmendment
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Invalid, NotFound, Refused, Stale
from tests import trail
from tests.builders import agreements, recipients
from tests.builders.recipients import NHS_NUMBERS, TODAY, a_recipient, a_team, new_recipient


async def amended(
    session: WriteSession, made: schemas.RecipientForCare, values: RecipientAmendment
) -> schemas.RecipientForCare:
    return await operations.amend_recipient(
        session, recipient_id=made.id, version=made.version, values=values, today=TODAY
    )


async def died(session: WriteSession, made: schemas.RecipientForCare, values: Death) -> schemas.RecipientForCare:
    return await operations.record_death(session, recipient_id=made.id, values=values, today=TODAY)


async def test_a_recipient_is_registered_with_the_number_encrypted(session: WriteSession) -> None:
    made = await a_recipient(session, nhs_number="999 000 0018")
    assert made.nhs_number == "999 000 0018"
    question = text("SELECT nhs_number_encrypted, nhs_number_index FROM recipient WHERE id = :id")
    encrypted, index = (await session.execute(question, {"id": made.id})).one()
    assert b"9990000018" not in encrypted
    assert session.ciphers.decrypt_text(encrypted) == "9990000018"
    assert index == session.ciphers.blind_index("9990000018")


async def test_the_trail_holds_nothing_of_a_person_in_clear(session: WriteSession) -> None:
    made = await a_recipient(
        session, full_name="Zebedee Quill", nhs_number=NHS_NUMBERS[0], communication_needs="Large print"
    )
    await died(session, made, Death(died_on=TODAY, notified_by="Quentin Quill"))
    question = text("SELECT string_agg(a::text, ' ') FROM audit_entry a WHERE subject_id = :id")
    trail = str(await session.scalar(question, {"id": str(made.id)}))
    for value in ("Quill", "Zebedee", "9990000018", "999 000 0018", "1950", "Large print", "Example Street", "LE13"):
        assert value not in trail, value
    assert "physical_personal_care" not in trail
    assert "died_on" in trail
    assert "notified_by" in trail


async def test_the_trail_can_be_read_with_the_persons_key(session: WriteSession) -> None:
    made = await a_recipient(session, full_name="Zebedee Quill")
    await amended(session, made, RecipientAmendment(full_name="Zebedee Quill-Smith"))
    question = text("SELECT changes::text FROM audit_entry WHERE subject_id = :id ORDER BY id DESC LIMIT 1")
    changes = json.loads(str(await session.scalar(question, {"id": str(made.id)})))
    revealed = await trail.revealed(session, changes)
    assert revealed == {"full_name": {"before": "Zebedee Quill", "after": "Zebedee Quill-Smith"}}


async def test_a_number_that_somebody_has_is_refused_without_naming_it(session: WriteSession) -> None:
    await a_recipient(session, nhs_number=NHS_NUMBERS[0], team_code="south")
    with pytest.raises(Conflict) as refusal:
        await a_recipient(session, nhs_number=NHS_NUMBERS[0])
    assert refusal.value.code == "nhs_number_taken"
    assert "999" not in refusal.value.detail


async def test_people_without_a_number_do_not_stand_in_each_others_way(session: WriteSession) -> None:
    await a_recipient(session)
    await a_recipient(session)


@pytest.mark.parametrize(
    ("born", "kind", "code"),
    [
        (date(2010, 11, 3), Refused, "too_young"),
        (date(2026, 11, 3), Invalid, "impossible_birth"),
        (date(1905, 11, 2), Invalid, "impossible_birth"),
    ],
)
async def test_who_cannot_be_right_is_not_registered(
    session: WriteSession, born: date, kind: type[Invalid | Refused], code: str
) -> None:
    with pytest.raises(kind) as refusal:
        await a_recipient(session, date_of_birth=born)
    assert refusal.value.code == code


async def test_somebody_of_sixteen_today_is_registered(session: WriteSession) -> None:
    assert (await a_recipient(session, date_of_birth=date(2010, 11, 2))).version == 1


async def test_a_birth_put_right_leaves_nobody_paid_below_sixteen(session: WriteSession) -> None:
    made = await a_recipient(session, date_of_birth=date(1990, 1, 1))
    await agreements.an_agreement(session, recipient_id=made.id)
    with pytest.raises(Refused) as refusal:
        await amended(session, made, RecipientAmendment(date_of_birth=date(2010, 1, 6)))
    assert refusal.value.code == "too_young"
    assert (await amended(session, made, RecipientAmendment(date_of_birth=date(2010, 1, 5)))).version == 2


async def test_an_unknown_team_is_refused(session: WriteSession) -> None:
    values = new_recipient(team_code="nowhere")
    with pytest.raises(Invalid) as refusal:
        await operations.register_recipient(session, values=values, today=TODAY)
    assert refusal.value.pointer == "/team_code"


async def test_only_what_was_sent_is_amended(session: WriteSession) -> None:
    made = await a_recipient(session, nhs_number=NHS_NUMBERS[0], known_as="Addie")
    after = await amended(session, made, RecipientAmendment(known_as=None, nhs_number=NHS_NUMBERS[1]))
    assert (after.known_as, after.nhs_number, after.version) == (None, "999 000 0026", 2)
    assert after.full_name == made.full_name
    assert (await amended(session, after, RecipientAmendment(nhs_number=None))).nhs_number is None


async def test_an_older_version_is_stale(session: WriteSession) -> None:
    made = await a_recipient(session)
    await amended(session, made, RecipientAmendment(full_name="Ada Sample"))
    with pytest.raises(Stale):
        await amended(session, made, RecipientAmendment(full_name="Ada Other"))


async def test_ones_own_number_may_be_sent_again_but_not_anothers(session: WriteSession) -> None:
    made = await a_recipient(session, nhs_number=NHS_NUMBERS[0])
    await a_recipient(session, nhs_number=NHS_NUMBERS[1])
    same = await amended(session, made, RecipientAmendment(nhs_number=NHS_NUMBERS[0]))
    with pytest.raises(Conflict):
        await amended(session, same, RecipientAmendment(nhs_number=NHS_NUMBERS[1]))


async def test_a_hand_over_needs_a_reason_and_a_team(session: WriteSession) -> None:
    made = await a_recipient(session)
    with pytest.raises(Invalid) as refusal:
        await amended(session, made, RecipientAmendment(team_code=recipients.SOUTH))
    assert refusal.value.pointer == "/reason"
    with pytest.raises(Invalid) as refusal:
        await amended(session, made, RecipientAmendment(team_code="nowhere", reason="moved house"))
    assert refusal.value.pointer == "/team_code"
    await a_team(session, recipients.SOUTH)
    after = await amended(session, made, RecipientAmendment(team_code=recipients.SOUTH, reason="moved house"))
    assert after.team_code == recipients.SOUTH


async def test_a_death_is_recorded_once_and_put_right_with_a_reason(session: WriteSession) -> None:
    made = await a_recipient(session)
    for day, code in ((date(2026, 11, 3), "day_in_future"), (date(1950, 3, 3), "death_before_birth")):
        with pytest.raises(Invalid) as refusal:
            await died(session, made, Death(died_on=day, notified_by="registrar"))
        assert refusal.value.code == code
    assert (await died(session, made, Death(died_on=TODAY, notified_by="registrar"))).died_on == TODAY
    earlier = date(2026, 11, 1)
    with pytest.raises(Conflict):
        await died(session, made, Death(died_on=earlier, notified_by="registrar"))
    put_right = Death(died_on=earlier, notified_by="registrar", correction_reason="wrong day on the form")
    assert (await died(session, made, put_right)).died_on == earlier


async def test_after_a_death_the_record_is_put_right_but_not_kept_up(session: WriteSession) -> None:
    made = await a_recipient(session)
    dead = await died(session, made, Death(died_on=date(2010, 1, 1), notified_by="registrar"))
    with pytest.raises(Conflict) as refusal:
        await amended(session, dead, RecipientAmendment(postcode="LE13 1AB"))
    assert refusal.value.code == "recipient_died"
    with pytest.raises(Invalid) as unborn:
        await amended(session, dead, RecipientAmendment(date_of_birth=date(2010, 1, 2)))
    assert unborn.value.pointer == "/date_of_birth"
    assert (await amended(session, dead, RecipientAmendment(full_name="Ada Sample"))).full_name == "Ada Sample"


async def test_nobody_is_not_found(session: WriteSession) -> None:
    with pytest.raises(NotFound):
        await operations.amend_recipient(
            session, recipient_id=uuid4(), version=1, values=RecipientAmendment(known_as="X"), today=TODAY
        )
