"""What each model cost, where several took part."""

from decimal import Decimal

from tests.factories import a_review, a_usage

from mesrai.domain.review import ModelUsage, Review
from mesrai.domain.usage import Usage
from mesrai.review.render.markdown import render_markdown
from mesrai.review.render.terminal import render_terminal
from mesrai.review.render.wording import model_spending


def by_two_models() -> Review:
    main = ModelUsage(provider="moonshot", model="kimi-k2.6", usage=a_usage(calls=9, cost=Decimal("0.0123")))
    plan = Usage(calls=1, input_tokens=2_000, output_tokens=500, cost=None)
    fallback = ModelUsage(provider="kimi_code", model="kimi\x1b[2J", usage=plan)
    return a_review(models=(main, fallback), usage=main.usage + plan)


def test_each_of_several_models_has_a_line_with_its_cached_share_and_cost() -> None:
    assert model_spending(by_two_models()) == [
        "kimi-k2.6 (moonshot): 9 calls, 45k tokens (50% cached), 0.0123 USD",
        "kimi␛[2J (kimi_code): 1 call, 2,500 tokens, cost unknown",
    ]
    assert all(line in render_terminal(by_two_models()) for line in model_spending(by_two_models()))


def test_one_model_needs_no_line_of_its_own() -> None:
    assert model_spending(a_review()) == []


def test_the_foot_of_the_markdown_says_what_each_model_cost() -> None:
    text = render_markdown(by_two_models())
    assert "`kimi-k2.6 (moonshot)` 0.0123 USD, " in text
    assert "(kimi_code)` cost unknown" in text
