"""A provider's folder as the operating system has it: what lies in it, what is whole, and where it is moved.

Every step is from an open directory and follows no link, so that nothing outside the folder is read or written,
whatever the provider puts there.
"""

import os
import re
import stat
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeAlias

DONE: Final = "done"
REFUSED: Final = "refused"
SETTLED_SECONDS: Final = 5.0

_PROVIDER: Final = re.compile(r"[a-z][a-z0-9_-]{1,39}", re.ASCII)
_UNFINISHED: Final = (".part", ".partial", ".filepart", ".tmp", ".crdownload", ".swp", "~")
_MOST_NAMESAKES: Final = 10_000
_LONGEST_NAME: Final = 240
"""Bytes of a name that leave room for a number and the note's ending within the 255 of a file system."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe would wait for its writer; nothing but a plain file is read, which this leaves as it is.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Look:
    """Which file it was when it was looked at, how large, and when its content and its entry had changed, in ns.

    The writer may set the first of the two times to anything; the second is the file system's own.
    """

    inode: int
    size: int
    written_ns: int
    changed_ns: int


Looks: TypeAlias = MutableMapping[tuple[str, str], Look]
"""What the last look at each file showed, by provider and file name."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is whole; `is_plain` tells it from links, devices and whatever else may not be read."""

    name: str
    is_plain: bool
    look: Look


class Replaced(OSError):
    """A file is not the one any more that was looked at; what has taken its name is looked at anew."""


def providers(folder: Path) -> list[str]:
    """Return the providers that have a folder here, by name."""
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(name for name in found if _PROVIDER.fullmatch(name))


@contextmanager
def opened(folder: Path, provider: str) -> Iterator[int]:
    """Open a provider's folder."""
    with _directory(str(folder / provider)) as place:
        yield place


def whole(place: int, provider: str, *, looks: Looks, now: float) -> list[Found]:
    """Return what can be taken in, by name: files that are as they were at the last look and have been for 5 s.

    Files that are still being written are passed over, and so are those whose names begin with a dot or end as those of
    unfinished uploads do. `now` is in seconds since 1970; a file server whose clock is ahead delays nothing for ever.
    What this look shows is kept in `looks`.
    """
    found, here = [], {}
    for name in sorted(os.listdir(place)):
        if name in {DONE, REFUSED} or name.startswith(".") or name.lower().endswith(_UNFINISHED):
            continue
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            is_plain = stat.S_ISREG(status.st_mode)
            here[provider, name] = look = _look(status)
            is_settled = abs(now - look.changed_ns / 1e9) >= SETTLED_SECONDS
            if is_settled and looks.get((provider, name)) == look and not stat.S_ISDIR(status.st_mode):
                found.append(Found(name, is_plain, look))
    for gone in [key for key in looks if key[0] == provider and key not in here]:
        del looks[gone]
    looks.update(here)
    return found


@contextmanager
def content(place: int, found: Found) -> Iterator[Path]:
    """Open a plain file and give a path that leads to this very file, whatever takes its name meanwhile.

    Raises OSError where it is gone, Replaced where it is not as it was looked at.
    """
    descriptor = os.open(found.name, _FILE, dir_fd=place)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or _look(status) != found.look:
            raise Replaced("not the file that was looked at")
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def put_away(place: int, found: Found, *, under: str, on: date, reason: str | None = None) -> None:
    """Move a file to `<under>/<day>/` in one step, a note of the reason beside it; a namesake there is left alone.

    What has been put in its place since it was looked at stays. Raises Replaced.
    """
    with suppress(FileNotFoundError):  # Another process has moved it.
        _require_same(found, os.stat(found.name, dir_fd=place, follow_symlinks=False))
        with _made(place, under) as shelf, _made(shelf, on.isoformat()) as day:
            kept = _free_name(day, found.name)
            os.rename(found.name, kept, src_dir_fd=place, dst_dir_fd=day)
            moved = os.stat(kept, dir_fd=day, follow_symlinks=False)
            if moved.st_ino != found.look.inode:  # It was replaced in the last moment.
                os.rename(kept, _free_name(place, found.name), src_dir_fd=day, dst_dir_fd=place)
                raise Replaced("not the file that was looked at")
            if reason is not None:
                _write(day, f"{kept}.txt", reason)


def _look(status: os.stat_result) -> Look:
    return Look(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _require_same(found: Found, status: os.stat_result) -> None:
    if _look(status) != found.look:
        raise Replaced("not the file that was looked at")


@contextmanager
def _directory(name: str, *, inside: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, _DIRECTORY, dir_fd=inside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _made(place: int, name: str) -> Iterator[int]:
    with suppress(FileExistsError):
        os.mkdir(name, mode=0o750, dir_fd=place)
    with _directory(name, inside=place) as found:
        yield found


def _free_name(folder: int, name: str) -> str:
    """Return a name that neither a file here nor the note of one has; an overlong one loses its end."""
    short = os.fsdecode(os.fsencode(name)[:_LONGEST_NAME])
    for number in range(1, _MOST_NAMESAKES):
        kept = short if number == 1 else f"{short}.{number}"
        if not _is_taken(folder, kept) and not _is_taken(folder, f"{kept}.txt"):
            return kept
    raise OSError("too many files of one name on one day")


def _is_taken(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write(day: int, name: str, text: str) -> None:
    """Write a note under a name that nothing has: neither a file nor what a link leads to is written over."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640, dir_fd=day)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
