"""Import knots: modules, or rooms of one floor, that reach one another in a circle."""

from collections.abc import Iterable, Mapping

import grimp


def largest(package: str = "services") -> list[str]:
    """Return the modules of the largest circle of imports, one alone (so: none) where there is no circle."""
    graph = grimp.build_graph(package)
    arrows = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    return max(circles(arrows), key=len, default=[])


def circles(arrows: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the strongly connected components (Kosaraju's two passes, without recursion)."""
    order: list[str] = []
    seen: set[str] = set()
    for start in sorted(arrows):
        _finish(start, arrows, seen=seen, order=order)
    backwards: dict[str, set[str]] = {module: set() for module in arrows}
    for module, targets in arrows.items():
        for target in targets:
            backwards[target].add(module)
    circles: list[list[str]] = []
    taken: set[str] = set()
    for start in reversed(order):
        circle: list[str] = []
        _finish(start, backwards, seen=taken, order=circle)
        if circle:
            circles.append(circle)
    return circles


def _finish(start: str, arrows: Mapping[str, Iterable[str]], *, seen: set[str], order: list[str]) -> None:
    """Note every module that can be reached and was not yet seen, in the order in which each is finished with."""
    if start in seen:
        return
    seen.add(start)
    waiting = [(start, iter(sorted(arrows[start])))]
    while waiting:
        module, targets = waiting[-1]
        target = next((target for target in targets if target not in seen), None)
        if target is None:
            order.append(module)
            waiting.pop()
        else:
            seen.add(target)
            waiting.append((target, iter(sorted(arrows[target]))))
