"""The rules of permits, without anybody who waits."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.pacing import (
    DAY_S,
    MINUTE_S,
    Admitted,
    Reduced,
    after_answer,
    after_throttle,
    cap_of,
    day_has_room,
    day_spent,
    day_wait_s,
    fairest,
    has_windows,
    minute_has_room,
    minute_wait_s,
)
from mesrai.domain.permits import Limits

THIRTY = Limits(concurrent=30)
ADMITTED = st.lists(st.builds(Admitted, at=st.floats(0, 100), tokens=st.integers(0, 1_000)), max_size=20).map(
    lambda found: sorted(found, key=lambda each: each.at)
)


def halved(cap: int, reduced_from: int, at: float = 0.0) -> Reduced:
    return Reduced(cap=cap, reduced_from=reduced_from, halved_at=at, quiet_since=at)


@pytest.mark.parametrize(
    ("limit", "reduced", "cap"),
    [
        (None, None, None),
        (30, None, 30),
        (0, None, 1),
        (30, halved(15, 30), 15),
        (10, halved(15, 30), 10),
        (None, halved(4, 8), 4),
    ],
)
def test_the_cap_is_the_lesser_of_what_is_set_and_what_is_left(
    limit: int | None, reduced: Reduced | None, cap: int | None
) -> None:
    assert cap_of(Limits(concurrent=limit), reduced) == cap


def test_a_throttle_halves_the_cap_and_again_after_a_while() -> None:
    first = after_throttle(None, THIRTY, out_count=30, now=100.0)
    assert first == halved(15, 30, 100.0)
    assert after_throttle(first, THIRTY, out_count=15, now=106.0) == halved(7, 30, 106.0)


def test_throttles_of_one_burst_halve_once() -> None:
    first = after_throttle(None, THIRTY, out_count=30, now=100.0)
    assert after_throttle(first, THIRTY, out_count=29, now=104.0) == replace(first, quiet_since=104.0)


def test_without_a_cap_half_of_what_is_in_flight_is_left() -> None:
    assert after_throttle(None, Limits(), out_count=9, now=0.0) == halved(4, 9)


def test_one_request_is_always_left() -> None:
    assert cap_of(THIRTY, after_throttle(None, Limits(concurrent=1), out_count=1, now=0.0)) == 1
    assert cap_of(THIRTY, after_throttle(None, Limits(), out_count=0, now=0.0)) == 1


def test_answers_in_quiet_times_double_the_cap_until_it_is_back() -> None:
    reduced = halved(7, 30)
    assert after_answer(reduced, now=29.0) == reduced
    later = after_answer(reduced, now=31.0)
    assert later == Reduced(cap=14, reduced_from=30, halved_at=0.0, quiet_since=31.0)
    assert after_answer(later, now=60.0) == later
    last = after_answer(later, now=62.0)
    assert last == Reduced(cap=28, reduced_from=30, halved_at=0.0, quiet_since=62.0)
    assert after_answer(last, now=93.0) is None
    assert after_answer(None, now=0.0) is None


@given(
    limit=st.none() | st.integers(0, 100),
    events=st.lists(st.tuples(st.booleans(), st.floats(0.0, 100.0), st.integers(0, 100)), max_size=30),
)
def test_whatever_happens_the_cap_is_at_least_one_and_never_above_the_limit(
    limit: int | None, events: list[tuple[bool, float, int]]
) -> None:
    limits, reduced, now = Limits(concurrent=limit), None, 0.0
    for is_throttle, span, out_count in events:
        now += span
        if is_throttle:
            reduced = after_throttle(reduced, limits, out_count=out_count, now=now)
        else:
            reduced = after_answer(reduced, now=now)
        cap = cap_of(limits, reduced)
        assert cap is None or 1 <= cap <= max(limit or 1, 1) or limit is None
        assert reduced is None or reduced.cap <= reduced.reduced_from
    for _ in range(8):  # quiet answers bring all of it back
        now += MINUTE_S
        reduced = after_answer(reduced, now=now)
    assert reduced is None


MINUTE = Limits(requests_per_minute=3, tokens_per_minute=1_000)


@pytest.mark.parametrize(
    ("count", "used", "tokens", "fits"),
    [
        (0, 0, 9_999, True),  # larger than the whole allowance, but alone
        (1, 0, 1_000, True),
        (1, 1, 1_000, False),
        (2, 900, 100, True),
        (3, 0, 0, False),
    ],
)
def test_a_minute_has_room_for_so_much(count: int, used: int, tokens: int, fits: bool) -> None:
    assert minute_has_room(MINUTE, tokens, request_count=count, used_tokens=used) is fits


def test_the_wait_ends_when_enough_is_a_minute_ago() -> None:
    admitted = [Admitted(at=10.0, tokens=400), Admitted(at=20.0, tokens=400), Admitted(at=30.0, tokens=100)]
    assert minute_wait_s(Limits(tokens_per_minute=1_000), 100, admitted, 40.0) == 0.0
    assert minute_wait_s(Limits(tokens_per_minute=1_000), 101, admitted, 40.0) == 10.0 + MINUTE_S - 40.0
    assert minute_wait_s(Limits(tokens_per_minute=1_000), 950, admitted, 40.0) == 30.0 + MINUTE_S - 40.0
    assert minute_wait_s(Limits(requests_per_minute=2), 0, admitted, 40.0) == 20.0 + MINUTE_S - 40.0


@given(admitted=ADMITTED, tokens=st.integers(0, 2_000))
def test_after_the_wait_there_is_room_and_before_it_there_was_none(admitted: list[Admitted], tokens: int) -> None:
    now = 100.0
    wait = minute_wait_s(MINUTE, tokens, admitted, now)
    assert 0 <= wait <= MINUTE_S

    def has_room(at: float) -> bool:
        counted = [each for each in admitted if each.at > at - MINUTE_S]
        used = sum(each.tokens for each in counted)
        return minute_has_room(MINUTE, tokens, request_count=len(counted), used_tokens=used)

    assert has_room(now + wait + 1e-6)
    assert wait < 1e-6 or not has_room(now + wait - 1e-6)


def test_a_day_has_room_for_so_many_tokens_or_for_one_request_alone() -> None:
    limits = Limits(tokens_per_day=100)
    assert day_has_room(limits, 500, used_tokens=0)
    assert day_has_room(limits, 50, used_tokens=50)
    assert not day_has_room(limits, 51, used_tokens=50)
    assert day_has_room(Limits(), 51, used_tokens=50)


def test_a_spent_day_opens_again_when_its_first_requests_are_a_day_ago() -> None:
    limits, admitted = Limits(tokens_per_day=100), [Admitted(at=0.0, tokens=60), Admitted(at=50.0, tokens=40)]
    assert day_wait_s(limits, 60, admitted, 100.0) == DAY_S - 100.0
    assert day_wait_s(limits, 61, admitted, 100.0) == 50.0 + DAY_S - 100.0
    assert day_wait_s(limits, 0, admitted, 100.0) == 0.0


def test_a_spent_day_says_when_it_is_over_and_costs_no_call() -> None:
    error = day_spent(Limits(tokens_per_day=1_500_000), 1_800_000_000.0)
    assert error.resets_at == "2027-01-15T08:00:00+00:00"
    assert "1,500,000 tokens" in error.message
    assert error.calls == 0


def test_only_limits_of_a_time_need_to_know_what_was_before() -> None:
    assert not has_windows(THIRTY)
    assert has_windows(Limits(requests_per_minute=1))
    assert has_windows(Limits(tokens_per_minute=1))
    assert has_windows(Limits(tokens_per_day=1))


def test_the_review_with_the_fewest_permits_is_next_then_the_first_to_come() -> None:
    assert fairest({"a": 1, "b": 2}, {"a": 1}) == "b"
    assert fairest({"a": 1, "b": 2}, {"a": 1, "b": 1}) == "a"
    assert fairest({"b": 2, "a": 1}, {}) == "a"
