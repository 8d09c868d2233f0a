from dataclasses import replace
from typing import Any

import pytest

from services.clawback.runs import operations as run
from services.demo import caseload, county, forecast, loading, marks
from services.demo.awards import PUBLISHED_SURPLUS_PENCE, Award
from services.demo.county import County
from services.demo.forecast import Forecast
from services.demo.loading import Loaded, Report
from services.shared import clock, dates, migrate, sealing
from services.shared.errors import Refused
from services.shared.identity.actor import machine
from services.shared.settings.installation import Settings
from services.shared.vocabulary.agreements import AgreementStatus, LegalBasis
from services.shared.vocabulary.clawback import RunTrigger
from services.shared.vocabulary.money import EventStatus
from tests.databases import Databases, superuser

SEED = 11
RECIPIENTS = 40
MONTHS = 2
TODAY = dates.london_date(clock.now())

Held = dict[str, tuple[int, int]]


class CutOffError(Exception):
    """The power went."""


def nothing(_stage: str, _done: int, _total: int) -> None:
    """Hear of progress, and do nothing about it."""


async def load(settings: Settings, *, seed: int = SEED, report: Report = nothing, size: int = RECIPIENTS) -> Loaded:
    return await loading.load(settings, recipients=size, months=MONTHS, seed=seed, today=TODAY, report=report)


@pytest.fixture(scope="module")
def made() -> County:
    return county.county(seed=SEED, recipients=RECIPIENTS, months=MONTHS, today=TODAY)


@pytest.fixture(scope="module")
def lived(made: County) -> Forecast:
    return forecast.forecast(made)


def foretold(lived: Forecast) -> Held:
    held = {
        standing.award.account.provider_account_ref: (standing.posted_pence, sum(standing.holds.values()))
        for standing in lived.standings.values()
        if standing.award.account is not None
    }
    return {reference: pence for reference, pence in held.items() if any(pence)}


async def stored(databases: Databases) -> Held:
    question = """
        SELECT provider_account_ref, posted_pence, held_pence
        FROM account JOIN account_balance ON account_balance.account_id = account.id
        WHERE posted_pence <> 0 OR held_pence <> 0
    """
    async with databases.superuser() as connection:
        return {row[0]: (row[1], row[2]) for row in await connection.fetch(question)}


async def count(databases: Databases, table: str) -> Any:
    async with databases.superuser() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


async def test_every_account_holds_what_its_movements_come_to(
    databases: Databases, made: County, lived: Forecast
) -> None:
    loaded = await load(databases.settings)
    assert await stored(databases) == foretold(lived)
    assert loaded.transactions == lived.rows[EventStatus.POSTED]
    assert loaded.quarantined == 2 * sum(award.account is None for award in made.awards)
    assert (loaded.recipients, loaded.agreements) == (RECIPIENTS, RECIPIENTS)
    assert loaded.personal_assistants == len({engagement.assistant.number for engagement in made.engagements})
    assert await loading.is_loaded(databases.settings)


async def test_the_surplus_run_finds_what_was_foretold_to_the_penny(databases: Databases) -> None:
    await loading.load(databases.settings, recipients=135, months=12, seed=SEED, today=TODAY, report=nothing)
    lived = forecast.forecast(county.county(seed=SEED, recipients=135, months=12, today=TODAY))
    made = await run.run(
        databases.clawback, as_of=TODAY, trigger=RunTrigger.MANUAL, now=clock.now(), actor=machine("test")
    )
    assert (made.flagged, made.excess_pence) == (lived.flagged, lived.excess_pence)
    assert made.excess_pence == pytest.approx(PUBLISHED_SURPLUS_PENCE * 135 / 2_700, rel=0.15)


async def test_loading_again_changes_nothing_and_tells_the_same(databases: Databases) -> None:
    first = await load(databases.settings)
    entries = await count(databases, "audit_entry")
    assert await load(databases.settings) == first
    assert await count(databases, "audit_entry") == entries


@pytest.mark.parametrize("stage", ["people", "personal assistants", "card and bank feeds", "daily jobs"])
async def test_a_load_that_was_cut_off_is_gone_on_with(databases: Databases, lived: Forecast, stage: str) -> None:
    def cut_off(reached: str, _done: int, _total: int) -> None:
        if reached == stage:
            raise CutOffError

    with pytest.raises(CutOffError):
        await load(databases.settings, report=cut_off)
    assert not await loading.is_loaded(databases.settings)
    loaded = await load(databases.settings)
    assert (loaded.recipients, loaded.transactions) == (RECIPIENTS, lived.rows[EventStatus.POSTED])
    assert await stored(databases) == foretold(lived)


