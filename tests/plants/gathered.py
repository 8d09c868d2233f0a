"""Bugs in gathering small pushes into one commit, and in who is answered what."""

from typing import Final

from tests.plants.plant import Area, Plant

_GATHERING: Final = "tests/card_ingest/test_gathering.py"
_FAILED: Final = "tests/card_ingest/test_failed_commits.py"
_KILLS: Final = "tests/conservation/test_pushed_kills.py"
_HOLDS: Final = "tests/card_ingest/test_gathered_holds.py"

GATHERED: Final = (
    Plant(
        name="answered_despite_a_failed_commit",
        area=Area.GATHERING,
        says="Gathered pushes are answered 202 although their commit failed.",
        anchor="""        await audit.record_acts(session, [*acts, endings.posted(session.actor, ended)])
    receipts = {""",
        instead="""        await audit.record_acts(session, [*acts, endings.posted(session.actor, ended)])
        import asyncio
        await asyncio.sleep(0.5)
        try:
            await session.commit()
        except Exception:
            await session.invalidate()
    receipts = {""",
        caught_by=(f"{_FAILED}::test_gathered_pushes_whose_commit_fails_are_not_answered_as_stored",),
    ),
    Plant(
        name="answered_before_the_commit",
        area=Area.GATHERING,
        says="Gathered pushes are answered 202 while their commit is still under way.",
        anchor="        return await one_commit.take_in(database, going)\n    except Exception as fault:  # As above.",
        instead="""        from services.card_ingest.gathering import endings
        from services.card_ingest.outcomes import Result, tally, total
        from services.shared.vocabulary.feeds import RowOutcome
        async def commit_later():
            await asyncio.sleep(0.1)
            await one_commit.take_in(database, going)
        _LEAVING.add(asyncio.create_task(commit_later()))
        receipts = {}
        for small in going:
            others = [*small.batch.told, *(Result(row, RowOutcome.HELD) for row in small.to_hold)]
            counted = tally(posted=small.to_post, others=others)
            ended = endings.Ended(small, 0, others, total(small.batch.rows), counted, b"")
            receipts[small.id] = endings.receipt(ended, finished_at=small.push.now)
        return receipts
    except Exception as fault:  # As above.""",
        caught_by=(
            f"{_FAILED}::test_gathered_pushes_whose_commit_fails_are_not_answered_as_stored",
            f"{_KILLS}::test_servers_killed_under_gathered_pushes_lose_nothing_that_was_answered",
        ),
    ),
    Plant(
        name="one_receipt_for_all",
        area=Area.GATHERING,
        says="Everybody of a commit is handed the receipt of the first.",
        anchor="            receipt = receipts[each.id]\n",
        instead="            receipt = next(iter(receipts.values()))\n",
        caught_by=(
            f"{_GATHERING}::test_pushes_at_the_same_time_post_in_few_transactions_and_each_gets_its_own_receipt",
        ),
    ),
    Plant(
        name="same_events_in_one_commit",
        area=Area.GATHERING,
        says="Pushes that name the same event go into one commit, in whatever order.",
        anchor="way = Way.LATER if each.names & named[Way.TOGETHER] else Way.TOGETHER",
        instead="way = Way.TOGETHER",
        caught_by=(f"{_HOLDS}::test_events_of_one_hold_at_once_end_as_in_the_order_in_which_they_came",),
    ),
    Plant(
        name="posted_after_it_was_taken_back",
        area=Area.GATHERING,
        says="A gathered purchase posts although it had been taken back before.",
        anchor="        left |= await holds.reversed_before(connection, provider_code=provider_code)\n",
        instead="        await holds.reversed_before(connection, provider_code=provider_code)\n",
        caught_by=(f"{_GATHERING}::test_a_gathered_push_of_what_was_taken_back_before_waits_for_a_person",),
    ),
    Plant(
        name="gathered_content_is_not_kept",
        area=Area.GATHERING,
        says="The bytes of a gathered push are not kept.",
        anchor="came.content, false FROM stored JOIN came ON came.id = stored.id\n",
        instead="came.content, false FROM stored JOIN came ON came.id = stored.id WHERE false\n",
        caught_by=(
            f"{_GATHERING}::test_pushes_at_the_same_time_post_in_few_transactions_and_each_gets_its_own_receipt",
        ),
    ),
)
