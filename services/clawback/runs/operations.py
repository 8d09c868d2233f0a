"""One run: look at every agreement, let the rules judge, open and refresh cases, leave one entry in the trail."""

import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import insert

from services.clawback.grounds.ground import Ground
from services.clawback.grounds.position import Position
from services.clawback.grounds.register import GROUNDS
from services.clawback.policy import queries as policy_queries
from services.clawback.policy.schemas import Policy
from services.clawback.runs import survey as surveys
from services.clawback.runs import writing
from services.clawback.runs.schemas import RunResult, Survey
from services.shared import audit, database, dates
from services.shared.audit import Subject
from services.shared.database import Database, WriteSession
from services.shared.identity.actor import Actor
from services.shared.tables.clawback import ClawbackRun
from services.shared.vocabulary.clawback import RunTrigger


class RuleContradictedError(RuntimeError):
    """A ground's SQL flagged what its pure rule does not find: nothing of the run is kept. A defect of ours."""


async def run(
    own: Database,
    *,
    as_of: date,
    trigger: RunTrigger,
    now: datetime,
    actor: Actor,
    request_id: str | None = None,
    grounds: Sequence[Ground] = GROUNDS,
) -> RunResult:
    """Run as one transaction of its own, again where another run undid it by a deadlock; see `run_clawback`."""

    async def act() -> RunResult:
        async with own.write(actor=actor, request_id=request_id) as session:
            return await run_clawback(
                session, as_of=as_of, today=dates.london_date(now), trigger=trigger, now=now, grounds=grounds
            )

    return await database.on_transient(act)


async def run_clawback(
    session: WriteSession,
    *,
    as_of: date,
    today: date,
    trigger: RunTrigger,
    now: datetime,
    grounds: Sequence[Ground] = GROUNDS,
) -> RunResult:
    """Find what stands on each ground at the end of `as_of` by the policy of that day, and open or refresh its case.

    An agreement with an account whose feed is late at `now` is left out, and its case stays as it was.

    Unchanged figures write no new calculation, so that a second run only adds its own row; any number of runs may be
    made of one day, but one scheduled run (IntegrityTrouble otherwise). Raises FutureDay and NoPolicyInForce.
    """
    began = time.monotonic()
    run_id = uuid4()
    in_force = await policy_queries.in_force(session, on=as_of)
    survey = await surveys.survey(session, as_of=as_of, today=today, policy=in_force, now=now, grounds=grounds)
    new_cases = await writing.open_cases(session, run_id=run_id, as_of=as_of, now=now)
    await writing.refresh_cases(session, as_of=as_of, now=now)
    await writing.mark_not_over(session, as_of=as_of)
    written = await writing.record_calculations(
        session, run_id=run_id, as_of=as_of, policy_version=in_force.version, threshold_weeks=in_force.threshold_weeks
    )
    _judge(written, in_force=in_force, grounds=grounds)
    digest = await writing.digest_of_calculations(session)
    result = _result(survey, run_id=run_id, as_of=as_of, new_cases=new_cases, calculations=len(written), began=began)
    await _record_run(session, result=result, trigger=trigger, now=now, in_force=in_force, digest=digest)
    return result


def _judge(written: Iterable[asyncpg.Record], *, in_force: Policy, grounds: Sequence[Ground]) -> None:
    """Let each ground's pure rule judge every snapshot of its own, so that a statement alone never makes a case."""
    rules = {ground.code: ground.find for ground in grounds}
    for row in written:
        position = Position(
            weekly_gross_pence=row["weekly_gross_pence"],
            posted_pence=row["posted_pence"],
            held_pence=row["held_pence"],
        )
        if rules[row["ground"]](position, in_force.threshold_weeks) is None:
            raise RuleContradictedError(f"the rule of {row['ground']} does not find calculation {row['id']}")


def _result(survey: Survey, *, run_id: UUID, as_of: date, new_cases: int, calculations: int, began: float) -> RunResult:
    return RunResult(
        run_id=run_id,
        as_of=as_of,
        accounts=survey.accounts,
        stale_accounts=survey.stale_accounts,
        agreements=survey.agreements,
        flagged=survey.flagged,
        new_cases=new_cases,
        calculations=calculations,
        excess_pence=survey.excess_pence,
        seconds=time.monotonic() - began,
    )


async def _record_run(
    session: WriteSession, *, result: RunResult, trigger: RunTrigger, now: datetime, in_force: Policy, digest: bytes
) -> None:
    figures = {
        "as_of": result.as_of,
        "trigger": trigger,
        "policy_version": in_force.version,
        "accounts": result.accounts,
        "stale_accounts": result.stale_accounts,
        "agreements": result.agreements,
        "flagged": result.flagged,
        "new_cases": result.new_cases,
        "excess_pence": result.excess_pence,
    }
    finished_at = now + timedelta(seconds=result.seconds)
    row = {"id": result.run_id, "started_at": now, "finished_at": finished_at, "digest": digest, **figures}
    await session.execute(insert(ClawbackRun), row)
    await audit.record(
        session,
        action="run_clawback",
        subject=Subject("clawback_run", str(result.run_id)),
        after={**figures, "calculations": result.calculations},
        legal_source=in_force.source,
        digest=digest,
    )
