"""A case as people read it: stored figures, each with what it stands on, and what can be worked out from them again."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row

from services.clawback.cases import rules, schemas


def summary(row: Row[Any], *, today: date) -> schemas.CaseSummary:
    """Return a row of the queue; the age is counted to `today`, the days since the load to the last flag."""
    return schemas.CaseSummary(
        id=row.id,
        agreement_id=row.agreement_id,
        recipient_id=row.recipient_id,
        team_code=row.team_code,
        ground=row.ground,
        status=row.status,
        excess_pence=row.excess_pence,
        weeks_of_cover_hundredths=row.weeks_of_cover_hundredths,
        reading=rules.reading(low_point_pence=row.low_point_pence, threshold_pence=row.threshold_pence),
        low_point_excess_pence=row.low_point_pence - row.threshold_pence,
        days_since_load=_days_between(row.last_load_on, row.last_flagged_on),
        opened_on=row.opened_on,
        age_days=(today - row.opened_on).days,
        last_flagged_on=row.last_flagged_on,
        is_still_over=row.is_still_over,
        recipient_has_died=row.recipient_has_died,
        version=row.version,
    )


def case(
    row: Row[Any], *, lines: Sequence[schemas.AccountLine], history: Sequence[Row[Any]], today: date
) -> schemas.Case:
    """Return a case with its standing calculation, the source of every figure, and its history."""
    return schemas.Case(
        id=row.id,
        agreement_id=row.agreement_id,
        recipient_id=row.recipient_id,
        team_code=row.team_code,
        ground=row.ground,
        status=row.status,
        opened_on=row.opened_on,
        age_days=(today - row.opened_on).days,
        opened_by_run_id=row.opened_by_run_id,
        last_flagged_on=row.last_flagged_on,
        is_still_over=row.is_still_over,
        recipient_has_died=row.recipient_has_died,
        withdrawal_reason=row.withdrawal_reason,
        version=row.version,
        calculation=_calculation(row, lines=lines),
        history=[_past(each) for each in history],
    )


def _calculation(row: Row[Any], *, lines: Sequence[schemas.AccountLine]) -> schemas.Calculation:
    return schemas.Calculation(
        id=row.calculation_id,
        run_id=row.run_id,
        as_of=row.as_of,
        policy=_policy(row),
        budget=_budget(row),
        accounts=lines,
        posted_pence=row.posted_pence,
        held_pence=row.held_pence,
        counted_pence=row.counted_pence,
        threshold_pence=row.threshold_pence,
        excess_pence=row.excess_pence,
        weeks_of_cover_hundredths=row.weeks_of_cover_hundredths,
        low_point_pence=row.low_point_pence,
        low_point_on=row.low_point_on,
        low_point_excess_pence=row.low_point_pence - row.threshold_pence,
        last_load_on=row.last_load_on,
        last_load_pence=row.last_load_pence,
        days_since_load=_days_between(row.last_load_on, row.as_of),
        reading=rules.reading(low_point_pence=row.low_point_pence, threshold_pence=row.threshold_pence),
        in_words=rules.in_words(row, recipient_has_died=row.recipient_has_died),
    )


def _policy(row: Row[Any]) -> schemas.PolicyLine:
    return schemas.PolicyLine(
        version=row.policy_version,
        effective_from=row.policy_effective_from,
        threshold_weeks=row.threshold_weeks,
        source=row.policy_source,
    )


def _budget(row: Row[Any]) -> schemas.BudgetLine:
    return schemas.BudgetLine(
        id=row.budget_id,
        effective_from=row.budget_effective_from,
        revision=row.budget_revision,
        weekly_gross_pence=row.weekly_gross_pence,
        weekly_contribution_pence=row.weekly_contribution_pence,
        weekly_net_pence=row.weekly_net_pence,
    )


def _past(row: Row[Any]) -> schemas.PastCalculation:
    return schemas.PastCalculation(
        id=row.id,
        run_id=row.run_id,
        trigger=row.trigger,
        started_at=row.started_at,
        as_of=row.as_of,
        weekly_gross_pence=row.weekly_gross_pence,
        threshold_pence=row.threshold_pence,
        counted_pence=row.counted_pence,
        excess_pence=row.excess_pence,
        weeks_of_cover_hundredths=rules.weeks_of_cover_hundredths(row.counted_pence, row.weekly_gross_pence),
        low_point_pence=row.low_point_pence,
        reading=rules.reading(low_point_pence=row.low_point_pence, threshold_pence=row.threshold_pence),
    )


def _days_between(earlier: date | None, later: date) -> int | None:
    return None if earlier is None else (later - earlier).days
