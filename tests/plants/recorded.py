"""Bugs in clawback runs, in the seals on the trail, and in alerts."""

from typing import Final

from tests.plants.plant import Area, Plant

_AGAIN: Final = "tests/clawback/test_runs_again.py"
_SEALING: Final = "tests/shared/test_sealing.py"
_EXAMINING: Final = "tests/card_ingest/alerts/test_examining.py"

RUNS: Final = (
    Plant(
        name="half_a_run_is_kept",
        area=Area.RUNS,
        says="A run keeps the cases it opened although the rest of it fails.",
        anchor="    await writing.refresh_cases(session, as_of=as_of, now=now)\n",
        instead="""    own = await database.raw(session)
    await own.execute("CREATE TEMP TABLE kept_flagged AS TABLE pg_temp.flagged")
    await own.execute("CREATE TEMP TABLE kept_account AS TABLE pg_temp.flagged_account")
    await own.execute("COMMIT")
    await own.execute("BEGIN")
    await own.execute("INSERT INTO pg_temp.flagged TABLE kept_flagged")
    await own.execute("INSERT INTO pg_temp.flagged_account TABLE kept_account")
    await own.execute("DROP TABLE kept_flagged, kept_account")
    await writing.refresh_cases(session, as_of=as_of, now=now)
""",
        caught_by=(f"{_AGAIN}::test_nothing_is_kept_of_a_run_whose_commit_fails",),
    ),
    Plant(
        name="a_digest_without_account_lines",
        area=Area.RUNS,
        says="The digest of a run leaves the lines of the accounts out.",
        anchor="line part JOIN pg_temp.flagged ON flagged.calculation_id = part.calculation_id)",
        instead="line part JOIN pg_temp.flagged ON false)",
        caught_by=(f"{_AGAIN}::test_a_run_leaves_one_entry_with_the_digest_of_what_it_wrote",),
    ),
    Plant(
        name="the_statement_alone_makes_a_case",
        area=Area.RUNS,
        says="The pure rule is not asked whether what the statement flagged is over.",
        anchor="    _judge(written, in_force=in_force, grounds=grounds)\n",
        instead="",
        caught_by=(
            "tests/clawback/test_grounds.py::test_nothing_is_kept_of_a_run_whose_rule_contradicts_its_sql_and_the_ground_is_named",
        ),
    ),
    Plant(
        name="two_runs_move_a_case_on_twice",
        area=Area.RUNS,
        says="A run moves a case on though another has done so since it looked.",
        anchor="ON open_case.id = flagged.case_id AND open_case.version = flagged.seen_version",
        instead="ON open_case.id = flagged.case_id",
        caught_by=(f"{_AGAIN}::test_runs_at_the_same_instant_move_a_case_on_once",),
    ),
    Plant(
        name="held_money_counts",
        area=Area.RUNS,
        says="What is held for card payments is not taken off what counts.",
        anchor="(sum(line.posted_pence) - sum(line.held_pence))::bigint AS counted_pence",
        instead="sum(line.posted_pence)::bigint AS counted_pence",
        caught_by=("tests/clawback/test_run.py::test_what_is_held_for_card_payments_is_taken_off",),
    ),
)

