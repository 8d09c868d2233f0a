"""A provider's interface that we ask: page by page, the cursor after the delivery, back-off, and what stops it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.card_ingest import main, pipeline
from services.card_ingest.polling import operations, queries
from services.card_ingest.polling.queries import Poll
from services.shared import clock, jobs
from services.shared.calling import Answer, AnswerTooLarge
from services.shared.errors import Unavailable
from services.shared.identity.roles import Role
from tests.builders import commits
from tests.builders import deliveries as build
from tests.builders.deliveries import Books
from tests.card_ingest.conftest import Feed
from tests.http import Clients

PATH = "/v1/feeds/northbank/poll"
URL = "https://feed.example.org/v2/events"
WHERE: dict[str, Any] = {"url": URL, "profile": "canonical_json", "every_seconds": 60, "token": "a-long-token"}
JSON = {"content-type": "application/json"}


@dataclass
class Provider:
    """Northbank's own interface: what it answers, in turn, and with which cursor it was asked."""

    feed: Feed
    answers: list[Answer | Exception] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    async def fetch(self, poll: Poll) -> Answer:
        self.asked.append(poll.cursor)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def poll(self, *, at: datetime | None = None) -> int:
        now = at or clock.now()
        return await operations.poll_feed(
            self.feed.database, build.PROVIDER, actor=build.ACTOR, now=now, fetch=self.fetch
        )

    async def lease_ends(self) -> None:
        """Let the time of the worker whose turn it is run out."""
        await self.feed.connection.execute("UPDATE feed_poll SET leased_until = clock_timestamp()")

    async def row(self) -> dict[str, Any]:
        found = await self.feed.connection.fetchrow("SELECT * FROM feed_poll")
        assert found is not None
        return dict(found)


def page(ids: Sequence[str], *, status: int = 200, headers: dict[str, str] | None = None, **said: Any) -> Answer:
    events = [build.an_event(each, amount_pence=100) for each in ids]
    return Answer(status, JSON | (headers or {}), json.dumps({"events": events, **said}).encode())


@pytest.fixture
async def provider(feed: Feed, clients: Clients) -> Provider:
    answer = await clients.of(Role.ADMINISTRATOR).put(PATH, json=WHERE)
    assert answer.status_code == 200, answer.text
    return Provider(feed)


async def test_pages_are_taken_in_until_there_is_no_more(provider: Provider) -> None:
    provider.answers = [
        page(["t1", "t2"], next_cursor="c2", has_more=True),
        page(["t3"], next_cursor=3, has_more=True),
        page([], next_cursor="c3"),
    ]
    assert await provider.poll() == 2
    assert provider.asked == [None, "c2", "3"]
    assert await provider.feed.books() == Books(-300, 0, 3)
    row = await provider.row()
    assert (row["cursor"], row["last_outcome"], row["failures"]) == ("c3", "nothing_new", 0)
    doors = await provider.feed.connection.fetch("SELECT door, external_id FROM feed_delivery ORDER BY number")
    assert [tuple(each) for each in doors] == [("polling", "page:..c2"), ("polling", "page:c2..3")]


async def test_it_is_asked_again_only_when_its_time_has_come(provider: Provider) -> None:
    provider.answers = [page(["t1"], next_cursor="c1"), page(["t2"], next_cursor="c2")]
    now = clock.now()
    assert await provider.poll(at=now) == 1
    assert await provider.poll(at=now + timedelta(seconds=59)) == 0
    assert await provider.poll(at=now + timedelta(seconds=61)) == 1
    assert provider.asked == [None, "c1"]


class Killed(BaseException):
    """The process ends here."""


