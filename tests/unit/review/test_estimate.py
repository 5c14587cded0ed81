"""What a review is expected to cost, beside what it does cost."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.endpoints import an_endpoint
from tests.fakes import MemorySource
from tests.sandbox_server import Sandbox, running_sandbox
from tests.scripted_model import ScriptedModel, a_profile, in_turn

from mesrai.domain.policy import Policy
from mesrai.domain.review import Review
from mesrai.domain.secret import Secret
from mesrai.domain.usage import Estimate, Usage
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.model import Price, Profile, Prompt, UserTurn
from mesrai.llm.transport import open_session
from mesrai.review.estimate import Question, estimate_of
from mesrai.review.options import Depth, Options
from mesrai.review.pipeline import Reading, estimate_change, review_change
from mesrai.review.render.wording import estimate_text

KIMI = Price(input=Decimal("0.95"), cached=Decimal("0.16"), output=Decimal("4.00"), currency="USD", as_of="2026-09-29")


KEYS = count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def some_files(number: int, lines: int, *, findings: bool) -> dict[str, str]:
    body = "".join(f"    total = total + price_of(items[{line}]) * 1.0{line}  # line {line}\n" for line in range(lines))
    fault = "    # FIXME: rounds twice\n" if findings else ""
    return {
        f"shop/part{at:02}.py": f"def total_{at}(items):\n    total = 0\n{body}{fault}    return total\n"
        for at in range(number)
    }


def reviewed(sandbox: Sandbox, files: Mapping[str, str], options: Options) -> Review:
    async def run() -> Review:
        async with open_session("test") as session:
            # A key of its own: the stand-in caches what a key said before, as providers do.
            key = Secret(f"sk-sim-{next(KEYS)}")
            endpoint = an_endpoint(sandbox.openai, key=key, profile={"price": KIMI, "window": 262_144})
            source = MemorySource({"README.md": "x\n"}, {"README.md": "x\n", **files})
            reading = Reading(source=source, analysers=(), model=OpenAIChat(endpoint, session))
            return await review_change(await source.change(), reading, policy=Policy(), options=options)

    return asyncio.run(run())


@pytest.mark.parametrize("depth", list(Depth))
@pytest.mark.parametrize("findings", [False, True])
@pytest.mark.parametrize(("files", "lines"), [(1, 3), (8, 40), (30, 200)])
def test_a_real_review_ends_in_the_range(
    sandbox: Sandbox, files: int, lines: int, findings: bool, depth: Depth
) -> None:
    review = reviewed(sandbox, some_files(files, lines, findings=findings), Options(depth=depth))
    assert review.estimate is not None
    low, high, real = review.estimate.low, review.estimate.high, review.usage
    assert low.cost is not None
    assert high.cost is not None
    assert real.cost is not None
    assert low.cost <= real.cost <= high.cost
    assert low.input_tokens <= real.input_tokens <= high.input_tokens
    assert low.output_tokens <= real.output_tokens <= high.output_tokens


def a_question(letters: int = 14_000, *, files: int = 1, look_chars: int = 60_000) -> Question:
    prompt = Prompt(system="s" * 7_000, turns=(UserTurn(text="u" * letters),))
    return Question(prompt=prompt, files=files, look_chars=look_chars)


def kimi(price: Price | None = KIMI) -> Profile:
    return a_profile(model="kimi-k2.6", price=price)


@given(
    st.lists(st.integers(min_value=0, max_value=200_000), min_size=1, max_size=20),
    st.integers(min_value=0, max_value=160_000),
    st.sampled_from(Depth),
)
def test_the_low_end_is_never_above_the_high_end(letters: list[int], look_chars: int, depth: Depth) -> None:
    questions = [a_question(each, look_chars=look_chars) for each in letters]
    found = estimate_of(questions, kimi(), Options(depth=depth))
    assert found.low.calls == len(letters) <= found.high.calls
    assert found.low.input_tokens <= found.high.input_tokens
    assert found.low.output_tokens <= found.high.output_tokens
    assert found.low.cost is not None
    assert found.high.cost is not None
    assert found.low.cost <= found.high.cost
    for end in (found.low, found.high):
        assert end.cached_tokens <= end.input_tokens


def test_a_review_that_looks_more_up_costs_more() -> None:
    costs = [estimate_of([a_question()], kimi(), Options(depth=depth)).high.cost for depth in Depth]
    assert costs == sorted(costs, key=lambda cost: cost or Decimal(0))
    assert len(set(costs)) == 3


def test_without_a_price_the_estimate_is_in_tokens_only() -> None:
    found = estimate_of([a_question()], kimi(price=None), Options())
    assert (found.low.cost, found.high.cost, found.prices_of) == (None, None, "")
    assert found.low.input_tokens > 0


def test_to_estimate_asks_nothing() -> None:
    source = MemorySource({}, some_files(2, 5, findings=True))
    model = ScriptedModel(in_turn(), price=KIMI)
    reading = Reading(source=source, analysers=(), model=model)

    async def run() -> Estimate:
        return await estimate_change(await source.change(), reading, policy=Policy(), options=Options())

    found = asyncio.run(run())
    assert model.prompts == []
    assert found.low.calls == 1


def test_where_nothing_is_to_be_asked_it_costs_nothing() -> None:
    source = MemorySource({}, {"uv.lock": "x = 1\n"})
    reading = Reading(source=source, analysers=(), model=ScriptedModel(in_turn(), price=KIMI))

    async def run() -> Estimate:
        return await estimate_change(await source.change(), reading, policy=Policy(), options=Options())

    found = asyncio.run(run())
    assert (found.low, found.high) == (Usage(), Usage())
    assert estimate_text(found) == "nothing, since no question is to be asked"


def an_estimate(low: str | None, high: str | None) -> Estimate:
    costs = [None if cost is None else Decimal(cost) for cost in (low, high)]
    ends = [
        Usage(calls=1, input_tokens=tokens, output_tokens=1_000, cost=cost, currency="USD" if cost else "")
        for tokens, cost in zip((40_000, 119_000), costs, strict=True)
    ]
    return Estimate(model="kimi-k2.6", low=ends[0], high=ends[1], prices_of="2026-09-29" if low else "")


@pytest.mark.parametrize(
    ("low", "high", "money"),
    [
        ("0.0213", "0.0874", "0.02 to 0.09 USD"),
        ("0.0084", "0.0874", "0.008 to 0.087 USD"),
        ("0.00041", "0.0021", "0.0004 to 0.0021 USD"),
        ("1.234", "12.5", "1.23 to 12.50 USD"),
    ],
)
def test_the_estimate_is_one_line(low: str, high: str, money: str) -> None:
    assert estimate_text(an_estimate(low, high)) == (
        f"about {money}, 41k to 120k tokens on kimi-k2.6 (prices of 2026-09-29)"
    )


def test_an_estimate_without_a_price_says_so() -> None:
    assert estimate_text(an_estimate(None, None)) == (
        "about 41k to 120k tokens on kimi-k2.6 (no price per token is known)"
    )