async def test_two_loads_with_the_same_seed_give_the_same_records(databases: Databases) -> None:
    await load(databases.settings)
    other = databases.settings.model_copy(update={"schema_name": "another_council"})
    await migrate.migrate(other)
    await load(other)
    assert await records(databases.settings) == await records(other)


async def records(settings: Settings) -> list[list[tuple[Any, ...]]]:
    """Return what is in a county by its natural keys: ids and times differ from load to load."""
    questions = (
        """SELECT full_name, date_of_birth, died_on, team_code, postcode, care_group, recipient.kind, agreement.kind,
            agreement.status, legal_basis, started_on, ended_on, provider_account_ref
        FROM recipient JOIN agreement ON recipient_id = recipient.id
        LEFT JOIN account ON agreement_id = agreement.id ORDER BY 1, 2, 3""",
        """SELECT provider_account_ref, effective_from, weekly_gross_pence, weekly_net_pence, weekly_nhs_pence
        FROM budget JOIN account USING (agreement_id) ORDER BY 1, 2""",
        """SELECT card_transaction.provider_code, provider_transaction_id, provider_account_ref, booked_on,
            amount_pence, category, card_transaction.care_group, mcc, merchant_name
        FROM card_transaction JOIN account ON account.id = account_id ORDER BY 1, 2""",
        """SELECT accounting_month, category, care_group, provider_code, amount_pence, transactions FROM spend_summary
        ORDER BY 1, 2, 3, 4""",
        """SELECT personal_assistant.full_name, recipient.full_name, hours_per_week, relationship_to_recipient
        FROM personal_assistant_engagement engaged JOIN recipient ON recipient.id = recipient_id
        JOIN personal_assistant ON personal_assistant.id = personal_assistant_id ORDER BY 1, 2""",
    )
    async with superuser(settings) as connection:
        found = [[tuple(row) for row in await connection.fetch(question)] for question in questions]
    assert all(found)
    return found


async def test_the_trail_is_sealed_and_proves_itself(databases: Databases) -> None:
    await load(databases.settings)
    checked = await sealing.verify(databases.dp_api)
    assert checked.ok, checked.first_broken
    assert await count(databases, "unsealed_entry") == 0


async def test_balances_and_summary_are_those_of_the_transactions(databases: Databases) -> None:
    await load(databases.settings)
    assert await count(databases, "spend_delta") == 0
    async with databases.superuser() as connection:
        posted = await connection.fetchval("SELECT sum(amount_pence) FROM card_transaction")
        assert posted == await connection.fetchval("SELECT sum(posted_pence) FROM account_balance")
        assert posted == await connection.fetchval("SELECT sum(amount_pence) FROM spend_summary")
        categories = await connection.fetch("SELECT DISTINCT category FROM card_transaction")
        assert len(categories) > 5


async def test_another_county_is_not_loaded_over_one_that_was_begun(databases: Databases) -> None:
    await load(databases.settings)
    with pytest.raises(marks.OtherCountyError):
        await load(databases.settings, seed=SEED + 1)
    with pytest.raises(marks.OtherCountyError):
        await load(databases.settings, size=RECIPIENTS + 1)


async def test_nothing_is_loaded_among_people_who_are_not_the_county_s(databases: Databases, made: County) -> None:
    await register_one(databases, made.awards[0])
    with pytest.raises(marks.OtherCountyError, match="recipients already"):
        await load(databases.settings)


async def test_a_set_that_breaks_a_rule_is_not_taken_over(databases: Databases, made: County) -> None:
    charged = next(award for award in made.awards if award.rates[-1].weekly_contribution_pence)
    unlawful = replace(charged, legal_basis=LegalBasis.S117)
    with pytest.raises(Refused) as refused:
        await register_one(databases, unlawful)
    assert refused.value.code == "after_care_charged"
    assert await count(databases, "recipient") == 0


async def register_one(databases: Databases, award: Award) -> None:
    """Take over one person without an account, in a team made for them."""
    person = award.person
    async with databases.superuser() as connection:
        await connection.execute("INSERT INTO team (code, name) VALUES ($1, 'A team')", person.team_code)
    alone = replace(award, account=None, status=AgreementStatus.DRAFT, money_manager=None)
    async with databases.dp_api.write(actor=machine("test")) as session:
        await caseload.take_over(session, [alone], part="one", money_managers={}, today=TODAY)


async def test_production_takes_no_synthetic_county(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(loading.NotInProductionError):
        await load(production)
