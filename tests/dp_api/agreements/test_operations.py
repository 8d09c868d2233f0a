from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.dp_api.accounts import schemas as account_schemas
from services.dp_api.agreements import operations, schemas
from services.dp_api.money_managers import operations as money_manager_operations
from services.dp_api.money_managers import schemas as money_manager_schemas
from services.dp_api.recipients import operations as recipient_operations
from services.dp_api.recipients import schemas as recipient_schemas
from services.shared.database import Database, WriteSession
from services.shared.errors import Conflict, Invalid, NotFound, Refused, Stale
from services.shared.vocabulary.agreements import AgreementKind, AgreementStatus, LegalBasis, PaymentSchedule
from services.shared.vocabulary.people import PrimarySupportReason, RecipientKind
from tests import databases as test_databases
from tests import trail
from tests.builders import accounts, agreements, recipients
from tests.builders.agreements import STARTED_ON, TODAY, a_budget, a_draft, an_agreement


async def a_draft_of_somebody(session: WriteSession, **changes: object) -> schemas.AgreementForCare:
    return await a_draft(session, recipient_id=(await recipients.a_recipient(session)).id, **changes)


async def activated(
    session: WriteSession, draft: schemas.AgreementForCare, started_on: date = STARTED_ON
) -> schemas.AgreementForCare:
    values = schemas.Activation(started_on=started_on)
    return await operations.activate_agreement(
        session, agreement_id=draft.id, version=draft.version, values=values, today=TODAY
    )


async def amended(
    session: WriteSession, agreement: schemas.AgreementForCare, values: schemas.AgreementAmendment
) -> schemas.AgreementForCare:
    return await operations.amend_agreement(
        session, agreement_id=agreement.id, version=agreement.version, values=values, today=TODAY
    )


async def ended(session: WriteSession, agreement: schemas.AgreementForCare, ended_on: date) -> schemas.AgreementForCare:
    values = schemas.Ending(ended_on=ended_on, reason="moved away")
    return await operations.end_agreement(session, agreement_id=agreement.id, values=values, today=TODAY)


async def test_an_agreement_goes_from_draft_to_its_end(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session)
    assert (draft.status, draft.version, draft.budget) == (AgreementStatus.DRAFT, 1, None)
    await a_budget(session, draft.id)
    active = await activated(session, draft)
    assert (active.status, active.started_on) == (AgreementStatus.ACTIVE, STARTED_ON)
    assert active.budget is not None
    assert active.budget.weekly_gross_pence == agreements.GROSS
    suspension = schemas.Suspension(reason="in hospital")
    stopped = await operations.suspend_agreement(session, agreement_id=draft.id, values=suspension, today=TODAY)
    assert (stopped.status, stopped.suspension_reason) == (AgreementStatus.SUSPENDED, "in hospital")
    resumption = schemas.Resumption(reason="home again")
    resumed = await operations.resume_agreement(session, agreement_id=draft.id, values=resumption, today=TODAY)
    assert (resumed.status, resumed.suspension_reason) == (AgreementStatus.ACTIVE, None)
    over = await ended(session, resumed, TODAY)
    assert (over.status, over.ended_on, over.end_reason) == (AgreementStatus.ENDED, TODAY, "moved away")
    question = text(
        "SELECT action, reason FROM audit_entry WHERE subject_id = :id AND action LIKE '%_agreement' ORDER BY id"
    )
    acts = await session.execute(question.bindparams(id=str(draft.id)))
    assert [(row.action, await trail.revealed_reason(session, row.reason)) for row in acts] == [
        ("open_agreement", None),
        ("activate_agreement", None),
        ("suspend_agreement", "in hospital"),
        ("resume_agreement", "home again"),
        ("end_agreement", "moved away"),
    ]


async def test_a_move_that_is_not_in_the_lifecycle_is_a_conflict(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session)
    suspension = schemas.Suspension(reason="in hospital")
    with pytest.raises(Conflict) as refusal:
        await operations.suspend_agreement(session, agreement_id=draft.id, values=suspension, today=TODAY)
    assert refusal.value.code == "illegal_move"
    over = await ended(session, draft, TODAY)
    with pytest.raises(Conflict):
        await activated(session, over)


@pytest.mark.parametrize("days", [-1, 0])
async def test_the_budget_must_have_begun_with_the_agreement(session: WriteSession, days: int) -> None:
    draft = await a_draft_of_somebody(session)
    await a_budget(session, draft.id, effective_from=STARTED_ON - timedelta(days=days))
    if days == -1:
        with pytest.raises(Refused) as refusal:
            await activated(session, draft)
        assert refusal.value.code == "no_budget"
    else:
        assert (await activated(session, draft)).status is AgreementStatus.ACTIVE


async def test_a_refusal_names_everything_that_stands_against_it(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session, legal_basis=LegalBasis.S32)
    with pytest.raises(Refused) as refusal:
        await activated(session, draft)
    assert refusal.value.code == "no_budget"
    assert "(Care Act 2014, s.32)" in refusal.value.detail


