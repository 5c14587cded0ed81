"""How long a failed model rests, and what is understood of a provider's words for when a quota is renewed."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.outages import (
    LASTING,
    PASSING,
    PROBE_S,
    Known,
    Outage,
    after_failure,
    probed,
    reset_from,
    standing,
)
from mesrai.errors import (
    AnswerEmpty,
    ModelAuth,
    ModelError,
    ModelOverloaded,
    ModelQuota,
    ModelThrottled,
    PromptRejected,
    PromptTooLong,
)

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def rest(error: ModelError, known: Known | None = None, now: float = NOW) -> float | None:
    after = after_failure(known, error, now=now, lasting_s=300.0)
    return None if after is None else after.until - now


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_rests_a_minute(kind: type[ModelError]) -> None:
    assert rest(kind()) == 60.0


@pytest.mark.parametrize("kind", LASTING)
def test_what_lasts_is_believed_as_long_as_the_one_who_remembers_says(kind: type[ModelError]) -> None:
    assert rest(kind()) == 300.0


@pytest.mark.parametrize("kind", [PromptTooLong, PromptRejected, AnswerEmpty])
def test_a_fault_of_one_question_is_no_outage(kind: type[ModelError]) -> None:
    assert rest(kind()) is None


def test_what_the_provider_says_counts_more() -> None:
    assert rest(ModelThrottled(retry_after_s=7_200.0)) == 7_200.0
    assert rest(ModelThrottled(retry_after_s=2.0)) == 60.0
    assert rest(ModelQuota(retry_after_s=30.0)) == 30.0
    assert rest(ModelQuota(resets_at="in 2 hours", retry_after_s=30.0)) == 7_200.0
    assert rest(ModelQuota(resets_at="some day")) == 300.0


def test_rests_double_up_to_a_quarter_of_an_hour() -> None:
    known, now, rests = None, NOW, []
    for _ in range(7):
        known = after_failure(known, ModelOverloaded(), now=now, lasting_s=300.0)
        assert known is not None
        rests.append(known.until - now)
        now = known.until + 1.0
    assert rests == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]


def test_failures_during_an_outage_belong_to_it() -> None:
    first = after_failure(None, ModelOverloaded(), now=NOW, lasting_s=300.0)
    second = after_failure(first, ModelOverloaded(), now=NOW + 10.0, lasting_s=300.0)
    assert second is not None
    assert (second.failures, second.until) == (1, NOW + 70.0)


def test_the_longer_outage_stays() -> None:
    first = after_failure(None, ModelAuth(), now=NOW, lasting_s=300.0)
    assert after_failure(first, ModelOverloaded(), now=NOW + 10.0, lasting_s=300.0) == first


def test_an_outage_that_is_over_is_tried_by_one_at_a_time() -> None:
    known = Known(cause=ModelOverloaded("Busy."), until=NOW)
    assert probed(known, now=NOW - 1.0) is None
    assert standing(known, now=NOW) is None
    taken = probed(known, now=NOW)
    assert taken == replace(known, probed_until=NOW + PROBE_S)
    assert probed(taken, now=NOW + 1.0) is None
    outage = standing(taken, now=NOW + 1.0)
    assert outage is not None
    assert (outage.is_over, outage.is_lasting, outage.cause.message) == (True, False, "Busy.")
    assert probed(taken, now=NOW + PROBE_S) is not None  # nobody heard of the first one again


def test_only_what_comes_back_by_itself_says_when() -> None:
    assert Outage(cause=ModelOverloaded(), until=NOW).back_at == NOW
    assert Outage(cause=ModelQuota(), until=NOW).back_at == NOW
    assert Outage(cause=ModelQuota(), until=math.inf).back_at is None
    assert Outage(cause=ModelAuth(), until=NOW).back_at is None


@pytest.mark.parametrize(
    ("words", "after_s"),
    [
        ("2027-01-15T09:00:00Z", 3_600),
        ("at 2027-01-15T09:00:00.123456Z", 3_600),
        ("at 2027-01-15 17:00:00 +0800 CST", 3_600),
        ("at 2027-01-15 09:00 UTC", 3_600),
        ("2027-01-15T10:00+01:00", 3_600),
        ("1800003600", 3_600),
        ("1800003600000", 3_600),
        ("in 2 hours", 7_200),
        ("in 2 hours and 5 minutes", 7_500),
        ("in 17 seconds", 17),
        ("in 1 day, 3h", 97_200),
        ("3h20m", 12_000),
    ],
)
def test_a_renewal_is_understood(words: str, after_s: float) -> None:
    assert reset_from(words, NOW) == NOW + after_s


@pytest.mark.parametrize(
    "words",
    [
        "",
        "soon",
        "at midnight",
        "at 2027-01-15 09:00:00",  # of which zone?
        "2027-01-15",
        "3600",  # of what?
        "in 2 moons",
        "in 2 hours or so",
        "2026-01-15T09:00:00Z",  # it is past
        "2028-01-15T09:00:00Z",  # no plan has a window of a year
        "2027-13-45T09:00:00Z",
        "in 99999999 days",
        "9999999999999",
    ],
)
def test_a_renewal_that_is_not_beyond_doubt_is_not_believed(words: str) -> None:
    assert reset_from(words, NOW) is None


@given(st.text(max_size=60) | st.from_regex(r"(in )?[0-9smhdTZ:+. -]{1,40}", fullmatch=True))
def test_whatever_a_provider_says_a_renewal_is_in_the_next_month_or_unknown(words: str) -> None:
    at = reset_from(words, NOW)
    assert at is None or NOW < at <= NOW + 32 * 86_400.0