SEALING: Final = (
    Plant(
        name="a_seal_that_leaves_the_reason_out",
        area=Area.SEALING,
        says="The reason of an act is not under the seal and may be changed unseen.",
        anchor='    columns = dict(record)\n    if "changes" in columns:',
        instead='    columns = dict(record)\n    columns.pop("reason", None)\n    if "changes" in columns:',
        caught_by=(f"{_SEALING}::test_a_changed_act_is_named",),
    ),
    Plant(
        name="the_queue_is_emptied_of_all",
        area=Area.SEALING,
        says="Sealing a block takes entries off the queue that are not in it.",
        anchor='"DELETE FROM unsealed_entry WHERE book = $1 AND entry_id = ANY($2::bigint[])"',
        instead='"DELETE FROM unsealed_entry WHERE book = $1 AND $2::bigint[] IS NOT NULL"',
        caught_by=(f"{_SEALING}::test_sealers_at_the_same_time_seal_each_entry_once",),
    ),
    Plant(
        name="a_missing_line_stays_missing",
        area=Area.SEALING,
        says="A block that was committed before a crash never gets its line outside.",
        anchor="    if last == newest.number - 1:\n        await append(path, newest)\n",
        instead="",
        caught_by=(f"{_SEALING}::test_a_crash_between_the_commit_and_the_line_is_made_good",),
    ),
    Plant(
        name="blocks_without_a_chain",
        area=Area.SEALING,
        says="A block is not chained to the one before.",
        anchor="    previous_hash = after.block_hash if after else FIRST_PREVIOUS\n",
        instead="    previous_hash = FIRST_PREVIOUS\n",
        caught_by=(f"{_SEALING}::test_sealers_at_the_same_time_seal_each_entry_once",),
    ),
    Plant(
        name="two_sealers_at_once",
        area=Area.SEALING,
        says="Two machines seal the same entries at the same time.",
        anchor="    return bool((await transaction.exec_driver_sql(lock)).scalar_one())\n",
        instead="    return True\n",
        caught_by=(f"{_SEALING}::test_sealers_on_two_machines_never_stand_in_each_others_way",),
    ),
)

ALERTS: Final = (
    Plant(
        name="off_the_queue_before_it_was_looked_at",
        area=Area.ALERTS,
        says="A batch leaves the queue in a transaction before the one of its alerts.",
        anchor="        await examined.of_batches(connection, due)\n        keys = ",
        instead="""        session.audited = True
        await session.commit()
        connection = await databases.raw(session)
        await examined.of_batches(connection, due)
        keys = """,
        caught_by=(
            f"{_EXAMINING}::test_a_batch_leaves_the_queue_with_its_alerts_or_not_at_all",
            f"{_EXAMINING}::test_alerts_whose_commit_fails_leave_their_batch_on_the_queue",
        ),
    ),
    Plant(
        name="gathered_pushes_raise_no_alerts",
        area=Area.ALERTS,
        says="Pushes that were gathered are never looked at for alerts.",
        anchor="        is_due = posted.rows > 0 or any(result.code is Note.DECLINED for result in self.others)\n",
        instead="        is_due = False\n",
        caught_by=(f"{_EXAMINING}::test_gathered_pushes_raise_the_alerts_of_what_they_posted_and_what_was_declined",),
    ),
    Plant(
        name="gathered_declines_raise_no_alerts",
        area=Area.ALERTS,
        says="A gathered push of a decline alone is never looked at for alerts.",
        anchor="        is_due = posted.rows > 0 or any(result.code is Note.DECLINED for result in self.others)\n",
        instead="        is_due = posted.rows > 0\n",
        caught_by=(f"{_EXAMINING}::test_gathered_pushes_raise_the_alerts_of_what_they_posted_and_what_was_declined",),
    ),
    Plant(
        name="a_batch_in_trouble_is_given_up",
        area=Area.ALERTS,
        says="A batch that cannot be looked at is passed over in silence.",
        anchor="    if queue.fault is not None:\n        raise queue.fault\n",
        instead="",
        caught_by=(
            f"{_EXAMINING}::test_alerts_whose_commit_fails_leave_their_batch_on_the_queue",
            f"{_EXAMINING}::test_a_batch_that_cannot_be_looked_at_keeps_no_other_waiting",
        ),
    ),
    Plant(
        name="a_closed_alert_opens_again",
        area=Area.ALERTS,
        says="What was told and closed is opened again by the next look.",
        anchor="ON CONFLICT (key) DO NOTHING\nRETURNING key\n",
        instead="""ON CONFLICT (key) DO UPDATE
SET status = 'open', closed_at = NULL, closed_by = NULL, close_reason = NULL
RETURNING key
""",
        caught_by=(f"{_EXAMINING}::test_an_alert_that_was_told_is_not_told_again",),
    ),
)
