"""Plants do not rot: each still has its one place, is Python when planted, and names tests that are there."""

import ast
from collections import Counter
from functools import cache

import pytest

from tests.plants.bugs import PLANTS
from tests.plants.plant import ROOT, Area, LostAnchorError, Plant

LEAST_OF_AN_AREA = 3
"""Plants of each area; the line that posts has its own proofs by kills beside its two."""


@cache
def functions_of(path: str) -> frozenset[str]:
    functions = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return frozenset(node.name for node in functions if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_plants_anchor_stands_once_and_its_bug_is_python(plant: Plant) -> None:
    assert plant.planted() != plant.place().read_text(encoding="utf-8")


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_the_tests_that_must_catch_a_plant_are_there(plant: Plant) -> None:
    assert plant.caught_by
    for test in plant.caught_by:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_of(path), test


def test_every_area_has_its_plants_and_no_two_have_one_name() -> None:
    counts = Counter(plant.area for plant in PLANTS)
    assert {area for area in Area if counts[area] < LEAST_OF_AN_AREA} <= {Area.POSTING}
    assert len({plant.name for plant in PLANTS}) == len(PLANTS)


def test_a_plant_whose_text_is_gone_is_named() -> None:
    lost = Plant(name="lost", area=Area.RUNS, says="", anchor="no such text anywhere", instead="", caught_by=())
    with pytest.raises(LostAnchorError, match="'lost' must stand once"):
        lost.place()
