"""How many requests a caller may make: a fixed window each, in this process's memory; real quotas are the gateway's.

The limit is read by `limits`, whose own memory starts a thread for each window that is to be forgotten: that cost more
than the answer to most questions; a fixed window is a number and a moment.
"""

import math
import time
from dataclasses import dataclass
from typing import Final

import limits

from services.shared.web.errors import TooManyRequests

POLICY: Final = "caller"


@dataclass(frozen=True, slots=True)
class Share:
    """What is left of a caller's share."""

    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """Return the share as `RateLimit-Policy` and `RateLimit` headers (IETF httpapi draft)."""
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.quota};w={self.window_seconds}',
            "RateLimit": f'"{POLICY}";r={self.remaining};t={self.reset_seconds}',
        }


@dataclass(slots=True)
class _Window:
    taken: int
    ends: float


class Rates:
    """The shares of every caller of one application."""

    def __init__(self, rate_limit: str) -> None:
        limit = limits.parse(rate_limit)
        self._quota = limit.amount
        self._seconds = limit.get_expiry()
        self._words = rate_limit.replace("/", " a ")
        self._windows: dict[str, _Window] = {}
        self._swept = time.monotonic()

    def take(self, caller: str) -> Share:
        """Take one request from a caller's share. Raises TooManyRequests (429) when none is left."""
        now = time.monotonic()
        if now - self._swept > self._seconds:
            self._sweep(now)
        window = self._windows.get(caller)
        if window is None or window.ends <= now:
            window = self._windows[caller] = _Window(0, now + self._seconds)
        window.taken += 1
        reset = max(1, math.ceil(window.ends - now))
        if window.taken > self._quota:
            raise TooManyRequests(retry_after=reset, policy=self._words)
        return Share(self._quota, self._seconds, self._quota - window.taken, reset)

    def _sweep(self, now: float) -> None:
        """Forget the windows that are over, so that callers who are gone take no memory."""
        self._windows = {caller: window for caller, window in self._windows.items() if window.ends > now}
        self._swept = now