async def test_after_care_that_will_be_charged_is_not_activated(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session)
    await a_budget(session, draft.id, effective_from=STARTED_ON)
    await a_budget(session, draft.id, effective_from=date(2027, 4, 5), weekly_contribution_pence=1_000)
    free = await amended(session, draft, schemas.AgreementAmendment(legal_basis=LegalBasis.S117))
    with pytest.raises(Refused) as refusal:
        await activated(session, free)
    assert refusal.value.code == "after_care_charged"
    await a_budget(session, draft.id, effective_from=date(2027, 4, 5))
    assert (await activated(session, free)).status is AgreementStatus.ACTIVE


async def test_a_young_person_is_paid_under_section_17a(session: WriteSession) -> None:
    young = await recipients.a_recipient(session, date_of_birth=date(2009, 6, 1))
    draft = await a_draft(session, recipient_id=young.id)
    await a_budget(session, draft.id)
    with pytest.raises(Refused) as refusal:
        await activated(session, draft)
    assert refusal.value.code == "wrong_basis_for_age"
    right = await amended(session, draft, schemas.AgreementAmendment(legal_basis=LegalBasis.S17A))
    assert (await activated(session, right)).status is AgreementStatus.ACTIVE


async def test_a_carer_has_a_carers_agreement(session: WriteSession) -> None:
    carer = await recipients.a_recipient(
        session, kind=RecipientKind.CARER, primary_support_reason=PrimarySupportReason.SUPPORT_TO_CARER
    )
    draft = await a_draft(session, recipient_id=carer.id)
    await a_budget(session, draft.id)
    with pytest.raises(Refused) as refusal:
        await activated(session, draft)
    assert refusal.value.code == "wrong_party"
    right = await amended(session, draft, schemas.AgreementAmendment(kind=AgreementKind.CARER))
    assert (await activated(session, right)).kind is AgreementKind.CARER


async def test_nobody_who_has_died_gets_an_agreement(session: WriteSession) -> None:
    agreement = await an_agreement(session)
    suspension = schemas.Suspension(reason="in hospital")
    await operations.suspend_agreement(session, agreement_id=agreement.id, values=suspension, today=TODAY)
    death = recipient_schemas.Death(died_on=TODAY, notified_by="registrar")
    await recipient_operations.record_death(session, recipient_id=agreement.recipient_id, values=death, today=TODAY)
    with pytest.raises(Conflict, match="died"):
        await a_draft(session, recipient_id=agreement.recipient_id)
    resumption = schemas.Resumption(reason="home again")
    with pytest.raises(Conflict, match="died"):
        await operations.resume_agreement(session, agreement_id=agreement.id, values=resumption, today=TODAY)


async def test_one_ongoing_agreement_runs_at_a_time_and_one_off_ones_beside_it(session: WriteSession) -> None:
    first = await an_agreement(session)
    second = await a_draft(session, recipient_id=first.recipient_id)
    await a_budget(session, second.id)
    with pytest.raises(Conflict) as refusal:
        await activated(session, second)
    assert refusal.value.code == "ongoing_exists"
    one_off = await a_draft(session, recipient_id=first.recipient_id, payment_schedule=PaymentSchedule.ONE_OFF)
    assert (await activated(session, one_off)).status is AgreementStatus.ACTIVE
    await ended(session, first, TODAY)
    assert (await activated(session, second)).status is AgreementStatus.ACTIVE


async def test_a_third_party_is_named_and_cash_has_its_reason(session: WriteSession) -> None:
    for changes, pointer in (
        ({"kind": AgreementKind.NOMINATED_PERSON}, "/holder_name"),
        ({"kind": AgreementKind.AUTHORISED_PERSON, "legal_basis": LegalBasis.S32}, "/holder_name"),
        ({"cash_permitted": True}, "/cash_reason"),
        ({"money_manager_id": uuid4()}, "/money_manager_id"),
    ):
        with pytest.raises(Invalid) as refusal:
            await a_draft_of_somebody(session, **changes)
        assert refusal.value.pointer == pointer
    other = await a_draft_of_somebody(session, kind=AgreementKind.NOMINATED_PERSON, holder_name="Bea Example")
    own = await amended(session, other, schemas.AgreementAmendment(kind=AgreementKind.SERVICE_USER))
    assert own.holder_name is None
    draft = await a_draft_of_somebody(session, kind=AgreementKind.NOMINATED_PERSON, holder_name="Bea Example")
    with pytest.raises(Invalid):
        await amended(session, draft, schemas.AgreementAmendment(holder_name=None))


async def test_cash_that_is_no_longer_permitted_loses_its_reason(session: WriteSession) -> None:
    agreement = await an_agreement(session, cash_permitted=True, cash_reason="the club takes cash only")
    after = await amended(session, agreement, schemas.AgreementAmendment(cash_permitted=False))
    assert (after.cash_permitted, after.cash_reason) == (False, None)
    again = schemas.AgreementAmendment(cash_permitted=True, cash_reason="the club takes cash only")
    assert (await amended(session, after, again)).cash_permitted


