"""What one process takes upon itself at once: requests in flight, and bytes of bodies held in memory.

Whatever is beyond is turned away at once (503 with `Retry-After`), so that what is within is served in a few seconds.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Message, Receive

from services.shared.errors import Unavailable
from services.shared.settings.installation import Settings
from services.shared.web.errors import BodyTooLarge


class Load:
    """What is in flight in this process, and how much may be; several applications of one process share it."""

    def __init__(self, *, most_requests: int, most_bytes: int) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self.lock = threading.Lock()
        self.requests = 0
        self.bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether as many requests are being served as may be."""
        return self.requests >= self._most_requests

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request for as long as the block lasts."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @contextmanager
    def hold(self) -> Iterator["Hold"]:
        """Give what a request takes its bytes by; however the block ends, they are given back."""
        own = Hold(self)
        try:
            yield own
        finally:
            own.release()

    def add(self, count: int) -> None:
        """Hold so many bytes more, in the lock. Raises Unavailable (503) where they would be more than may be."""
        if self.bytes + count > self._most_bytes:
            raise overloaded()
        self.bytes += count


class Hold:
    """The bytes that one request holds. A thread that outlives its request takes nothing for it any more."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._bytes = 0
        self._is_open = True

    def take(self, count: int) -> None:
        """Hold so many bytes more. Raises Unavailable (503) where the process holds as many as it may."""
        with self._load.lock:
            if not self._is_open:
                raise overloaded()
            self._load.add(count)
            self._bytes += count

    def release(self) -> None:
        """Hold nothing any more."""
        with self._load.lock:
            self._load.bytes -= self._bytes
            self._bytes, self._is_open = 0, False


def overloaded() -> Unavailable:
    """Return what whoever is turned away is told."""
    return Unavailable("as much is being served as can be: try again in a moment", code="overloaded")


def of_process(settings: Settings) -> Load:
    """Return the load that a process of these settings may bear, with nothing in flight."""
    return Load(most_requests=settings.max_requests_at_once, most_bytes=settings.max_bytes_at_once)


def held(receive: Receive, own: Hold, *, at_most: int) -> Receive:
    """Return the way a body comes in, each part of it held; a body larger than `at_most` bytes is refused as it comes.

    What comes raises BodyTooLarge (413) or Unavailable (503).
    """
    so_far = 0

    async def receive_and_hold() -> Message:
        nonlocal so_far
        message = await receive()
        count = len(message.get("body", b""))
        so_far += count
        if so_far > at_most:
            raise BodyTooLarge(f"the body is larger than {at_most} bytes; nothing was stored")
        own.take(count)
        return message

    return receive_and_hold