async def test_a_crash_between_delivery_and_cursor_repeats_the_page_without_effect(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.answers = [page(["t1"], next_cursor="c1"), page(["t1", "t2"], next_cursor="c1")]

    async def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(operations, "_move_on", die)
        with pytest.raises(Killed):
            await provider.poll()
    assert (await provider.row())["cursor"] is None
    assert await provider.poll(at=clock.now() + timedelta(days=1)) == 0  # The dead worker's turn lasts a while.
    await provider.lease_ends()
    assert await provider.poll() == 1
    assert provider.asked == [None, None]
    assert await provider.feed.books() == Books(-200, 0, 2)
    assert (await provider.row())["cursor"] == "c1"


async def test_two_workers_never_ask_one_provider_at_once(provider: Provider) -> None:
    provider.answers = [page(["t1"], next_cursor="c1"), page(["t2"], next_cursor="c2")]
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(poll: Poll) -> Answer:
        inside.set()
        await go_on.wait()
        return await provider.fetch(poll)

    now, database = clock.now(), provider.feed.database
    first = asyncio.create_task(operations.poll_feed(database, build.PROVIDER, actor=build.ACTOR, now=now, fetch=slow))
    await inside.wait()
    assert await provider.poll(at=now + timedelta(minutes=1)) == 0
    locks = await provider.feed.connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    go_on.set()
    assert await first == 1
    assert (provider.asked, locks) == ([None], 0)
    assert (await provider.row())["leased_until"] is None


async def test_of_many_workers_one_takes_the_turn_and_a_lost_turn_keeps_nothing(provider: Provider) -> None:
    now, database = clock.now(), provider.feed.database

    async def take() -> Poll | None:
        async with database.write(actor=build.ACTOR) as session:
            session.audited = True
            return await queries.leased(session, build.PROVIDER, now=now)

    (lost,) = [found for found in await asyncio.gather(*(take() for _ in range(8))) if found is not None]
    await provider.lease_ends()
    second = await take()
    assert second is not None
    assert second.leased_until > lost.leased_until
    async with database.write(actor=build.ACTOR) as session:
        assert not await queries.moved_on(session, lost, {"cursor": "lost"})
        assert not await queries.given_back(session, lost)
        assert await queries.moved_on(session, second, {"cursor": "c1"})
        session.audited = True
    row = await provider.row()
    assert (row["cursor"], row["leased_until"]) == ("c1", None)


TROUBLES: list[tuple[Answer | Exception, str]] = [
    (Unavailable("no"), "no_answer"),
    (AnswerTooLarge("no"), "answer_too_large"),
    (Answer(500, {}, b""), "refused"),
    (Answer(302, {"location": "http://127.0.0.1/"}, b""), "redirected"),
    (Answer(200, JSON, b'{"events": ['), "unreadable"),
    (Answer(200, JSON, b'{"things": []}'), "unreadable"),
    (page(["t1"], has_more=True), "unreadable"),
    (page(["t1"], headers={"link": '<https://evil.example.com/x?after=1>; rel="next"'}), "unreadable"),
]


@pytest.mark.parametrize(
    ("trouble", "outcome"), TROUBLES, ids=[f"{number}-{each[1]}" for number, each in enumerate(TROUBLES)]
)
async def test_trouble_moves_no_cursor_and_is_told(
    provider: Provider, trouble: Answer | Exception, outcome: str
) -> None:
    provider.answers = [trouble]
    now = clock.now()
    assert await provider.poll(at=now) == 0
    row = await provider.row()
    assert (row["cursor"], row["last_outcome"], row["failures"], row["is_active"]) == (None, outcome, 1, True)
    assert timedelta(seconds=60) <= row["next_at"] - now <= timedelta(seconds=140)
    assert await provider.feed.count("feed_delivery") == 0


async def test_what_the_other_side_asks_for_is_kept_to(provider: Provider) -> None:
    provider.answers = [Answer(429, {"retry-after": "900"}, b"")]
    now = clock.now()
    await provider.poll(at=now)
    assert timedelta(seconds=900) <= (await provider.row())["next_at"] - now < timedelta(seconds=920)


@pytest.mark.parametrize("status", [401, 403, 410])
async def test_a_provider_that_wants_us_no_more_is_asked_no_more(
    provider: Provider, clients: Clients, status: int
) -> None:
    provider.answers = [Answer(status, {}, b"")]
    await provider.poll()
    assert await provider.poll(at=clock.now() + timedelta(days=2)) == 0
    assert len(provider.asked) == 1
    row = await provider.row()
    assert (row["is_active"], row["last_outcome"]) == (False, "refused")
    again = await clients.of(Role.ADMINISTRATOR).put(PATH, json={**WHERE, "every_seconds": 30})
    assert (again.json()["is_active"], again.json()["failures"]) == (True, 0)


async def test_a_page_that_has_grown_is_taken_in_beside_its_first_version(provider: Provider) -> None:
    provider.answers = [page(["t1"], page_id="p7"), page(["t1", "t2"], page_id="p7")]
    now = clock.now()
    await provider.poll(at=now)
    assert await provider.poll(at=now + timedelta(hours=1)) == 1
    assert await provider.feed.books() == Books(-200, 0, 2)


async def test_a_page_that_leads_back_to_itself_is_asked_for_once(provider: Provider) -> None:
    provider.answers = [page(["t1"], next_cursor="c1", has_more=True), page(["t2"], next_cursor="c1", has_more=True)]
    assert await provider.poll() == 2
    assert len(provider.asked) == 2


async def test_cursors_that_go_round_in_a_circle_are_left_for_another_time(provider: Provider) -> None:
    ring = {None: "c1", "c1": "c2", "c2": "c1"}
    asked: list[str | None] = []

    async def circle(poll: Poll) -> Answer:
        asked.append(poll.cursor)
        return page([], next_cursor=ring[poll.cursor], has_more=True)

    now = clock.now()
    await operations.poll_feed(provider.feed.database, build.PROVIDER, actor=build.ACTOR, now=now, fetch=circle)
    assert asked == [None, "c1", "c2"]
    assert (await provider.row())["next_at"] - now >= timedelta(seconds=60)


async def test_empty_pages_that_promise_more_for_ever_end_the_turn(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    async def endless(poll: Poll) -> Answer:
        asked.append(poll.cursor)
        return page([], next_cursor=f"c{len(asked)}", has_more=True)

    monkeypatch.setattr(operations, "PAGES_AT_ONCE", 5)
    await operations.poll_feed(
        provider.feed.database, build.PROVIDER, actor=build.ACTOR, now=clock.now(), fetch=endless
    )
    assert len(asked) == 5


async def test_a_slow_provider_gets_no_further_page_in_the_same_turn(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "TURN_SECONDS", 0.0)
    assert await provider.poll() == 0
    assert provider.asked == []


async def test_a_page_that_we_cannot_store_waits_longer_each_time(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fall(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(pipeline, "receive", fall)
    provider.answers = [page(["t1"], next_cursor="c1")]
    assert await provider.poll() == 0
    row = await provider.row()
    assert (row["cursor"], row["last_outcome"], row["failures"]) == (None, "not_stored", 1)


@pytest.mark.parametrize("sqlstate", [commits.DISK_FULL, commits.TAKEN_MEANWHILE, commits.UNFORESEEN])
async def test_the_cursor_stays_where_the_commit_of_its_page_fails(provider: Provider, sqlstate: str) -> None:
    provider.answers = [page(["t1"], next_cursor="c1", has_more=True) for _ in range(2)]
    provider.answers.append(page([], next_cursor="c1"))
    async with commits.failing(provider.feed.connection, "feed_delivery", sqlstate=sqlstate):
        assert await provider.poll() == 0
    row = await provider.row()
    assert (row["cursor"], row["last_outcome"]) == (None, "not_stored")
    assert await provider.feed.count("feed_delivery") == 0
    assert await provider.poll(at=clock.now() + timedelta(days=1)) == 1
    assert provider.asked == [None, None, "c1"]
    assert await provider.feed.books() == Books(-100, 0, 1)


async def test_where_the_cursor_cannot_be_kept_the_page_is_asked_for_again_without_effect(provider: Provider) -> None:
    provider.answers = [page(["t1"], next_cursor="c1") for _ in range(2)]
    stored = "CREATE CONSTRAINT TRIGGER no_commit AFTER UPDATE ON feed_poll DEFERRABLE INITIALLY DEFERRED"
    refused = "FOR EACH ROW WHEN (new.cursor IS NOT NULL) EXECUTE FUNCTION no_commit()"
    async with commits.failing(provider.feed.connection, "clawback_run"):
        await provider.feed.connection.execute(f"{stored} {refused}")
        with pytest.raises(Unavailable):
            await provider.poll()
        await provider.feed.connection.execute("DROP TRIGGER no_commit ON feed_poll")
    assert (await provider.row())["cursor"] is None
    await provider.lease_ends()
    assert await provider.poll() == 1
    assert provider.asked == [None, None]
    assert await provider.feed.books() == Books(-100, 0, 1)


async def test_a_cursor_that_looks_like_a_card_number_is_no_name_and_not_in_the_trail(
    provider: Provider, clients: Clients
) -> None:
    provider.answers = [page(["t1"], next_cursor="4111111111111111")]
    assert await provider.poll() == 1
    assert await provider.feed.connection.fetchval("SELECT external_id FROM feed_delivery") is None
    assert (await provider.row())["cursor"] == "4111111111111111"
    shown = await clients.of(Role.ADMINISTRATOR).put(PATH, json=WHERE)
    trail = await provider.feed.connection.fetch("SELECT changes::text FROM audit_entry")
    assert "4111111111111111" not in shown.text + str(trail)


async def test_how_an_interface_does_is_shown_with_its_provider(provider: Provider, clients: Clients) -> None:
    provider.answers = [page(["t1"], next_cursor="secret-cursor"), Unavailable("no")]
    now = clock.now()
    await provider.poll(at=now)
    await provider.poll(at=now + timedelta(hours=1))
    reader = clients.of(Role.ADMINISTRATOR)
    for path in ("/v1/feeds", "/v1/feeds/health"):
        answer = await reader.get(path)
        (shown,) = [each["poll"] for each in answer.json()["items"] if each["poll"]]
        assert set(shown) == {
            "is_active", "every_seconds", "next_at", "last_at", "last_outcome", "failures", "cursor_at"
        }  # fmt: skip
        assert (shown["last_outcome"], shown["failures"], shown["is_active"]) == ("no_answer", 1, True)
        assert datetime.fromisoformat(shown["cursor_at"]) - now < timedelta(minutes=1)
        assert "secret-cursor" not in answer.text


async def test_an_interface_set_otherwise_meanwhile_keeps_its_own_beginning(
    provider: Provider, clients: Clients
) -> None:
    async def meanwhile(_: Poll) -> Answer:
        changed = await clients.of(Role.ADMINISTRATOR).put(PATH, json={**WHERE, "url": URL + "/3"})
        assert changed.status_code == 200
        return page(["t1"], next_cursor="c1")

    await operations.poll_feed(
        provider.feed.database, build.PROVIDER, actor=build.ACTOR, now=clock.now(), fetch=meanwhile
    )
    row = await provider.row()
    assert (row["url"], row["cursor"], row["last_outcome"]) == (URL + "/3", None, None)


async def test_one_provider_in_trouble_does_not_stop_the_job(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fall(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(pipeline, "receive", fall)

    async def answer(*_: object, **__: object) -> Answer:
        return page(["t1"], next_cursor="c1")

    monkeypatch.setattr(operations.calling, "fetch_page", answer)  # type: ignore[attr-defined]
    assert await jobs.run(main.POLL_FEEDS, provider.feed.database, now=clock.now())
    assert (await provider.row())["cursor"] is None


async def test_the_token_is_never_shown_and_goes_to_no_other_host(clients: Clients, provider: Provider) -> None:
    administrator = clients.of(Role.ADMINISTRATOR)
    kept = (await provider.row())["token_encrypted"]
    assert provider.feed.database.ciphers.decrypt_text(kept) == "a-long-token"
    without = {name: value for name, value in WHERE.items() if name != "token"}
    same = await administrator.put(PATH, json={**without, "url": URL + "?kind=card"})
    assert same.json()["has_token"]
    assert "a-long-token" not in same.text
    other = await administrator.put(PATH, json={**without, "url": "https://other.example.org/events"})
    assert not other.json()["has_token"]
    trail = await provider.feed.connection.fetch("SELECT changes::text FROM audit_entry")
    assert "a-long-token" not in str(trail)


async def test_an_unknown_provider_or_profile_or_address_is_refused(feed: Feed, clients: Clients) -> None:
    administrator = clients.of(Role.ADMINISTRATOR)
    cases = [
        ("/v1/feeds/nobody/poll", WHERE, 404, "unknown_provider"),
        (PATH, {**WHERE, "profile": "no_such"}, 404, "unknown_profile"),
        (PATH, {**WHERE, "url": "http://feed.example.org/events"}, 422, "poll_address_refused"),
        (PATH, {**WHERE, "every_seconds": 1}, 422, "invalid"),
    ]
    for path, body, status, code in cases:
        answer = await administrator.put(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await feed.count("feed_poll") == 0
