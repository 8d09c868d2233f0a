"""Files that are dropped: taken in once, moved away after the commit, refused with a reason, never followed outside."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.card_ingest import batches, main, pipeline
from services.card_ingest.folder import layout, operations, places
from services.card_ingest.folder.places import Found, Look, Looks
from services.shared import clock, jobs
from services.shared.database import Database
from services.shared.settings.installation import Settings
from tests.builders import commits
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed

LAYOUT = """
[[files]]
pattern = "DAILY_*.ndjson"
profile = "canonical"
sequence = "DAILY_[0-9]{8}_([0-9]+)"

[[files]]
pattern = "trial*.csv"
profile = "calderdale"
account = "trial"

[[files]]
pattern = "nobody*"
profile = "no_such_profile"
"""
OLD = 60.0


@dataclass
class Drop:
    """The folder of northbank, and a way to look through it as the job does."""

    feed: Feed
    folder: Path
    database: Database
    looks: Looks = field(default_factory=dict)

    @property
    def here(self) -> Path:
        return self.folder / build.PROVIDER

    def put(self, name: str, content: bytes, *, at: Path | None = None) -> Path:
        file = (at or self.here) / name
        file.write_bytes(content)
        return file

    async def look(self, *, seconds: float = OLD) -> Mapping[str, int]:
        """Look once, so many seconds from now."""
        now = datetime.fromtimestamp(time.time() + seconds, UTC)
        return await operations.take_in(self.database, looks=self.looks, actor=build.ACTOR, now=now)

    async def look_twice(self) -> Mapping[str, int]:
        await self.look()
        return await self.look()

    def put_away(self, under: str) -> list[str]:
        shelf = self.here / under
        return sorted(file.name for day in shelf.iterdir() for file in day.iterdir()) if shelf.is_dir() else []


@pytest.fixture
def drop(feed: Feed, tmp_path: Path) -> Drop:
    folder = tmp_path / "drop"
    (folder / build.PROVIDER).mkdir(parents=True)
    (folder / f"{build.PROVIDER}.toml").write_text(LAYOUT)
    settings = feed.database.settings.model_copy(update={"feed_folder": folder})
    own = Database(feed.database.service, feed.database.engine, feed.database.ciphers, settings)
    return Drop(feed, folder, own)


def three(prefix: str = "t") -> bytes:
    return build.ndjson(build.an_event(f"{prefix}{number}", amount_pence=100) for number in range(3))


async def test_a_whole_file_is_posted_and_moved_with_the_providers_own_count(drop: Drop) -> None:
    drop.put("DAILY_20261120_041.ndjson", three())
    assert sum((await drop.look()).values()) == 0
    assert (await drop.look())["taken_in"] == 1
    assert await drop.feed.books() == Books(-300, 0, 3)
    assert drop.put_away("done") == ["DAILY_20261120_041.ndjson"]
    stored = await drop.feed.connection.fetchrow("SELECT door, sequence, external_id FROM feed_delivery")
    assert stored is not None
    assert tuple(stored) == ("watched_folder", 41, None)
    assert sum((await drop.look_twice()).values()) == 0


async def test_a_file_whose_commit_fails_is_left_and_taken_in_later(drop: Drop) -> None:
    file = drop.put("DAILY_20261120_041.ndjson", three())
    async with commits.failing(drop.feed.connection, "feed_delivery"):
        await drop.look_twice()
    assert (file.exists(), await drop.feed.count("feed_delivery")) == (True, 0)
    await drop.look_twice()
    assert drop.put_away("done") == ["DAILY_20261120_041.ndjson"]
    assert await drop.feed.books() == Books(-300, 0, 3)


async def test_a_file_that_is_still_being_written_is_left_alone(drop: Drop) -> None:
    file = drop.put("DAILY_1.ndjson", b"")
    for name in (".DAILY_2.ndjson", "DAILY_3.ndjson.part", "DAILY_4.ndjson.filepart", "DAILY_5.ndjson.TMP"):
        drop.put(name, three())
    await drop.look()
    file.write_bytes(three()[:80])
    assert sum((await drop.look()).values()) == 0
    file.write_bytes(three())
    assert sum((await drop.look()).values()) == 0
    assert sum((await drop.look(seconds=1)).values()) == 0
    assert (await drop.look())["taken_in"] == 1
    assert await drop.feed.count("feed_delivery") == 1


async def test_the_same_bytes_again_are_known_and_moved_beside_their_namesake(drop: Drop) -> None:
    drop.put("DAILY_1.ndjson", three())
    assert (await drop.look_twice())["taken_in"] == 1
    drop.put("DAILY_1.ndjson", three())
    assert (await drop.look_twice())["known"] == 1
    assert drop.put_away("done") == ["DAILY_1.ndjson", "DAILY_1.ndjson.2"]
    assert await drop.feed.books() == Books(-300, 0, 3)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before the receipt", "before the move"])
async def test_a_crash_loses_nothing_and_doubles_nothing(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    drop.put("DAILY_1.ndjson", three())
    await drop.look()

    def die(*_: object, **__: object) -> None:
        raise Killed

    where, name = (places, "put_away") if moment == "before the move" else (batches, "post")
    with monkeypatch.context() as patched:
        patched.setattr(where, name, die)
        with pytest.raises(Killed):
            await drop.look()
    assert (drop.here / "DAILY_1.ndjson").exists()
    drop.looks.clear()
    assert sum((await drop.look_twice()).values()) == 1
    later = clock.now() + 2 * pipeline.ABANDONED_AFTER
    await pipeline.resume(drop.database, actor=build.ACTOR, now=later)
    assert await drop.feed.books() == Books(-300, 0, 3)
    assert drop.put_away("done") == ["DAILY_1.ndjson"]


async def test_what_cannot_be_taken_in_is_refused_with_a_reason_and_stops_nothing(drop: Drop) -> None:
    drop.put("DAILY_1.ndjson", b"")
    drop.put("nobody.1", b"secret 1")
    drop.put("unknown.bin", b"secret 2")
    drop.put("trial.csv", b"Secret,Heading\n1,2\n")
    drop.put("DAILY_2.ndjson", three())
    counted = await drop.look_twice()
    assert (counted["refused"], counted["taken_in"]) == (4, 1)
    reasons = {file.name: file.read_text() for day in (drop.here / "refused").iterdir() for file in day.glob("*.txt")}
    codes = {name: text.partition(":")[0] for name, text in reasons.items()}
    assert codes == {
        "DAILY_1.ndjson.txt": "empty_delivery",
        "nobody.1.txt": "unknown_profile",
        "unknown.bin.txt": "no_layout_for_file",
        "trial.csv.txt": "wrong_heading",
    }
    assert "ecret" not in "".join(reasons.values())


async def test_a_folder_of_an_unknown_provider_is_refused(drop: Drop) -> None:
    stranger = drop.folder / "stranger"
    stranger.mkdir()
    (drop.folder / "stranger.toml").write_text(LAYOUT)
    drop.put("DAILY_1.ndjson", three(), at=stranger)
    assert (await drop.look_twice())["refused"] == 1
    note = next((stranger / "refused").rglob("*.txt"))
    assert note.read_text().startswith("unknown_provider: ")


async def test_links_and_pipes_are_refused_and_never_read(drop: Drop, tmp_path: Path) -> None:
    secret = tmp_path / "outside.ndjson"
    secret.write_bytes(three())
    (drop.here / "DAILY_1.ndjson").symlink_to(secret)
    os.mkfifo(drop.here / "DAILY_2.ndjson")
    (drop.here / "DAILY_3.ndjson").mkdir()
    assert (await drop.look_twice())["refused"] == 2
    assert secret.read_bytes() == three()
    assert await drop.feed.count("feed_delivery") == 0
    assert (drop.here / "DAILY_3.ndjson").is_dir()


async def test_nothing_is_moved_through_a_link_that_the_provider_made(drop: Drop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (drop.here / "done").symlink_to(elsewhere)
    drop.put("DAILY_1.ndjson", three())
    assert (await drop.look_twice())["left"] == 1
    assert list(elsewhere.iterdir()) == []
    assert await drop.feed.books() == Books(-300, 0, 3)


async def test_a_file_that_becomes_a_link_after_the_look_is_not_followed(drop: Drop, tmp_path: Path) -> None:
    secret = tmp_path / "outside.ndjson"
    secret.write_bytes(three())
    (drop.here / "DAILY_1.ndjson").symlink_to(secret)
    with (
        places.opened(drop.folder, build.PROVIDER) as place,
        pytest.raises(OSError, match="symbolic links"),
        places.content(place, Found("DAILY_1.ndjson", is_plain=True, look=_look_of(secret))),
    ):
        pass


async def test_a_folder_that_the_council_says_nothing_of_is_left_until_it_does(drop: Drop) -> None:
    (drop.folder / f"{build.PROVIDER}.toml").unlink()
    drop.put("DAILY_1.ndjson", three())
    assert (await drop.look_twice())["left"] == 1
    (drop.folder / f"{build.PROVIDER}.toml").write_text(LAYOUT)
    assert (await drop.look())["taken_in"] == 1


@pytest.mark.parametrize("when", ["before it is read", "after it was read"])
async def test_a_file_put_in_the_place_of_the_one_that_was_looked_at_is_never_moved_unread(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    drop.put("DAILY_1.ndjson", three("old"))
    receive = pipeline.receive

    def replace() -> None:
        drop.put(".DAILY_1.ndjson", three("new")).rename(drop.here / "DAILY_1.ndjson")

    async def replaced(*given: Any, **named: Any) -> Any:
        receipt = await receive(*given, **named)
        replace()
        return receipt

    await drop.look()
    if when == "before it is read":
        replace()
        drop.looks.update({key: _look_of(drop.here / key[1]) for key in drop.looks})
        with places.opened(drop.folder, build.PROVIDER) as place:
            (found,) = places.whole(place, build.PROVIDER, looks=drop.looks, now=time.time() + OLD)
            replace()
            with pytest.raises(places.Replaced), places.content(place, found):
                pass
    else:
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "receive", replaced)
            assert (await drop.look())["left"] == 1
        assert drop.put_away("done") == []
    assert (drop.here / "DAILY_1.ndjson").read_bytes() == three("new")
    assert (await drop.look_twice())["taken_in"] == 1
    assert drop.put_away("done") == ["DAILY_1.ndjson"]


def _look_of(file: Path) -> Look:
    status = file.lstat()
    return Look(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


async def test_a_file_replaced_in_the_very_moment_of_the_move_is_given_back(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop.put("DAILY_1.ndjson", three("old"))
    await drop.look()

    def replaced(*_: object) -> None:
        drop.put(".DAILY_1.ndjson", three("new")).rename(drop.here / "DAILY_1.ndjson")

    with monkeypatch.context() as patched:
        patched.setattr(places, "_require_same", replaced)
        assert (await drop.look())["left"] == 1
    assert drop.put_away("done") == []
    assert (await drop.look_twice())["taken_in"] == 1
    assert await drop.feed.books() == Books(-600, 0, 6)


async def test_a_time_in_the_future_keeps_no_file_waiting(drop: Drop) -> None:
    file = drop.put("DAILY_1.ndjson", three())
    os.utime(file, (4_000_000_000, 4_000_000_000))
    assert (await drop.look_twice())["taken_in"] == 1


async def test_a_note_is_written_over_no_file(drop: Drop) -> None:
    drop.put("unknown.bin.txt", b"a file of the provider's")
    assert (await drop.look_twice())["refused"] == 1
    drop.put("unknown.bin", b"another")
    assert (await drop.look_twice())["refused"] == 1
    assert drop.put_away("refused") == [
        *("unknown.bin.2", "unknown.bin.2.txt", "unknown.bin.txt", "unknown.bin.txt.txt"),
    ]
    kept = next((drop.here / "refused").rglob("unknown.bin.txt"))
    assert kept.read_bytes() == b"a file of the provider's"


@pytest.mark.parametrize(
    "name", ["x" * 255, "é" * 127, "two\nlines", "a\tb\x1b[31m", os.fsdecode(b"\xff\xfe"), " ", "-rf", "%s{}"]
)
async def test_no_name_is_too_strange_to_be_put_away_and_none_is_logged(
    drop: Drop, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    drop.put(name, three())
    assert (await drop.look_twice())["refused"] == 1
    first, second = drop.put_away("refused")
    assert second == f"{first}.txt"
    assert first[:50] == name[:50]
    note = next((drop.here / "refused").rglob("*.txt")).read_text()
    assert note == "no_layout_for_file: no pattern of the council's file about this folder fits its name\n"
    if len(name) > 3:
        assert name[:20] not in "".join(capsys.readouterr())


async def test_two_hosts_on_one_folder_post_once_and_move_once(drop: Drop) -> None:
    for number in range(4):
        drop.put(f"DAILY_{number}.ndjson", three(f"f{number}-"))
    other = Drop(drop.feed, drop.folder, drop.database)
    await asyncio.gather(drop.look(), other.look())
    await asyncio.gather(drop.look(), other.look())
    assert drop.put_away("done") == [f"DAILY_{number}.ndjson" for number in range(4)]
    assert await drop.feed.books() == Books(-1200, 0, 12)
    assert await drop.feed.count("feed_delivery") == 4


async def test_a_folder_that_cannot_be_written_keeps_the_file_and_says_so(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    drop.put("DAILY_1.ndjson", three())
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        assert (await drop.look_twice())["left"] == 1
    assert "feed_file_failed" in "".join(capsys.readouterr())
    assert (await drop.look())["known"] == 1
    assert await drop.feed.books() == Books(-300, 0, 3)


async def test_a_broken_layout_leaves_the_files_until_it_is_mended(drop: Drop) -> None:
    (drop.folder / f"{build.PROVIDER}.toml").write_text("[[files]]\npattern = 1\n")
    drop.put("DAILY_1.ndjson", three())
    assert (await drop.look_twice())["left"] == 1
    (drop.folder / f"{build.PROVIDER}.toml").write_text(LAYOUT)
    assert (await drop.look())["taken_in"] == 1


async def test_a_profile_of_the_councils_that_is_broken_leaves_the_files_until_it_is_mended(drop: Drop) -> None:
    own = pipeline.own_profiles(drop.database) / "no_such_profile.toml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("name = [")
    drop.put("nobody.1", three())
    assert (await drop.look_twice())["left"] == 1
    own.write_text('format = "ndjson"\nname = "no_such_profile"\nversion = 1\ntitle = "Mended"\n')
    assert (await drop.look())["taken_in"] == 1


async def test_without_a_folder_the_job_does_nothing(feed: Feed) -> None:
    assert await jobs.run(main.TAKE_IN_FOLDER, feed.database, now=clock.now())
    assert await operations.take_in(feed.database, looks={}, actor=build.ACTOR, now=clock.now()) == {}


def test_the_folder_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DP_FEED_FOLDER", str(tmp_path))
    assert Settings().feed_folder == tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "files = []",
        '[[files]]\npattern = "*"\nprofile = "canonical"\nsequence = "("',
        '[[files]]\npattern = "*"\nprofile = "canonical"\nsequence = "[0-9]+"',
        '[[files]]\npattern = "*"\nprofile = "canonical"\nunknown = 1',
        '[[files]]\npattern = "*"',
    ],
)
def test_a_layout_that_is_not_of_its_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "northbank.toml").write_text(text)
    with pytest.raises(layout.LayoutTrouble):
        layout.load(tmp_path, "northbank")


@pytest.mark.parametrize(("name", "sequence"), [("a_7.csv", 7), ("a_x.csv", None), ("a_99999999999.csv", None)])
def test_the_sequence_is_what_the_expression_finds(tmp_path: Path, name: str, sequence: int | None) -> None:
    (tmp_path / "n.toml").write_text('[[files]]\npattern = "a_*"\nprofile = "canonical"\nsequence = "a_([0-9]+)"\n')
    found = layout.load(tmp_path, "n").meaning(name)
    assert found == layout.Meaning("canonical", None, sequence)
