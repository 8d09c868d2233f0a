"""Repeated blocks: runs of lines that stand in two places, the same but for names, strings and numbers."""

import io
import keyword
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.house import source

SHORTEST = 6
FEWEST_SHAPES = 3
"""A run of fewer different lines (fields one below the other, arguments) is a list, and lists look alike."""

TOO_COMMON = 8
"""A run that stands in more places than this is a form of the language or of a library, not a repetition of ours."""

_LAYOUT = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT})
_ENDS = (tokenize.ENCODING, tokenize.ENDMARKER)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that counts: its number, and what it looks like once names, strings and numbers are the same."""

    number: int
    shape: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files (or one twice) whose lines look alike: where their longest run begins, and how many lines it has."""

    one: str
    other: str
    lines: int


def pairs(paths: Sequence[Path]) -> list[Pair]:
    """Return the pairs of files that repeat each other, the longest run first; two files are one pair."""
    texts = [_lines(path) for path in paths]
    places: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for file, lines in enumerate(texts):
        shapes = [line.shape for line in lines]
        for start in range(len(shapes) - SHORTEST + 1):
            run = tuple(shapes[start : start + SHORTEST])
            if len(set(run)) >= FEWEST_SHAPES:
                places[run].append((file, start))
    runs = {
        (one, other)
        for same in places.values()
        if 1 < len(same) <= TOO_COMMON
        for number, one in enumerate(same)
        for other in same[number + 1 :]
        if one[0] != other[0] or other[1] - one[1] >= SHORTEST
    }
    longest: dict[tuple[str, str], Pair] = {}
    for pair in sorted(_longest(runs, paths, texts), key=lambda pair: (-pair.lines, pair.one, pair.other)):
        longest.setdefault((pair.one.partition(":")[0], pair.other.partition(":")[0]), pair)
    return list(longest.values())


def _longest(
    runs: set[tuple[tuple[int, int], tuple[int, int]]], paths: Sequence[Path], texts: Sequence[Sequence[Line]]
) -> Iterator[Pair]:
    """Yield each maximal run: where the run a line earlier is one as well, this one is a part of it."""
    for one, other in runs:
        if ((one[0], one[1] - 1), (other[0], other[1] - 1)) in runs:
            continue
        length = 0
        while ((one[0], one[1] + length), (other[0], other[1] + length)) in runs:
            length += 1
        first, second = texts[one[0]][one[1]], texts[other[0]][other[1]]
        yield Pair(
            f"{source.named(paths[one[0]])}:{first.number}",
            f"{source.named(paths[other[0]])}:{second.number}",
            length + SHORTEST - 1,
        )


def _lines(path: Path) -> list[Line]:
    shapes: dict[int, list[str]] = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type not in _LAYOUT and token.type not in _ENDS:
            shapes[token.start[0]].append(_shape(token))
    lines = [Line(number, " ".join(words)) for number, words in sorted(shapes.items())]
    return [line for line in lines if _counts(line.shape)]


def _shape(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return token.string if keyword.iskeyword(token.string) else "n"
    return {tokenize.STRING: "s", tokenize.NUMBER: "0"}.get(token.type, token.string)


def _counts(shape: str) -> bool:
    """Whether a line says something: no import, no lone docstring, no lone bracket."""
    return (
        not shape.startswith(("import ", "from ")) and any(character.isalnum() for character in shape) and shape != "s"
    )
