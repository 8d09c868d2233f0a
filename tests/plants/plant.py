"""A bug planted on purpose: a piece of our source that stands in one place only, and what is put in its stead.

A plant names no file: files move, and what it changes is found by its text.
"""

import ast
import importlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Area(StrEnum):
    """Where a plant stands."""

    GATHERING = "gathering"
    POLLING = "polling"
    FOLDER = "folder"
    ACCOUNTS = "accounts"
    RUNS = "runs"
    SEALING = "sealing"
    ALERTS = "alerts"
    RECEIPTS = "receipts"
    POSTING = "posting"


class LostAnchorError(LookupError):
    """The source has no such text any more, or has it more than once: the plant must be planted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A planted bug: what is wrong with it in a sentence, where it is put, and the tests that must catch it."""

    name: str
    area: Area
    says: str
    anchor: str
    instead: str
    caught_by: tuple[str, ...]

    def place(self, root: Path = ROOT) -> Path:
        """Return the one file that the plant goes into. Raises LostAnchorError."""
        counts = {path: text.count(self.anchor) for path, text in _sources(root).items() if self.anchor in text}
        if sum(counts.values()) != 1:
            found = {str(path.relative_to(root)): count for path, count in counts.items()}
            raise LostAnchorError(f"the anchor of {self.name!r} must stand once, and stands: {found}")
        return next(iter(counts))

    def planted(self, root: Path = ROOT) -> str:
        """Return the file's text with the bug in it, which is still Python. Raises LostAnchorError, SyntaxError."""
        path = self.place(root)
        text = _sources(root)[path].replace(self.anchor, self.instead)
        ast.parse(text, filename=str(path))
        return text

    def plant(self) -> None:
        """Plant it in this process alone: what the module defines is defined again, with the bug."""
        path = self.place()
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name)
        exec(compile(self.planted(), str(path), "exec"), module.__dict__)  # noqa: S102 (our own source, with a bug)


@cache
def _sources(root: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted((root / "services").rglob("*.py"))}