async def test_activation_fixes_who_signs(session: WriteSession) -> None:
    agreement = await an_agreement(session)
    with pytest.raises(Conflict) as refusal:
        await amended(session, agreement, schemas.AgreementAmendment(legal_basis=LegalBasis.S117))
    assert refusal.value.code == "fixed"
    with pytest.raises(Conflict):
        await amended(session, agreement, schemas.AgreementAmendment(payment_schedule=PaymentSchedule.ONE_OFF))
    with pytest.raises(Invalid, match="at least one thing"):
        await amended(session, agreement, schemas.AgreementAmendment())
    monthly = schemas.AgreementAmendment(payment_schedule=PaymentSchedule.MONTHLY)
    after = await amended(session, agreement, monthly)
    assert after.payment_schedule is PaymentSchedule.MONTHLY
    with pytest.raises(Stale):
        await amended(session, agreement, monthly)


async def test_a_draft_with_a_weekly_budget_does_not_turn_one_off(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session)
    await a_budget(session, draft.id)
    with pytest.raises(Conflict) as refusal:
        await amended(session, draft, schemas.AgreementAmendment(payment_schedule=PaymentSchedule.ONE_OFF))
    assert refusal.value.code == "one_off_has_no_weekly_budget"


async def test_an_agreement_ends_between_its_start_and_today(session: WriteSession) -> None:
    agreement = await an_agreement(session)
    for day, code in ((STARTED_ON - timedelta(days=1), "ends_before_start"), (date(2026, 11, 3), "day_in_future")):
        with pytest.raises(Invalid) as refusal:
            await ended(session, agreement, day)
        assert refusal.value.code == code
    assert (await ended(session, agreement, STARTED_ON)).ended_on == STARTED_ON
    draft = await a_draft_of_somebody(session)
    for day, code in ((date(2015, 3, 31), "ends_before_start"), (date(2026, 11, 3), "day_in_future")):
        with pytest.raises(Invalid) as refusal:
            await ended(session, draft, day)
        assert refusal.value.code == code
    assert (await ended(session, draft, date(2015, 4, 1))).status is AgreementStatus.ENDED


async def test_one_that_has_not_begun_ends_with_its_first_day(session: WriteSession) -> None:
    agreement = await an_agreement(session, started_on=date(2026, 12, 7))
    with pytest.raises(Invalid):
        await ended(session, agreement, date(2026, 12, 8))
    assert (await ended(session, agreement, date(2026, 12, 7))).status is AgreementStatus.ENDED


async def test_a_start_before_the_care_act_is_refused(session: WriteSession) -> None:
    draft = await a_draft_of_somebody(session)
    with pytest.raises(Invalid) as refusal:
        await activated(session, draft, date(2015, 3, 31))
    assert refusal.value.pointer == "/started_on"


async def test_a_money_manager_is_named_by_id(session: WriteSession) -> None:
    values = money_manager_schemas.NewMoneyManager(name=f"Example Trust {uuid4()}", weekly_fee_pence=850)
    manager = await money_manager_operations.register_money_manager(session, values=values)
    draft = await a_draft_of_somebody(session, money_manager_id=manager.id)
    assert draft.money_manager_id == manager.id
    with pytest.raises(Conflict):
        await money_manager_operations.register_money_manager(session, values=values)


async def test_a_money_manager_stays_while_they_hold_an_account(session: WriteSession, shared: Database) -> None:
    async with test_databases.superuser(shared.settings) as connection:
        await accounts.a_provider(connection)
    values = money_manager_schemas.NewMoneyManager(name=f"Example Trust {uuid4()}", weekly_fee_pence=850)
    manager = await money_manager_operations.register_money_manager(session, values=values)
    agreement = await an_agreement(session, money_manager_id=manager.id)
    kind = account_schemas.OpenedKind.MONEY_MANAGER_ACCOUNT
    account = await accounts.an_account(session, agreement_id=agreement.id, kind=kind)
    with pytest.raises(Conflict) as refusal:
        await amended(session, agreement, schemas.AgreementAmendment(money_manager_id=None))
    assert refusal.value.code == "money_manager_holds_account"
    await session.execute(
        text("UPDATE account SET status = 'closed', closed_on = :day WHERE id = :id"), {"day": TODAY, "id": account.id}
    )
    freed = await amended(session, agreement, schemas.AgreementAmendment(money_manager_id=None))
    assert freed.money_manager_id is None


async def test_an_unknown_agreement_is_not_found(session: WriteSession) -> None:
    values = schemas.Suspension(reason="in hospital")
    with pytest.raises(NotFound):
        await operations.suspend_agreement(session, agreement_id=uuid4(), values=values, today=TODAY)
