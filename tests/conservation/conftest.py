"""What the tests of conservation share: a way to have their figures printed at the end of the run."""

from collections.abc import Callable

import pytest

FIGURES = "figures"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """A function that has a sentence printed under the run's results, also where tests run in several processes."""

    def told(sentence: str) -> None:
        record_property(FIGURES, sentence)

    return told
