"""A few hundred of the calls of `make fuzz`, from one seed."""

from tests.databases import Databases
from tests.fuzz import running


async def test_no_call_is_answered_500_or_otherwise_than_its_document_says(databases: Databases) -> None:
    outcome = await running.fuzz(databases, calls=400, seed=8)
    assert outcome.broken == {}
    assert outcome.calls == 400
    assert len(outcome.operations_that_succeeded()) > 25
