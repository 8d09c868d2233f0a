"""Who is awarded what: kinds, legal bases, rates and accounts drawn so that the county meets the published totals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from statistics import NormalDist
from types import MappingProxyType
from typing import Final

from services.demo import accounts, names, rates, streams
from services.demo.awards import (
    CYCLE_DAYS,
    PUBLISHED_RECIPIENTS,
    PUBLISHED_SURPLUS_PENCE,
    YEAR_GROSS_PENCE,
    Award,
    Temper,
)
from services.demo.payees import MONEY_MANAGERS
from services.demo.population import Person
from services.shared import dates
from services.shared.vocabulary.agreements import AccountKind, AgreementKind, AgreementStatus, LegalBasis
from services.shared.vocabulary.people import AdministeredBy, CareGroup, RecipientKind

_WEEKS_A_YEAR: Final = 365.25 / 7
_SPREAD: Final = 0.75
_LEAST_WEEKLY_PENCE: Final = 1_800
_SURPLUS_SHARE: Final = 0.2
_LEAST_SURPLUS_WEEKS: Final = 1.5
# Of the published surplus, the part that the plain rule finds in healthy accounts which were loaded only days ago.
_JUST_LOADED_SHARE: Final = 0.005
_KINDS: Final[Mapping[AdministeredBy, Mapping[AgreementKind, float]]] = MappingProxyType(
    {
        AdministeredBy.ALONE: {AgreementKind.SERVICE_USER: 1},
        AdministeredBy.FAMILY: {
            AgreementKind.SERVICE_USER: 52,
            AgreementKind.NOMINATED_PERSON: 24,
            AgreementKind.AUTHORISED_PERSON: 24,
        },
        AdministeredBy.REPRESENTATIVE: {AgreementKind.NOMINATED_PERSON: 1, AgreementKind.AUTHORISED_PERSON: 1},
        AdministeredBy.SOMEONE_ELSE: {AgreementKind.SERVICE_USER: 2, AgreementKind.NOMINATED_PERSON: 3},
    }
)
_SUSPENSIONS: Final = (
    "In hospital for longer than four weeks",
    "Concern about how the money is used is being looked at",
)
_ENDINGS: Final = ("Moved to a managed service", "Moved out of the county", "Asked for the direct payment to end")
_CASH_REASONS: Final = ("Support plan: market stall that takes no cards", "Support plan: taxi that takes cash only")


def window_start(*, today: date, months: int) -> date:
    """Return the Monday on which the window of so many months before today begins."""
    first = dates.add_months(today, -months)
    return first - timedelta(days=first.weekday())


def awards(people: Sequence[Person], *, seed: int, months: int, today: date) -> tuple[Award, ...]:
    """Return each person's award, in the order of the people."""
    start = window_start(today=today, months=months)
    kinds = accounts.kinds(people, seed=seed)
    statuses = _statuses(people, kinds, seed=seed)
    grosses = _weekly_grosses(people, seed=seed)
    employers = _employers(people, kinds, grosses, seed=seed)
    drawn = [
        _award(
            person,
            random=streams.stream(seed, "award", person.number),
            status=statuses[person.number],
            account_kind=kinds[person.number],
            weekly_gross_pence=grosses[person.number],
            is_employer=person.number in employers,
            start=start,
            today=today,
        )
        for person in people
    ]
    return _tempered(drawn, seed=seed)


def _award(
    person: Person,
    *,
    random: Random,
    status: AgreementStatus,
    account_kind: AccountKind | None,
    weekly_gross_pence: int,
    is_employer: bool,
    start: date,
    today: date,
) -> Award:
    started_on, anchor_on = _days(random, person, status, start=start, today=today)
    kind, basis = _kind_and_basis(random, person, today=today)
    stopped_on = person.died_on or _stopped_on(random, status, start=start, today=today)
    is_third_party = kind in (AgreementKind.NOMINATED_PERSON, AgreementKind.AUTHORISED_PERSON)
    plan = accounts.plan(random, number=person.number, kind=account_kind, opened_on=started_on, today=today)
    return Award(
        person=person,
        kind=kind,
        legal_basis=basis,
        status=status,
        holder_name=names.full_name(random) if is_third_party else None,
        money_manager=random.choice(list(MONEY_MANAGERS))
        if account_kind is AccountKind.MONEY_MANAGER_ACCOUNT
        else None,
        cash_reason=random.choice(_CASH_REASONS) if random.random() < 0.02 else None,
        started_on=started_on,
        first_payment_on=anchor_on - timedelta(days=(anchor_on - started_on).days // CYCLE_DAYS * CYCLE_DAYS),
        anchor_on=anchor_on,
        stopped_on=stopped_on,
        stop_reason=_stop_reason(random, status),
        rates=rates.rates(
            random, basis=basis, weekly_gross_pence=weekly_gross_pence, started_on=started_on, start=start, today=today
        ),
        account=plan,
        is_employer=is_employer,
        temper=Temper.HEALTHY,
        surplus_weeks=0.0,
    )


def _days(random: Random, person: Person, status: AgreementStatus, *, start: date, today: date) -> tuple[date, date]:
    """Return when the agreement began, and the first load in the window; one in eight begins within the window."""
    is_settled = status is not AgreementStatus.ACTIVE or person.died_on is not None
    is_new = random.random() < 0.12 and not is_settled and (today - start).days > 2 * CYCLE_DAYS
    days = random.randrange((today - start).days - 35) if is_new else -random.randint(30, 1_500)
    started_on = max(start + timedelta(days=days), _came_of_age(person, today=today))
    first = max(start, started_on) + timedelta(days=random.randrange(7 if is_new else CYCLE_DAYS))
    return started_on, _working_day(first)


def _working_day(day: date) -> date:
    """Return the day itself, or the Monday after a Saturday or Sunday: loads leave on working days."""
    return day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)


