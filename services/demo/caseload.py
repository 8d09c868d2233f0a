"""A caseload that existed before this software did, taken over in sets as a council's own would be when it moves here.

Every rule that the single acts apply is applied to each row, and a row that breaks one stops the set; the trail holds
one entry for a set, with how many rows of each kind it wrote and the digest of their ids in the order of writing (of
which rows, not of what stands in them). The county's newest people are registered act by act instead
(`registering`), so that the trail shows what daily work looks like.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import insert

from services.demo.assistants import Engagement
from services.demo.awards import AccountPlan, Award, CardPlan, Rate
from services.dp_api.agreements import rules as agreement_rules
from services.dp_api.budgets import rules as budget_rules
from services.dp_api.personal_assistants import rules as assistant_rules
from services.dp_api.recipients import rules as recipient_rules
from services.shared import audit, clock
from services.shared.ciphers import Ciphers
from services.shared.database import WriteSession
from services.shared.errors import Invalid, Refused
from services.shared.law.findings import Finding
from services.shared.tables.agreements import Account, Agreement, Budget, Card
from services.shared.tables.base import Table
from services.shared.tables.people import PersonalAssistant, PersonalAssistantEngagement, Recipient
from services.shared.vocabulary.agreements import AccountStatus, AgreementStatus, PaymentSchedule

ACTION: Final = "take_over_caseload"
_KIND: Final = "caseload"
_STORED_AS_KNOWN: Final = (
    "kind",
    "full_name",
    "known_as",
    "date_of_birth",
    "primary_support_reason",
    "ethnicity",
    "team_code",
    "postcode",
    "home_care_zone",
    "administered_by",
    "communication_needs",
)

Row = dict[str, Any]


async def take_over(
    session: WriteSession, awards: Sequence[Award], *, part: str, money_managers: Mapping[str, UUID], today: date
) -> None:
    """Take over people with their agreements, budgets, accounts and cards; the gross of the day is projected later.

    Raises Invalid or Refused, as the single acts do, for the first row that breaks a rule.
    """
    now = clock.now()
    rows: dict[type[Table], list[Row]] = {table: [] for table in (Recipient, Agreement, Budget, Account, Card)}
    for award in awards:
        _judge(award, today=today)
        recipient = _recipient(award, ciphers=session.ciphers, now=now)
        agreement = _agreement(award, recipient_id=recipient["id"], money_managers=money_managers, now=now)
        rows[Recipient].append(recipient)
        rows[Agreement].append(agreement)
        rows[Budget] += [_budget(rate, agreement_id=agreement["id"], now=now) for rate in award.rates]
        if award.account is not None:
            account = _account(award, award.account, agreement_id=agreement["id"], today=today, now=now)
            rows[Account].append(account)
            rows[Card] += [_card(card, account=account, now=now) for card in award.account.cards]
    await _write(session, rows, part=part)


async def take_over_assistants(
    session: WriteSession, held: Sequence[Sequence[Engagement]], *, part: str, employers: Mapping[int, UUID]
) -> None:
    """Take over personal assistants with their engagements. Raises Refused for an engagement that is barred."""
    now = clock.now()
    rows: dict[type[Table], list[Row]] = {PersonalAssistant: [], PersonalAssistantEngagement: []}
    for engagements in held:
        known = engagements[0].assistant
        assistant = {"id": uuid4(), "full_name": known.full_name, "team_code": known.team_code, **_new(now)}
        rows[PersonalAssistant].append(assistant)
        rows[PersonalAssistantEngagement] += [
            _engagement(each, assistant_id=assistant["id"], recipient_id=employers[each.employer], now=now)
            for each in engagements
        ]
    await _write(session, rows, part=part)


async def _write(session: WriteSession, rows: Mapping[type[Table], Sequence[Row]], *, part: str) -> None:
    counts: dict[str, object] = {}
    digest = hashlib.sha256()
    for table, written in rows.items():
        if written:
            await session.execute(insert(table), written)
            counts[table.__tablename__] = len(written)
            digest.update("\n".join(str(row["id"]) for row in written).encode())
    await audit.record(session, action=ACTION, subject=audit.Subject(_KIND, part), after=counts, digest=digest.digest())


def _judge(award: Award, *, today: date) -> None:
    """Refuse what the single acts would refuse."""
    person = award.person
    if trouble := recipient_rules.birth_trouble(date_of_birth=person.date_of_birth, today=today):
        raise Invalid(trouble, code="impossible_birth")
    _refuse([recipient_rules.too_young(date_of_birth=person.date_of_birth, today=today)])
    for rate in award.rates:
        _refuse(
            budget_rules.budget_findings(
                date_of_birth=person.date_of_birth,
                day=rate.effective_from,
                legal_basis=award.legal_basis,
                payment_schedule=PaymentSchedule.FOUR_WEEKLY,
                weekly_gross_pence=rate.weekly_gross_pence,
                weekly_contribution_pence=rate.weekly_contribution_pence,
                weekly_nhs_pence=rate.weekly_nhs_pence,
            )
        )
    if award.status is not AgreementStatus.DRAFT:
        _refuse(agreement_rules.activation_findings(_proposal(award)))


def _refuse(findings: Iterable[Finding | None]) -> None:
    for finding in findings:
        if finding is not None:
            raise Refused(finding)


def _proposal(award: Award) -> agreement_rules.Proposal:
    """Return the agreement as it was activated; nobody had died by then."""
    return agreement_rules.Proposal(
        kind=award.kind,
        legal_basis=award.legal_basis,
        payment_schedule=PaymentSchedule.FOUR_WEEKLY,
        started_on=award.started_on,
        today=award.started_on,
        recipient_kind=award.person.kind,
        date_of_birth=award.person.date_of_birth,
        died_on=None,
        has_budget_at_start=award.rates[0].effective_from <= award.started_on,
        weekly_contributions_pence=tuple(rate.weekly_contribution_pence for rate in award.rates),
    )


def _new(now: datetime) -> Row:
    return {"version": 1, "created_at": now, "updated_at": now}


def _recipient(award: Award, *, ciphers: Ciphers, now: datetime) -> Row:
    """Return a recipient's row; an employer's death is recorded later, after the engagements."""
    person = award.person
    number = None if person.nhs_number is None else recipient_rules.nhs_number(person.nhs_number)
    return {
        "id": uuid4(),
        **{name: getattr(person, name) for name in _STORED_AS_KNOWN},
        "nhs_number_encrypted": None if number is None else ciphers.encrypt(number),
        "nhs_number_index": None if number is None else ciphers.blind_index(number),
        "address_lines": "\n".join(person.address_lines),
        "died_on": None if award.is_employer else person.died_on,
        "merged_into_id": None,
        **_new(now),
    }


def _agreement(award: Award, *, recipient_id: UUID, money_managers: Mapping[str, UUID], now: datetime) -> Row:
    status = award.status
    return {
        "id": uuid4(),
        "recipient_id": recipient_id,
        "kind": award.kind,
        "legal_basis": award.legal_basis,
        "status": status,
        "holder_name": award.holder_name,
        "money_manager_id": money_managers[award.money_manager] if award.money_manager else None,
        "payment_schedule": PaymentSchedule.FOUR_WEEKLY,
        "first_payment_on": award.first_payment_on,
        "cash_permitted": award.cash_reason is not None,
        "cash_reason": award.cash_reason,
        "started_on": None if status is AgreementStatus.DRAFT else award.started_on,
        "suspension_reason": award.stop_reason if status is AgreementStatus.SUSPENDED else None,
        "ended_on": award.stopped_on if status is AgreementStatus.ENDED else None,
        "end_reason": award.stop_reason if status is AgreementStatus.ENDED else None,
        **_new(now),
    }


def _budget(rate: Rate, *, agreement_id: UUID, now: datetime) -> Row:
    return {
        "id": uuid4(),
        "agreement_id": agreement_id,
        "effective_from": rate.effective_from,
        "revision": 1,
        "weekly_gross_pence": rate.weekly_gross_pence,
        "weekly_contribution_pence": rate.weekly_contribution_pence,
        "weekly_net_pence": rate.weekly_net_pence,
        "weekly_council_pence": rate.weekly_gross_pence - rate.weekly_nhs_pence,
        "weekly_nhs_pence": rate.weekly_nhs_pence,
        "reason": rate.reason,
        "created_at": now,
    }


def _account(award: Award, plan: AccountPlan, *, agreement_id: UUID, today: date, now: datetime) -> Row:
    person = award.person
    return {
        "id": uuid4(),
        "agreement_id": agreement_id,
        "kind": plan.kind,
        "status": AccountStatus.OPEN,
        "provider_code": plan.provider_code,
        "provider_account_ref": plan.provider_account_ref,
        "last_four": plan.last_four,
        "care_group": recipient_rules.care_group(
            kind=person.kind,
            primary_support_reason=person.primary_support_reason,
            date_of_birth=person.date_of_birth,
            today=today,
        ),
        "opened_on": plan.opened_on,
        "closed_on": None,
        **_new(now),
    }


def _card(card: CardPlan, *, account: Row, now: datetime) -> Row:
    return {
        "id": uuid4(),
        "account_id": account["id"],
        "provider_code": account["provider_code"],
        "provider_card_ref": card.provider_card_ref,
        "last_four": card.last_four,
        "opened_on": card.opened_on,
        "closed_on": card.closed_on,
        "created_at": now,
    }


def _engagement(each: Engagement, *, assistant_id: UUID, recipient_id: UUID, now: datetime) -> Row:
    _refuse(
        [
            assistant_rules.barred_engagement(
                relationship=each.relationship,
                same_household=each.same_household,
                exception_reason=each.exception_reason,
            )
        ]
    )
    return {
        "id": uuid4(),
        "recipient_id": recipient_id,
        "personal_assistant_id": assistant_id,
        "started_on": each.started_on,
        "ended_on": None,
        "hours_per_week": each.hours_per_week,
        "relationship_to_recipient": each.relationship,
        "same_household": each.same_household,
        "exception_reason": each.exception_reason,
        "created_at": now,
    }
