from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.dp_api.agreements import operations as agreement_operations
from services.dp_api.agreements import schemas as agreement_schemas
from services.dp_api.budgets import operations, queries
from services.shared import paging
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Invalid, Refused
from services.shared.vocabulary.agreements import LegalBasis, PaymentSchedule
from tests import trail
from tests.builders import agreements, recipients
from tests.builders.agreements import TODAY
from tests.databases import Databases
from tests.dp_api.conftest import MACHINE

TOMORROW = TODAY + timedelta(days=1)


async def gross_today(session: WriteSession, agreement_id: UUID) -> tuple[int, date] | None:
    question = text("SELECT weekly_gross_pence, valid_on FROM gross_today WHERE agreement_id = :id")
    row = (await session.execute(question, {"id": agreement_id})).one_or_none()
    return None if row is None else (row[0], row[1])


async def a_draft(session: WriteSession, **changes: object) -> agreement_schemas.AgreementForCare:
    recipient = await recipients.a_recipient(session)
    return await agreements.a_draft(session, recipient_id=recipient.id, **changes)


async def test_net_and_the_councils_share_are_what_is_left(session: WriteSession) -> None:
    draft = await a_draft(session)
    budget = await agreements.a_budget(
        session, draft.id, weekly_gross_pence=24_343, weekly_contribution_pence=5_001, weekly_nhs_pence=7_300
    )
    assert (budget.weekly_net_pence, budget.weekly_council_pence, budget.revision) == (19_342, 17_043, 1)


async def test_what_holds_on_a_day_is_the_last_revision_of_the_last_day_begun(session: WriteSession) -> None:
    draft = await a_draft(session)
    for day, gross in (
        (date(2026, 1, 5), 100),
        (date(2026, 6, 1), 300),
        (date(2026, 6, 1), 250),
        (date(2026, 3, 1), 200),
    ):
        await agreements.a_budget(session, draft.id, weekly_gross_pence=gross, effective_from=day)
    for day, expected in (
        (date(2026, 1, 4), None),
        (date(2026, 1, 5), 100),
        (date(2026, 2, 28), 100),
        (date(2026, 3, 1), 200),
        (date(2026, 5, 31), 200),
        (date(2026, 6, 1), 250),
        (date(2030, 1, 1), 250),
    ):
        holding = await queries.budget_on(session, agreement_id=draft.id, day=day)
        assert (None if holding is None else holding.weekly_gross_pence) == expected, day
    history = await queries.budgets(session, agreement_id=draft.id, page=paging.Page(limit=10))
    assert [(row.effective_from.month, row.revision, row.weekly_gross_pence) for row in history] == [
        (6, 2, 250),
        (6, 1, 300),
        (3, 1, 200),
        (1, 1, 100),
    ]


async def test_the_history_goes_on_where_a_page_ends(session: WriteSession) -> None:
    draft = await a_draft(session)
    for gross in (1, 2, 3):
        await agreements.a_budget(session, draft.id, weekly_gross_pence=gross)
    first = await queries.budgets(session, agreement_id=draft.id, page=paging.Page(limit=2))
    assert [row.revision for row in first] == [3, 2, 1]
    cursor = queries.ORDER.cursor(first[1].effective_from, first[1].revision)
    rest = await queries.budgets(session, agreement_id=draft.id, page=paging.Page(limit=2, cursor=cursor))
    assert [row.revision for row in rest] == [1]


@pytest.mark.parametrize(
    ("contribution", "nhs", "pointer"),
    [(10_001, 0, "/weekly_contribution_pence"), (0, 10_001, "/weekly_nhs_pence")],
)
async def test_no_share_exceeds_the_gross(session: WriteSession, contribution: int, nhs: int, pointer: str) -> None:
    draft = await a_draft(session)
    with pytest.raises(Invalid) as refusal:
        await agreements.a_budget(
            session,
            draft.id,
            weekly_gross_pence=10_000,
            weekly_contribution_pence=contribution,
            weekly_nhs_pence=nhs,
        )
    assert refusal.value.pointer == pointer


async def test_a_contribution_of_the_whole_gross_leaves_nothing_net(session: WriteSession) -> None:
    draft = await a_draft(session)
    budget = await agreements.a_budget(session, draft.id, weekly_gross_pence=10_000, weekly_contribution_pence=10_000)
    assert budget.weekly_net_pence == 0


async def test_after_care_is_not_charged(session: WriteSession) -> None:
    draft = await a_draft(session, legal_basis=LegalBasis.S117)
    with pytest.raises(Refused) as refusal:
        await agreements.a_budget(session, draft.id, weekly_contribution_pence=1)
    assert refusal.value.finding.source.citation == "Mental Health Act 1983, s.117"
    await agreements.a_budget(session, draft.id, weekly_contribution_pence=0)


async def test_a_one_off_agreement_has_no_weekly_budget(session: WriteSession) -> None:
    draft = await a_draft(session, payment_schedule=PaymentSchedule.ONE_OFF)
    with pytest.raises(Refused):
        await agreements.a_budget(session, draft.id)


