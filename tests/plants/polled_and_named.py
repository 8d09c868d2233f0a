"""Bugs in asking providers' interfaces, in the folder of files, and in whose account a delivery is."""

from typing import Final

from tests.plants.plant import Area, Plant

_POLLING: Final = "tests/card_ingest/test_polling.py"
_FAILED: Final = "tests/card_ingest/test_failed_commits.py"
_FOLDER: Final = "tests/card_ingest/test_folder.py"
_ENDPOINTS: Final = "tests/card_ingest/test_endpoints.py"

POLLED: Final = (
    Plant(
        name="cursor_past_a_page_taken_meanwhile",
        area=Area.POLLING,
        says="The cursor moves on though the page met another of the same id at its commit and was not stored.",
        anchor="    except _PASSING:\n        return Turn(Outcome.NOT_STORED, poll.cursor, asked_wait=wait)\n",
        instead="    except _PASSING:\n        return Turn(Outcome.NOT_STORED, place.next_cursor, asked_wait=wait)\n",
        caught_by=(f"{_POLLING}::test_the_cursor_stays_where_the_commit_of_its_page_fails",),
    ),
    Plant(
        name="cursor_past_a_page_that_failed",
        area=Area.POLLING,
        says="The cursor moves on though the page could not be stored, for whatever reason.",
        anchor="""error=type(fault).__name__)
        return Turn(Outcome.NOT_STORED, poll.cursor, asked_wait=wait)
""",
        instead="""error=type(fault).__name__)
        return Turn(Outcome.NOT_STORED, place.next_cursor or poll.cursor, asked_wait=wait)
""",
        caught_by=(f"{_POLLING}::test_the_cursor_stays_where_the_commit_of_its_page_fails",),
    ),
    Plant(
        name="cursor_before_its_page",
        area=Area.POLLING,
        says="The cursor is kept before the page is stored, so that a crash between the two loses the page.",
        anchor="        outcome = await _take_in(database, poll, answer.body, place, actor=actor, now=now)\n",
        instead="""        early = Turn(Outcome.TAKEN_IN, place.next_cursor or poll.cursor, has_more=place.has_more)
        await _move_on(database, poll, early, actor=actor, now=now)
        outcome = await _take_in(database, poll, answer.body, place, actor=actor, now=now)
""",
        caught_by=(
            f"{_POLLING}::test_the_cursor_stays_where_the_commit_of_its_page_fails",
            f"{_POLLING}::test_where_the_cursor_cannot_be_kept_the_page_is_asked_for_again_without_effect",
        ),
    ),
    Plant(
        name="a_page_that_grew_is_dropped",
        area=Area.POLLING,
        says="A page that has grown since it was stored counts as taken in, and its new rows are never seen.",
        anchor="""        await pipeline.receive(database, replace(delivery, external_id=None), now=now)
    return Outcome.TAKEN_IN""",
        instead="        pass\n    return Outcome.TAKEN_IN",
        caught_by=(f"{_POLLING}::test_a_page_that_has_grown_is_taken_in_beside_its_first_version",),
    ),
    Plant(
        name="two_workers_ask_at_once",
        area=Area.POLLING,
        says="A worker asks a provider though another has the turn.",
        anchor="taken = update(FeedPoll).where(is_due, is_free)",
        instead="taken = update(FeedPoll).where(is_due)",
        caught_by=(f"{_POLLING}::test_two_workers_never_ask_one_provider_at_once",),
    ),
)

DROPPED: Final = (
    Plant(
        name="a_file_that_failed_counts_as_done",
        area=Area.FOLDER,
        says="A dropped file is put away as done although it could not be stored.",
        anchor="""error=type(fault).__name__)
        return Ended.LEFT
""",
        instead="""error=type(fault).__name__)
        places.put_away(visit.place, found, under=places.DONE, on=dates.london_date(visit.now))
        return Ended.TAKEN_IN
""",
        caught_by=(f"{_FOLDER}::test_a_file_whose_commit_fails_is_left_and_taken_in_later",),
    ),
    Plant(
        name="a_file_put_away_before_it_posted",
        area=Area.FOLDER,
        says="A dropped file is put away before it is taken in, so that a crash between the two loses it.",
        anchor="        with places.content(visit.place, found) as content:\n",
        instead="""        with places.content(visit.place, found) as content:
            places.put_away(visit.place, found, under=places.DONE, on=dates.london_date(visit.now))
""",
        caught_by=(f"{_FOLDER}::test_a_file_whose_commit_fails_is_left_and_taken_in_later",),
    ),
    Plant(
        name="a_dropped_file_forgets_its_account",
        area=Area.FOLDER,
        says="The account that the council's file names for a dropped file is not handed on.",
        anchor="        account_ref=meaning.account_ref,\n",
        instead="        account_ref=None,\n",
        caught_by=(f"{_FAILED}::test_a_dropped_file_goes_to_the_account_that_its_pattern_names",),
    ),
)

NAMED: Final = (
    Plant(
        name="the_same_bytes_for_another_account",
        area=Area.ACCOUNTS,
        says="A file for one account is taken for the one of the same bytes that came for another.",
        anchor="        & FeedDelivery.account_ref.is_not_distinct_from(new.account_ref)\n",
        instead="",
        caught_by=(f"{_FAILED}::test_the_same_file_for_two_accounts_is_two_deliveries_and_each_account_gets_its_own",),
    ),
    Plant(
        name="an_upload_forgets_its_account",
        area=Area.ACCOUNTS,
        says="The account that staff name with an upload is not handed on.",
        anchor="        account_ref=account,\n        actor=caller,",
        instead="        account_ref=None,\n        actor=caller,",
        caught_by=(
            f"{_FAILED}::test_the_same_file_for_two_accounts_is_two_deliveries_and_each_account_gets_its_own",
            f"{_ENDPOINTS}::test_staff_upload_a_file_as_the_body_or_as_a_form",
        ),
    ),
    Plant(
        name="a_job_forgets_the_account",
        area=Area.ACCOUNTS,
        says="What the job posts later of a stored file is read without the account that was named with it.",
        anchor="""        content,
        account_ref=delivery.account_ref,
""",
        instead="""        content,
        account_ref=delivery.account_ref if isinstance(delivery, NewDelivery) else None,
""",
        caught_by=(f"{_FAILED}::test_a_file_that_a_job_posts_later_goes_to_the_account_that_was_named_with_it",),
    ),
    Plant(
        name="a_trial_overlooks_whose_card_it_is",
        area=Area.ACCOUNTS,
        says="A trial says that a row posts whose card belongs to another account.",
        anchor='    if facts["is_other_card"]:\n',
        instead='    if facts["is_other_card"] and not facts["has_account"]:\n',
        caught_by=("tests/card_ingest/test_trials.py::test_a_trial_tells_what_the_real_delivery_then_does",),
    ),
    Plant(
        name="a_push_for_somebody_elses_feed",
        area=Area.ACCOUNTS,
        says="A provider's machine may push for another provider.",
        anchor="    callers.require_own(asked.caller, asked.provider)\n",
        instead="",
        caught_by=(f"{_ENDPOINTS}::test_a_provider_sees_its_own_feed_and_no_other",),
    ),
)
