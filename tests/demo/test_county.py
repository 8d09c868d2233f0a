from collections import Counter, defaultdict
from datetime import date, timedelta

import pytest
from stdnum.gb import nhs

from services.demo import accounts, county, forecast, streams
from services.demo.awards import PUBLISHED_SURPLUS_PENCE, YEAR_GROSS_PENCE, Temper
from services.demo.county import County
from services.demo.forecast import Forecast
from services.demo.population import ETHNICITY_COUNTS, TEAM_ZONES
from services.shared import dates
from services.shared.vocabulary.agreements import AccountKind, AgreementKind, AgreementStatus, LegalBasis
from services.shared.vocabulary.money import EventStatus
from services.shared.vocabulary.people import CareGroup, RecipientKind

TODAY = date(2026, 11, 22)
SMALL = 540


@pytest.fixture(scope="module")
def published() -> County:
    return county.county(seed=2018, recipients=2_700, months=12, today=TODAY)


@pytest.fixture(scope="module")
def small() -> County:
    return county.county(seed=2018, recipients=SMALL, months=12, today=TODAY)


@pytest.fixture(scope="module")
def lived(small: County) -> Forecast:
    return forecast.forecast(small)


def test_accounts_and_employers_are_as_many_as_the_plan_says(published: County) -> None:
    kinds = Counter(award.account.kind if award.account else None for award in published.awards)
    assert kinds[AccountKind.PREPAID_CARD] == 2_100
    assert kinds[AccountKind.MONEY_MANAGER_ACCOUNT] == 80
    assert kinds[AccountKind.BANK_ACCOUNT] == 500
    assert sum(award.is_employer for award in published.awards) == 625
    assert 1_150 <= len({engagement.assistant.number for engagement in published.engagements}) <= 1_250
    shared = Counter(engagement.assistant.number for engagement in published.engagements)
    assert 0 < sum(employers > 1 for employers in shared.values()) < 150


def test_care_groups_and_ethnicity_have_the_published_shares(published: County) -> None:
    adults = [person for person in published.people if person.kind is RecipientKind.ADULT]
    groups = Counter(person.care_group for person in adults)
    assert len(published.people) - len(adults) == 169
    for group, share in {CareGroup.OLDER_PEOPLE: 0.4, CareGroup.LEARNING_DISABILITIES: 0.24}.items():
        assert groups[group] / len(adults) == pytest.approx(share, abs=0.001)
    ethnicities = Counter(person.ethnicity for person in published.people)
    for ethnicity, count in ETHNICITY_COUNTS.items():
        assert ethnicities[ethnicity] == pytest.approx(count * 2_700 / 2_501, abs=1)


def test_each_group_is_awarded_its_published_budget(published: County) -> None:
    for group, year_pence in YEAR_GROSS_PENCE.items():
        weekly = sum(award.weekly_gross_pence for award in published.awards if award.person.care_group is group)
        assert weekly * 365.25 / 7 == pytest.approx(year_pence, rel=0.005)


def test_the_legal_basis_goes_with_the_agreement(published: County) -> None:
    for award in published.awards:
        assert (award.kind is AgreementKind.AUTHORISED_PERSON) == (award.legal_basis is LegalBasis.S32)
        is_young = dates.age_on(award.person.date_of_birth, TODAY) < 18
        assert is_young == (award.legal_basis is LegalBasis.S17A)
        if award.legal_basis is LegalBasis.S117:
            assert {rate.weekly_contribution_pence for rate in award.rates} == {0}
        needs_holder = award.kind in (AgreementKind.AUTHORISED_PERSON, AgreementKind.NOMINATED_PERSON)
        assert needs_holder == (award.holder_name is not None)


def test_rates_are_whole_and_never_overlap(published: County) -> None:
    for award in published.awards:
        days = [rate.effective_from for rate in award.rates]
        assert days == sorted(set(days))
        for rate in award.rates:
            assert 0 <= rate.weekly_contribution_pence <= rate.weekly_gross_pence
            assert 0 <= rate.weekly_nhs_pence < rate.weekly_gross_pence


def test_nobody_could_be_a_real_person(published: County) -> None:
    numbers = [person.nhs_number for person in published.people if person.nhs_number]
    assert len(numbers) == len(set(numbers))
    assert all(nhs.is_valid(number) and number.startswith("999") for number in numbers)
    assert {person.postcode[:2] for person in published.people} == {"LX"}


