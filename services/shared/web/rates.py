"""How many requests a caller may make: a fixed window each, in this process's memory; real quotas are the gateway's."""

import math
import time
from dataclasses import dataclass
from typing import Final

import limits
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

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


class Rates:
    """The shares of every caller of one application."""

    def __init__(self, rate_limit: str) -> None:
        self._limit = limits.parse(rate_limit)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._words = rate_limit.replace("/", " a ")

    def take(self, caller: str) -> Share:
        """Take one request from a caller's share. Raises TooManyRequests (429) when none is left."""
        is_left = self._limiter.hit(self._limit, caller)
        window = self._limiter.get_window_stats(self._limit, caller)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        if not is_left:
            raise TooManyRequests(retry_after=reset, policy=self._words)
        return Share(self._limit.amount, self._limit.get_expiry(), window.remaining, reset)
