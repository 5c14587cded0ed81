"""What asking cost, or may cost, in tokens and money."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money of one answer, or of several added up."""

    calls: int = 0  # HTTP requests sent, failed ones too
    input_tokens: int = 0  # all of the prompt, cached tokens included
    cached_tokens: int = 0  # of input_tokens, those billed at the cache price
    output_tokens: int = 0  # all that was generated, reasoning included
    reasoning_tokens: int = 0  # of output_tokens, those spent on reasoning
    cost: Decimal | None = Decimal(0)  # None: at least one part has no known price
    currency: str = ""  # ISO code, or empty while there is no cost

    def __add__(self, other: "Usage") -> "Usage":
        """The sum; cost becomes unknown if either is, or if the currencies differ."""
        known = self.cost is not None and other.cost is not None
        same = not self.currency or not other.currency or self.currency == other.currency
        cost = (self.cost or Decimal(0)) + (other.cost or Decimal(0)) if known and same else None
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost=cost,
            currency=self.currency or other.currency,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a review may cost, as a range that most reviews end in; no limit."""

    model: str
    low: Usage
    high: Usage  # its cost is None where no price per token is known
    prices_of: str = ""  # the ISO date of the prices; empty: no price is known
