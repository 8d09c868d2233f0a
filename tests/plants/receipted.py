"""Bugs in receipts and in what they count, and in the line that posts."""

from typing import Final

from tests.plants.plant import Area, Plant

_ENDPOINTS: Final = "tests/card_ingest/test_endpoints.py"
_GATHERING: Final = "tests/card_ingest/test_gathering.py"

RECEIPTS: Final = (
    Plant(
        name="known_and_not_said_to_be",
        area=Area.RECEIPTS,
        says="The receipt of a delivery that had come before says that it is new.",
        anchor="else await queries.receipt(session, known, already_received=True)",
        instead="else await queries.receipt(session, known)",
        caught_by=(f"{_ENDPOINTS}::test_the_same_push_again_gets_the_same_receipt",),
    ),
    Plant(
        name="pence_are_not_counted",
        area=Area.RECEIPTS,
        says="A delivery's rows are accounted for and its pence are not.",
        anchor="    if found != came:\n        raise RowsLostError(",
        instead="    if found.rows != came.rows:\n        raise RowsLostError(",
        caught_by=("tests/card_ingest/test_outcomes.py::test_a_penny_that_is_in_no_place_is_lost",),
    ),
    Plant(
        name="held_told_as_posted_already",
        area=Area.RECEIPTS,
        says="A receipt mistakes what is held for what had posted before.",
        anchor='        already_posted=counts["already_posted"],\n        held=counts["held"],\n',
        instead='        already_posted=counts["held"],\n        held=counts["already_posted"],\n',
        caught_by=(f"{_GATHERING}::test_the_receipt_of_a_gathered_push_is_the_one_that_is_read_later",),
    ),
    Plant(
        name="a_gathered_receipt_without_its_pence",
        area=Area.RECEIPTS,
        says="The receipt of a gathered push leaves out what was delivered.",
        anchor="        delivered_pence=came.pence,\n        unread_amounts=ended.unread_amounts,\n",
        instead="        delivered_pence=0,\n        unread_amounts=ended.unread_amounts,\n",
        caught_by=(f"{_GATHERING}::test_the_receipt_of_a_gathered_push_is_the_one_that_is_read_later",),
    ),
    Plant(
        name="released_pence_stay_behind",
        area=Area.RECEIPTS,
        says="Rows that leave the quarantine leave their pence in it.",
        anchor="out_of: Count(-left.rows, -left.pence)}",
        instead="out_of: Count(-left.rows, 0)}",
        caught_by=("tests/card_ingest/test_release.py",),
    ),
)

POSTING: Final = (
    Plant(
        name="counted_after_the_commit",
        area=Area.POSTING,
        says="A batch's rows are committed before they are counted, so that a crash between has them posted again.",
        anchor="    connection = await database.raw(session)\n    finished_at = now if is_last else None\n",
        instead="""    connection = await database.raw(session)
    await connection.execute("COMMIT")
    await connection.execute("BEGIN")
    await asyncio.sleep(0.3)
    finished_at = now if is_last else None
""",
        caught_by=("tests/conservation/test_kills.py::test_a_hundred_workers_killed_lose_nothing_and_double_nothing",),
    ),
    Plant(
        name="a_release_that_came_first_is_forgotten",
        area=Area.POSTING,
        says="A release that comes before its authorisation has no effect.",
        anchor="_KEEP_RELEASES: Final = ",
        instead='_KEEP_RELEASES: Final = "SELECT $1::text, $2::bigint" or ',
        caught_by=("tests/conservation/test_any_order.py::test_any_order_and_any_batches_come_to_the_same",),
    ),
)
