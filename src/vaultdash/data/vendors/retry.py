"""Asks again, politely: how often, after what wait, and never faster than a vendor allows."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from vaultdash.errors import ImpossibleValueError, VendorError

if TYPE_CHECKING:
    T = TypeVar("T")

ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT, TOTAL_SECONDS = 0.5, 30.0, 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Time as the retries see it; tests put their own in its place. `draw` gives a number in [0, 1)."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """How often to ask: at most `attempts` times, none of them begun later than `total_seconds` after the first.

    The wait before attempt n + 1 is drawn between half and the whole of `first_wait` * 2 ** (n - 1) seconds, at most
    `longest_wait`, and never less than what the vendor asked for in Retry-After.
    """

    attempts: int = ATTEMPTS
    first_wait: float = FIRST_WAIT
    longest_wait: float = LONGEST_WAIT
    total_seconds: float = TOTAL_SECONDS
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        if not self.attempts >= 1:
            raise ImpossibleValueError(owner="Retries", field="attempts", value=self.attempts, must="be 1 or more")

    def run(self, call: Callable[[], T], *, may_repeat: Callable[[], bool] = lambda: True) -> T:
        """Return what `call` returns, asking again where its VendorError is transient and `may_repeat` allows it.

        Raises the last VendorError, which says how often it was tried.
        """
        started = self.clock.now()
        attempt = 0
        while True:
            attempt += 1
            try:
                return call()
            except VendorError as error:
                failure = error
            wait = self._wait(attempt, failure)
            is_late = self.clock.now() + wait - started > self.total_seconds
            if not failure.is_transient or attempt >= self.attempts or is_late or not may_repeat():
                raise failure.after(attempt) if attempt > 1 else failure
            self.clock.sleep(wait)

    def _wait(self, attempt: int, failure: VendorError) -> float:
        most = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return max(most * (0.5 + 0.5 * self.clock.draw()), failure.answer.retry_after or 0.0)


class Pace:
    """Lets at most `burst` calls go at once and `per_second` in the long run: a token bucket, safe between threads."""

    def __init__(self, *, per_second: float, burst: int, clock: Clock) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._seen = clock.now()
        self._lock = Lock()

    def wait(self) -> None:
        """Take a token, after the wait it takes for one to come."""
        with self._lock:
            now = self._clock.now()
            self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._per_second) - 1.0
            self._seen = now
            debt = -self._tokens / self._per_second
        if debt > 0:
            self._clock.sleep(debt)


def read_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header, seconds or an HTTP date, as seconds from `now`; None where it says nothing usable."""
    if not text:
        return None
    word = text.strip()
    if word.isascii() and word.isdigit():
        return float(word)
    try:
        moment = parsedate_to_datetime(word)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