def _came_of_age(person: Person, *, today: date) -> date:
    """Return the birthday before which the agreement cannot have begun: the 16th of a young person, else the 18th."""
    is_young = dates.age_on(person.date_of_birth, today) < 18
    return dates.add_months(person.date_of_birth, 12 * (16 if is_young else 18))


def _kind_and_basis(random: Random, person: Person, *, today: date) -> tuple[AgreementKind, LegalBasis]:
    """Return who signs and under which power: the authorised person's agreement is s.32's, and nobody else's."""
    if person.kind is RecipientKind.CARER:
        return AgreementKind.CARER, LegalBasis.S31
    if dates.age_on(person.date_of_birth, today) < 18:
        return AgreementKind.NOMINATED_PERSON, LegalBasis.S17A
    kind = streams.weighted(random, _KINDS[person.administered_by])
    if kind is AgreementKind.AUTHORISED_PERSON:
        return kind, LegalBasis.S32
    is_aftercare = person.care_group is CareGroup.MENTAL_HEALTH and random.random() < 0.14
    return kind, LegalBasis.S117 if is_aftercare else LegalBasis.S31


def _stopped_on(random: Random, status: AgreementStatus, *, start: date, today: date) -> date | None:
    """Return the day, inside the window, from which a suspended or ended award is no longer paid."""
    days = (today - start).days - 7
    if status is AgreementStatus.SUSPENDED:
        return today - timedelta(days=random.randint(20, min(120, days)))
    if status is AgreementStatus.ENDED:
        return today - timedelta(days=random.randint(40, min(200, days)))
    return None


def _stop_reason(random: Random, status: AgreementStatus) -> str | None:
    if status is AgreementStatus.SUSPENDED:
        return random.choice(_SUSPENSIONS)
    return random.choice(_ENDINGS) if status is AgreementStatus.ENDED else None


def _statuses(people: Sequence[Person], kinds: Sequence[AccountKind | None], *, seed: int) -> list[AgreementStatus]:
    """Return a status for each: drafts have no account yet, the living with one may be suspended or ended, a few of
    each.
    """
    statuses = [AgreementStatus.ACTIVE if kind else AgreementStatus.DRAFT for kind in kinds]
    settled = [person.number for person in people if kinds[person.number] and person.died_on is None]
    chosen = streams.stream(seed, "statuses").sample(settled, k=round(len(people) * 0.026))
    suspended = round(len(people) * 0.011)
    for position, number in enumerate(chosen):
        statuses[number] = AgreementStatus.SUSPENDED if position < suspended else AgreementStatus.ENDED
    return statuses


def _weekly_grosses(people: Sequence[Person], *, seed: int) -> list[int]:
    """Return weekly gross pence by person: log-normal within a group, its mean the group's published budget a head."""
    grosses = [0] * len(people)
    for group, year_pence in YEAR_GROSS_PENCE.items():
        members = [person.number for person in people if person.care_group is group]
        if not members:
            continue
        mean = year_pence * len(people) / PUBLISHED_RECIPIENTS / len(members) / _WEEKS_A_YEAR
        normal = NormalDist(0, _SPREAD)
        raw = [2.718281828 ** normal.inv_cdf((place + 0.5) / len(members)) for place in range(len(members))]
        for number, value in zip(streams.shuffled(streams.stream(seed, f"gross {group}"), members), raw, strict=True):
            grosses[number] = max(_LEAST_WEEKLY_PENCE, round(value * mean * len(raw) / sum(raw)))
    return grosses


def _employers(
    people: Sequence[Person], kinds: Sequence[AccountKind | None], grosses: Sequence[int], *, seed: int
) -> frozenset[int]:
    """Return who employs personal assistants: 625 of 2,700, adults whose award can bear a wage (Plan, s.9)."""
    able = [
        person.number
        for person in people
        if kinds[person.number] and person.kind is RecipientKind.ADULT and grosses[person.number] >= 9_000
    ]
    wanted = min(len(able), round(len(people) * 625 / PUBLISHED_RECIPIENTS))
    return frozenset(streams.stream(seed, "employers").sample(able, k=wanted))


def _tempered(drawn: Sequence[Award], *, seed: int) -> tuple[Award, ...]:
    """Give a fifth of the accounts a surplus, scaled so that all of it together is the published figure."""
    able = [award.number for award in drawn if award.account and award.status is not AgreementStatus.ENDED]
    holders = streams.stream(seed, "surplus holders").sample(able, k=round(len(able) * _SURPLUS_SHARE))
    wanted = PUBLISHED_SURPLUS_PENCE * (1 - _JUST_LOADED_SHARE) * len(drawn) / PUBLISHED_RECIPIENTS
    held = list(zip(holders, [(place + 0.5) / len(holders) for place in range(len(holders))], strict=True))
    least = sum(drawn[number].weekly_gross_pence * _LEAST_SURPLUS_WEEKS for number, _ in held)
    slope = (wanted - least) / max(1.0, sum(drawn[number].weekly_gross_pence * place for number, place in held))
    random = streams.stream(seed, "temper")
    tempered = list(drawn)
    for number, place in held:
        weeks = _LEAST_SURPLUS_WEEKS + slope * place
        tempered[number] = replace(drawn[number], temper=_temper(random, drawn[number]), surplus_weeks=weeks)
    return tuple(tempered)


def _temper(random: Random, award: Award) -> Temper:
    if award.is_employer and random.random() < 0.6:
        return Temper.VACANCY
    return random.choice((Temper.STEPPED_DOWN, Temper.OVER_COMMISSIONED, Temper.AWAY))
