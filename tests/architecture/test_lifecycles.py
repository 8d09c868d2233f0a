from collections.abc import Iterator
from enum import StrEnum

import pytest

from docs import generate
from services.shared import errors, feed_vocabulary, lifecycles, vocabulary

LIFECYCLES = pytest.mark.parametrize("lifecycle", lifecycles.LIFECYCLES, ids=lambda lifecycle: lifecycle.name)


def reachable(lifecycle: lifecycles.Lifecycle[StrEnum]) -> set[StrEnum]:
    seen: set[StrEnum] = set()
    waiting = [lifecycle.initial]
    while waiting:
        status = waiting.pop()
        if status not in seen:
            seen.add(status)
            waiting.extend(lifecycle.moves.get(status, {}).values())
    return seen


def status_enumerations() -> Iterator[type[StrEnum]]:
    for name, value in {**vars(vocabulary), **vars(feed_vocabulary)}.items():
        if isinstance(value, type) and issubclass(value, StrEnum) and name.endswith("Status"):
            yield value


@LIFECYCLES
def test_every_status_can_be_reached_from_the_first(lifecycle: lifecycles.Lifecycle[StrEnum]) -> None:
    assert reachable(lifecycle) == set(type(lifecycle.initial))


@LIFECYCLES
def test_a_lifecycle_moves_within_its_own_enumeration(lifecycle: lifecycles.Lifecycle[StrEnum]) -> None:
    targets = [target for moves in lifecycle.moves.values() for target in moves.values()]
    assert {type(status) for status in [*lifecycle.moves, *targets]} == {type(lifecycle.initial)}


@LIFECYCLES
def test_each_listed_move_leads_where_the_table_says_and_every_other_is_refused(
    lifecycle: lifecycles.Lifecycle[StrEnum],
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


@LIFECYCLES
def test_every_lifecycle_ends_somewhere(lifecycle: lifecycles.Lifecycle[StrEnum]) -> None:
    assert [status for status in lifecycle.statuses if not lifecycle.moves.get(status)]


def test_every_enumeration_of_statuses_has_exactly_one_lifecycle() -> None:
    governed = [type(lifecycle.initial) for lifecycle in lifecycles.LIFECYCLES]
    assert sorted(kind.__name__ for kind in governed) == sorted(kind.__name__ for kind in status_enumerations())


def test_the_generated_parts_of_the_guides_are_current() -> None:
    for path, name, body in generate.generated_parts():
        text = (generate.ROOT / path).read_text(encoding="utf-8")
        assert text == generate.filled(text, name=name, body=body), f"{path}: run `python -m docs.generate`"


def test_a_file_without_markers_is_not_filled_in_silence() -> None:
    with pytest.raises(generate.MissingMarkersError):
        generate.filled("no markers here", name="lifecycles", body="")
