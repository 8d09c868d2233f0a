"""HTTP for agreements and the moves of their life."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from services.dp_api.agreements import operations, schemas
from services.shared import paging
from services.shared.values import fields
from services.shared.vocabulary.agreements import AgreementKind, AgreementStatus
from services.shared.web import dependencies, etags, routing

router = routing.Router(prefix="/v1/agreements", tags=["agreements"])

Shown = Annotated[schemas.AnyAgreement, Field(discriminator="field_set")]


@router.post("", status_code=201)
async def open_agreement(
    body: schemas.NewAgreement, session: dependencies.Write, today: dependencies.Today, response: Response
) -> schemas.AgreementForCare:
    """Open a draft agreement for a recipient."""
    agreement = await operations.open_agreement(session, values=body, today=today)
    response.headers["Location"] = f"/v1/agreements/{agreement.id}"
    etags.answer(response, agreement.version)
    return agreement


@router.get("")
async def list_agreements(
    session: dependencies.Read,
    page: dependencies.Page,
    today: dependencies.Today,
    recipient_id: UUID | None = None,
    kind: AgreementKind | None = None,
    status: AgreementStatus | None = None,
    team: Annotated[fields.Code | None, Query(description="Agreements of this team's recipients.")] = None,
    money_manager_id: UUID | None = None,
) -> paging.Paged[Shown]:
    """List the agreements in the caller's sight, each with the budget that holds today."""
    wanted = schemas.AgreementFilter(
        recipient_id=recipient_id, kind=kind, status=status, team_code=team, money_manager_id=money_manager_id
    )
    return await operations.list_agreements(session, wanted=wanted, today=today, page=page)


@router.get("/{agreement_id}")
async def read_agreement(
    agreement_id: UUID, session: dependencies.Read, today: dependencies.Today, response: Response
) -> Shown:
    """Show one agreement with the budget that holds today, as far as the caller's role goes."""
    agreement = await operations.read_agreement(session, agreement_id=agreement_id, today=today)
    etags.answer(response, agreement.version)
    return agreement


@router.patch("/{agreement_id}")
async def amend_agreement(
    agreement_id: UUID,
    body: schemas.AgreementAmendment,
    version: dependencies.IfMatch,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.AgreementForCare:
    """Amend what is sent of an agreement; who signs, and by what power, is fixed by activation."""
    agreement = await operations.amend_agreement(
        session, agreement_id=agreement_id, version=version, values=body, today=today
    )
    etags.answer(response, agreement.version)
    return agreement


@router.post("/{agreement_id}/activation")
async def activate_agreement(
    agreement_id: UUID,
    body: schemas.Activation,
    version: dependencies.IfMatch,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.AgreementForCare:
    """Activate the version that was read of a draft, from a day on.

    A refusal tells all that the tested rules find against it (budget, party, basis, age, charge, death), with their
    sources. The conditions of the Care Act and the exclusions of SI 2014/2871, Sch. 1 are not tested: do that first.
    """
    agreement = await operations.activate_agreement(
        session, agreement_id=agreement_id, version=version, values=body, today=today
    )
    etags.answer(response, agreement.version)
    return agreement


@router.post("/{agreement_id}/suspension")
async def suspend_agreement(
    agreement_id: UUID,
    body: schemas.Suspension,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.AgreementForCare:
    """Stop an active agreement for the time being, for a reason."""
    agreement = await operations.suspend_agreement(session, agreement_id=agreement_id, values=body, today=today)
    etags.answer(response, agreement.version)
    return agreement


@router.post("/{agreement_id}/resumption")
async def resume_agreement(
    agreement_id: UUID,
    body: schemas.Resumption,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.AgreementForCare:
    """Let a suspended agreement go on, for a reason."""
    agreement = await operations.resume_agreement(session, agreement_id=agreement_id, values=body, today=today)
    etags.answer(response, agreement.version)
    return agreement


@router.post("/{agreement_id}/end")
async def end_agreement(
    agreement_id: UUID,
    body: schemas.Ending,
    session: dependencies.Write,
    today: dependencies.Today,
    response: Response,
) -> schemas.AgreementForCare:
    """End an agreement with a day that has come, for a reason."""
    agreement = await operations.end_agreement(session, agreement_id=agreement_id, values=body, today=today)
    etags.answer(response, agreement.version)
    return agreement
