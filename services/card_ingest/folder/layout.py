"""What the council says about a provider's folder: which file name is which layout, and whose account it is.

It stands beside the provider's folder, out of the provider's reach: `<provider>.toml` beside `<provider>/`.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

SUFFIX: Final = ".toml"
LARGEST_SEQUENCE: Final = 2**31 - 1

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class LayoutTrouble(ValueError):
    """The council's own file about a provider's folder is not of its form; nothing is moved until it is."""


class _Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files whose name fits `pattern` (shell wildcards) are in this layout, whole of one account if one is named.

    `sequence` is a regular expression whose one group is the provider's own count of its files.
    """

    pattern: Name
    profile: Name
    account: Name | None = None
    sequence: Name | None = None

    def __post_init__(self) -> None:
        try:
            groups = 1 if self.sequence is None else re.compile(self.sequence, re.ASCII).groups
        except re.error:
            raise ValueError("sequence is no regular expression") from None
        if groups != 1:
            raise ValueError("sequence has one group, the number")


class _Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: Annotated[list[_Pattern], Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a file name says: the layout, the account of the whole file, the provider's own count."""

    profile: str
    account_ref: str | None
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The patterns of one provider's folder, in order."""

    patterns: tuple[_Pattern, ...]

    def meaning(self, name: str) -> Meaning | None:
        """Return what a file name says by the first pattern that it fits, None where it fits none."""
        for each in self.patterns:
            if fnmatchcase(name, each.pattern):
                return Meaning(each.profile, each.account, _sequence(each, name))
        return None


def load(folder: Path, provider: str) -> Layout:
    """Return what the council says about a provider's folder. Raises LayoutTrouble, also where it says nothing."""
    file = folder / f"{provider}{SUFFIX}"
    try:
        return Layout(tuple(msgspec.toml.decode(file.read_bytes(), type=_Layout).files))
    except FileNotFoundError:
        raise LayoutTrouble(f"there is no {provider}{SUFFIX}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise LayoutTrouble(f"{provider}{SUFFIX} is not of its form: {trouble}") from None


def _sequence(pattern: _Pattern, name: str) -> int | None:
    found = None if pattern.sequence is None else re.search(pattern.sequence, name, re.ASCII)
    if found is None or not found[1] or not re.fullmatch(r"[0-9]{1,10}", found[1], re.ASCII):
        return None
    return int(found[1]) if int(found[1]) <= LARGEST_SEQUENCE else None