async def test_todays_gross_follows_budgets_and_status_in_the_same_transaction(session: WriteSession) -> None:
    draft = await a_draft(session)
    await agreements.a_budget(session, draft.id, weekly_gross_pence=100)
    assert await gross_today(session, draft.id) is None
    activation = agreement_schemas.Activation(started_on=agreements.STARTED_ON)
    await agreement_operations.activate_agreement(
        session, agreement_id=draft.id, version=draft.version, values=activation, today=TODAY
    )
    assert await gross_today(session, draft.id) == (100, TODAY)
    await agreements.a_budget(session, draft.id, weekly_gross_pence=200, effective_from=TODAY)
    assert await gross_today(session, draft.id) == (200, TODAY)
    await agreements.a_budget(session, draft.id, weekly_gross_pence=300, effective_from=TOMORROW)
    assert await gross_today(session, draft.id) == (200, TODAY)
    suspension = agreement_schemas.Suspension(reason="in hospital")
    await agreement_operations.suspend_agreement(session, agreement_id=draft.id, values=suspension, today=TODAY)
    assert await gross_today(session, draft.id) == (200, TODAY)
    ending = agreement_schemas.Ending(ended_on=TODAY, reason="moved away")
    await agreement_operations.end_agreement(session, agreement_id=draft.id, values=ending, today=TODAY)
    assert await gross_today(session, draft.id) is None
    with pytest.raises(Conflict):
        await agreements.a_budget(session, draft.id, weekly_gross_pence=400)


async def test_a_new_day_brings_the_budget_that_begins_with_it(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session, weekly_gross_pence=100)
    await agreements.a_budget(session, agreement.id, weekly_gross_pence=300, effective_from=TOMORROW)
    outcome = await operations.refresh_gross_today(session, today=TOMORROW)
    assert outcome["mended"] == 0
    assert await gross_today(session, agreement.id) == (300, TOMORROW)
    question = text("SELECT digest FROM audit_entry WHERE action = 'refresh_gross_today' ORDER BY id DESC LIMIT 1")
    assert len(bytes(await session.scalar(question) or b"")) == 32


async def test_the_digest_tells_other_rows_apart(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session, weekly_gross_pence=100)
    question = text("SELECT digest FROM audit_entry WHERE action = 'refresh_gross_today' ORDER BY id DESC LIMIT 1")
    digests = []
    for gross in (None, None, 101):
        if gross is not None:
            await agreements.a_budget(session, agreement.id, weekly_gross_pence=gross, effective_from=TODAY)
        await operations.refresh_gross_today(session, today=TODAY)
        digests.append(bytes(await session.scalar(question) or b""))
    assert digests[0] == digests[1] != digests[2]


async def test_a_row_that_is_wrong_is_counted_and_mended(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session, weekly_gross_pence=100)
    planted = text("UPDATE gross_today SET weekly_gross_pence = 999 WHERE agreement_id = :id")
    await session.execute(planted, {"id": agreement.id})
    outcome = await operations.refresh_gross_today(session, today=TODAY)
    assert outcome["mended"] == 1
    assert await gross_today(session, agreement.id) == (100, TODAY)


async def test_rows_that_are_missing_or_too_many_are_counted_and_mended(session: WriteSession) -> None:
    missing = await agreements.an_agreement(session, weekly_gross_pence=100)
    surplus = await agreements.an_agreement(session, weekly_gross_pence=200)
    await operations.refresh_gross_today(session, today=TODAY)
    await session.execute(text("DELETE FROM gross_today WHERE agreement_id = :id"), {"id": missing.id})
    ended = text("UPDATE agreement SET status = 'ended', ended_on = :day, end_reason = 'x' WHERE id = :id")
    await session.execute(ended, {"id": surplus.id, "day": TODAY})
    outcome = await operations.refresh_gross_today(session, today=TODAY)
    assert outcome["mended"] == 2
    assert await gross_today(session, missing.id) == (100, TODAY)
    assert await gross_today(session, surplus.id) is None


async def test_an_agreement_that_has_not_begun_has_no_gross_yet(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session, started_on=TOMORROW)
    await agreements.a_budget(session, agreement.id, effective_from=TODAY)
    assert await gross_today(session, agreement.id) is None
    outcome = await operations.refresh_gross_today(session, today=TOMORROW)
    assert outcome["mended"] == 0
    assert await gross_today(session, agreement.id) == (agreements.GROSS, TOMORROW)


async def test_an_act_does_not_stand_in_the_daily_rebuilds_way(databases: Databases) -> None:
    async with databases.dp_api.write(actor=MACHINE) as session:
        agreement = await agreements.an_agreement(session)
    async with databases.dp_api.write(actor=MACHINE) as act:
        await queries.agreement_for_change(act, agreement_id=agreement.id)
        async with databases.dp_api.write(actor=MACHINE) as rebuild:
            await rebuild.execute(text("SET LOCAL lock_timeout = '2s'"))
            await operations.refresh_gross_today(rebuild, today=TOMORROW)
        await operations.project_gross(act, agreement_id=agreement.id, today=TODAY)
        await act.rollback()


async def test_a_decision_is_on_the_trail_with_its_reason_and_what_it_replaced(session: WriteSession) -> None:
    agreement = await agreements.an_agreement(session, weekly_gross_pence=100)
    await agreements.a_budget(session, agreement.id, weekly_gross_pence=250, effective_from=TODAY)
    question = text(
        "SELECT reason, changes -> 'weekly_gross_pence' FROM audit_entry"
        " WHERE action = 'set_budget' AND subject_id = :id ORDER BY id DESC LIMIT 1"
    )
    reason, change = (await session.execute(question, {"id": str(agreement.id)})).one()
    assert "assessed" not in reason
    assert await trail.revealed_reason(session, reason) == "assessed"
    assert change == {"before": 100, "after": 250}
