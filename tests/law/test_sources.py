from services.shared.law import sources
from services.shared.law.sources import Source

EVERY = [source for source in vars(sources).values() if isinstance(source, Source)]


def test_no_source_is_written_twice() -> None:
    citations = [source.citation for source in EVERY]
    assert len(citations) == len(set(citations)) >= 10


def test_the_councils_own_plan_is_not_taken_for_law() -> None:
    for source in EVERY:
        assert source.is_law != source.citation.startswith("Direct Payments Development Plan"), source