def test_age_fits_the_care_group(published: County) -> None:
    for person in published.people:
        age = dates.age_on(person.date_of_birth, TODAY)
        assert age >= 16
        if person.kind is RecipientKind.ADULT:
            assert (age >= 65) == (person.care_group is CareGroup.OLDER_PEOPLE)


def test_every_team_has_people_of_its_own_zones(published: County) -> None:
    for person in published.people:
        assert person.home_care_zone in TEAM_ZONES[person.team_code]
    assert {person.team_code for person in published.people} == set(TEAM_ZONES)


def test_only_drafts_are_without_an_account(published: County) -> None:
    for award in published.awards:
        assert (award.account is None) == (award.status is AgreementStatus.DRAFT)
    assert Counter(award.status for award in published.awards)[AgreementStatus.DRAFT] == 20


def test_the_same_seed_makes_the_same_county_and_another_does_not(small: County) -> None:
    assert county.county(seed=2018, recipients=SMALL, months=12, today=TODAY) == small
    assert county.county(seed=2019, recipients=SMALL, months=12, today=TODAY).people != small.people


def test_the_same_seed_makes_the_same_money(small: County) -> None:
    first, again = (list(county.weeks(small, accounts.KESTREL)) for _ in range(2))
    assert first == again
    assert len(first) >= 52


def test_no_account_ever_spends_what_is_not_there(small: County) -> None:
    balances: dict[int, int] = defaultdict(int)
    for provider_code in accounts.PROVIDERS:
        for _, moved in county.weeks(small, provider_code):
            for award, movement in moved:
                balances[award.number] += movement.effect_pence
                assert balances[award.number] >= -movement.pence, "only a bounced direct debit may dip below nil"
    assert min(balances.values()) >= 0


def test_weeks_hold_their_own_days_and_end_before_today(small: County) -> None:
    last = small.start
    for up_to, moved in county.weeks(small, accounts.LANTHORN):
        assert all(last <= movement.on < up_to for _, movement in moved)
        assert up_to - last <= timedelta(days=7)
        last = up_to
    assert last == TODAY


def test_the_surplus_is_the_published_one_scaled(lived: Forecast) -> None:
    assert lived.excess_pence == pytest.approx(PUBLISHED_SURPLUS_PENCE * SMALL / 2_700, rel=0.08)


def test_a_fifth_hold_money_back_and_the_other_flags_were_just_loaded(lived: Forecast) -> None:
    accounts_held = len(lived.standings)
    assert lived.held_back / accounts_held == pytest.approx(0.2, abs=0.02)
    assert lived.held_back_pence > 0.9 * lived.excess_pence
    healthy = lived.flagged - lived.held_back
    assert 0.05 < healthy / accounts_held < 0.2
    assert lived.persistent_pence == pytest.approx(lived.held_back_pence, rel=0.05)


def test_events_of_every_kind_happen(lived: Forecast) -> None:
    assert set(lived.rows) == set(EventStatus)
    assert any(standing.holds for standing in lived.standings.values())
    assert {award.award.temper for award in lived.standings.values()} == set(Temper)


@pytest.mark.parametrize(("recipients", "months"), [(9, 12), (100, 1)])
def test_a_county_too_small_for_its_shares_is_refused(recipients: int, months: int) -> None:
    with pytest.raises(ValueError, match="at least 10 recipients"):
        county.county(seed=1, recipients=recipients, months=months, today=TODAY)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("recipients", "months"), [(10, 2), (40, 2), (77, 7)])
def test_any_small_county_can_be_made(seed: int, recipients: int, months: int) -> None:
    made = county.county(seed=seed, recipients=recipients, months=months, today=TODAY)
    assert len(made.awards) == recipients
    for award in made.awards:
        assert award.started_on <= award.first_payment_on <= award.anchor_on
        assert award.stopped_on is None or made.start <= award.stopped_on < TODAY
    assert forecast.forecast(made).rows[EventStatus.POSTED] > 0


def test_shares_come_out_exact() -> None:
    counts = Counter(streams.shared_out({"a": 2.0, "b": 1.0, "c": 1.0}, 9))
    assert sum(counts.values()) == 9
    assert counts["a"] in (4, 5)
    assert min(counts["b"], counts["c"]) == 2


def test_streams_of_two_purposes_do_not_move_each_other() -> None:
    first = streams.stream(1, "names").random()
    assert streams.stream(1, "names").random() == first
    assert streams.stream(1, "addresses").random() != first
