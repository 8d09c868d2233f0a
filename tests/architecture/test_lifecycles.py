import importlib
import pkgutil
from collections.abc import Iterator
from enum import StrEnum

import pytest

from docs import generate
from services.shared import errors, vocabulary
from services.shared.lifecycles.lifecycle import Lifecycle
from services.shared.lifecycles.listing import LIFECYCLES

EACH = pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: lifecycle.name)


def reachable(lifecycle: Lifecycle[StrEnum]) -> set[StrEnum]:
    seen: set[StrEnum] = set()
    waiting = [lifecycle.initial]
    while waiting:
        status = waiting.pop()
        if status not in seen:
            seen.add(status)
            waiting.extend(lifecycle.moves.get(status, {}).values())
    return seen


def status_enumerations() -> Iterator[type[StrEnum]]:
    for area in pkgutil.iter_modules(vocabulary.__path__, f"{vocabulary.__name__}."):
        for name, value in vars(importlib.import_module(area.name)).items():
            if isinstance(value, type) and issubclass(value, StrEnum) and name.endswith("Status"):
                yield value


@EACH
def test_every_status_can_be_reached_from_the_first(lifecycle: Lifecycle[StrEnum]) -> None:
    assert reachable(lifecycle) == set(type(lifecycle.initial))


@EACH
def test_a_lifecycle_moves_within_its_own_enumeration(lifecycle: Lifecycle[StrEnum]) -> None:
    targets = [target for moves in lifecycle.moves.values() for target in moves.values()]
    assert {type(status) for status in [*lifecycle.moves, *targets]} == {type(lifecycle.initial)}


@EACH
def test_each_listed_move_leads_where_the_table_says_and_every_other_is_refused(
    lifecycle: Lifecycle[StrEnum],
) -> None:
    verbs = {verb for moves in lifecycle.moves.values() for verb in moves}
    for status in lifecycle.statuses:
        listed = lifecycle.moves.get(status, {})
        for verb in verbs & set(listed):
            assert lifecycle.move(status, verb) is listed[verb]
        for verb in {*verbs, "no_such_verb"} - set(listed):
            with pytest.raises(errors.Conflict) as refused:
                lifecycle.move(status, verb)
            assert refused.value.code == "illegal_move"


@EACH
def test_every_lifecycle_ends_somewhere(lifecycle: Lifecycle[StrEnum]) -> None:
    assert [status for status in lifecycle.statuses if not lifecycle.moves.get(status)]


def test_every_enumeration_of_statuses_has_exactly_one_lifecycle() -> None:
    governed = [type(lifecycle.initial) for lifecycle in LIFECYCLES]
    assert sorted(kind.__name__ for kind in governed) == sorted(kind.__name__ for kind in status_enumerations())


def test_the_generated_parts_of_the_guides_are_current() -> None:
    for path, name, body in generate.generated_parts():
        text = (generate.ROOT / path).read_text(encoding="utf-8")
        assert text == generate.filled(text, name=name, body=body), f"{path}: run `python -m docs.generate`"


def test_a_file_without_markers_is_not_filled_in_silence() -> None:
    with pytest.raises(generate.MissingMarkersError):
        generate.filled("no markers here", name="lifecycles", body="")
