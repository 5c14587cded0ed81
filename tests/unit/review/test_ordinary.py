"""What an ordinary review costs, said before there is one."""

from dataclasses import replace
from decimal import Decimal

from mesrai.llm.catalogue import load_catalogue
from mesrai.review.ordinary import ordinary_review

PROFILE = load_catalogue().profile_for("moonshot", "kimi-k2.6")


def test_the_range_is_what_real_reviews_of_that_size_cost() -> None:
    found = ordinary_review(PROFILE)
    assert found.low.cost is not None
    assert found.high.cost is not None
    assert Decimal("0.001") < found.low.cost < found.high.cost < Decimal("0.2")
    assert 5_000 < found.low.input_tokens < found.high.input_tokens < 150_000
    assert PROFILE.price is not None
    assert (found.high.currency, found.prices_of) == ("USD", PROFILE.price.as_of)


def test_a_dearer_model_costs_more_and_one_without_a_price_has_none() -> None:
    assert PROFILE.price is not None
    dear = replace(PROFILE, price=replace(PROFILE.price, output=PROFILE.price.output * 10))
    high, usual = ordinary_review(dear).high.cost, ordinary_review(PROFILE).high.cost
    assert high is not None
    assert usual is not None
    assert high > usual
    assert ordinary_review(replace(PROFILE, price=None)).high.cost is None
