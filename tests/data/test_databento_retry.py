"""When a call is repeated, after what wait, and what is read from Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.databento_bench import Waits
from vaultdash.data.vendors.moments import read_moment
from vaultdash.data.vendors.retry import Clock, Pace, Retries, read_retry_after
from vaultdash.errors import (
    ImpossibleValueError,
    KeyRefusedError,
    RateLimitedError,
    VendorAnswer,
    VendorError,
    VendorFailedError,
)
from vaultdash.market import iso_utc

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Failing:
    """A call that fails with each of these in turn, and then works."""

    def __init__(self, *failures: VendorError) -> None:
        self.failures = list(failures)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def failed() -> VendorError:
    return VendorFailedError(answer=VendorAnswer(status=500))


def limited(seconds: float) -> VendorError:
    return RateLimitedError(answer=VendorAnswer(status=429, retry_after=seconds))


def test_waits_double_up_to_the_longest() -> None:
    waits = Waits()
    call = Failing(*(failed() for _ in range(6)))
    assert Retries(attempts=7, longest_wait=4.0, clock=waits.clock).run(call) == "done"
    assert waits.slept == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


@given(draw=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_drawn_between_half_and_the_whole(draw: float) -> None:
    slept: list[float] = []
    clock = Clock(now=lambda: 0.0, sleep=slept.append, draw=lambda: draw)
    Retries(first_wait=8.0, clock=clock).run(Failing(failed()))
    assert 4.0 <= slept[0] <= 8.0


def test_the_vendors_own_wait_is_kept_where_it_is_longer() -> None:
    waits = Waits()
    Retries(clock=waits.clock).run(Failing(limited(7.0), limited(0.0)))
    assert waits.slept == [7.0, 0.5]


def test_no_attempt_begins_after_the_total() -> None:
    waits = Waits()
    call = Failing(limited(50.0), limited(50.0), limited(50.0), limited(50.0))
    with pytest.raises(RateLimitedError, match="It was tried 3 times"):
        Retries(total_seconds=120.0, clock=waits.clock).run(call)
    assert waits.slept == [50.0, 50.0]


def test_what_will_not_pass_is_not_repeated() -> None:
    call = Failing(KeyRefusedError(answer=VendorAnswer(status=401)), failed())
    with pytest.raises(KeyRefusedError) as caught:
        Retries(clock=Waits().clock).run(call)
    assert call.calls == 1
    assert "tried" not in str(caught.value)


def test_a_call_that_may_not_be_repeated_is_not() -> None:
    call = Failing(failed())
    with pytest.raises(VendorFailedError):
        Retries(clock=Waits().clock).run(call, may_repeat=lambda: False)
    assert call.calls == 1


def test_failures_that_are_given_up_have_no_past() -> None:
    with pytest.raises(VendorFailedError) as caught:
        Retries(attempts=2, clock=Waits().clock).run(Failing(failed(), failed()))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize("attempts", [0, -1])
def test_at_least_one_attempt(attempts: int) -> None:
    with pytest.raises(ImpossibleValueError, match="attempts"):
        Retries(attempts=attempts)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 13:00:30 +0100", 30.0),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert read_retry_after(text, NOW) == seconds


@given(st.text(max_size=30))
def test_any_retry_after_is_a_wait_or_nothing(text: str) -> None:
    seconds = read_retry_after(text, NOW)
    assert seconds is None or seconds >= 0


def test_a_pace_lets_a_burst_go_and_then_keeps_its_rate() -> None:
    waits = Waits()
    pace = Pace(per_second=4, burst=3, clock=waits.clock)
    for _ in range(7):
        pace.wait()
    assert waits.slept == pytest.approx([0.25, 0.25, 0.25, 0.25])
    waits.slept.append(10.0)  # a rest fills the burst again, and no more than that
    before = len(waits.slept)
    for _ in range(4):
        pace.wait()
    assert len(waits.slept) - before == 1


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2022-01-03", "2022-01-03"),
        ("2022-01-03T14:30", "2022-01-03T14:30:00Z"),
        ("2022-01-03T14:30:00.000000001Z", "2022-01-03T14:30:00.000000001Z"),
        ("2022-01-03 14:30:00.5+00:00", "2022-01-03T14:30:00.500000000Z"),
        (" 1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_moments(text: str, iso: str) -> None:
    moment = read_moment(text)
    assert moment is not None
    assert iso_utc(moment) == iso


@pytest.mark.parametrize("text", ["", "x", "2022-13-01", "2022-01-03T25:00", "2022-01-03T14:30+01:00", 7, None])
def test_what_is_no_moment(text: object) -> None:
    assert read_moment(text) is None
