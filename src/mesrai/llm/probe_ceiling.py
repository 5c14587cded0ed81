"""The most a full test may spend: said beforehand, and held."""

import json
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Final

from mesrai.domain.connection import Connection
from mesrai.domain.usage import Usage
from mesrai.errors import AnswerCut, AnswerEmpty, BudgetSpent, ModelError, ModelTimeout
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.model import ModelTurn, Price, Prompt
from mesrai.llm.money import spent_on
from mesrai.llm.probing import Ceiling

CALLS: Final = 16
TOKENS: Final = 20_000  # prompts and answers together
CALLS_OF_ONE_ASK: Final = 5  # a question is sent anew for each optional field that is refused
_CHARS_PER_TOKEN: Final = 3.0
_LEAST_ROOM: Final = 300  # tokens; with less, an answer proves nothing
_MILLION: Final = 1_000_000


def ceiling_for(connection: Connection, catalogue: Catalogue) -> Ceiling:
    """The most that a full test of this connection spends. Errors: SettingsError for an unknown provider."""
    price = catalogue.profile_for(connection.provider, connection.model).price
    return Ceiling(calls=CALLS, tokens=TOKENS, cost="" if price is None else _worst(price))


def _worst(price: Price) -> str:
    """What all the tokens cost at the dearer price, rounded up."""
    worst = max(price.input, price.output) * TOKENS / _MILLION
    return f"{worst.quantize(Decimal('0.01'), ROUND_UP):f} {price.currency}"


@dataclass(slots=True)
class Meter:
    """Counts what a test spent, and stops it before it would pass the ceiling."""

    ceiling: Ceiling
    usage: Usage = Usage()
    held_tokens: int = 0  # the worst case of what was asked without being counted

    def room_for(self, prompt: Prompt, wanted: int) -> int:
        """How many of the wanted tokens an answer may have. Errors: BudgetSpent, if too few or no calls are left."""
        left = self.ceiling.tokens - self._tokens - size_of(prompt)
        if self.usage.calls + CALLS_OF_ONE_ASK > self.ceiling.calls or left < min(wanted, _LEAST_ROOM):
            raise BudgetSpent(
                f"The test stopped after {self.usage.calls} requests and {self._tokens:,} tokens, before it could pass "
                f"its ceiling of {self.ceiling.calls} requests and {self.ceiling.tokens:,} tokens."
            )
        return min(wanted, left)

    def answered(self, prompt: Prompt, usage: Usage) -> None:
        """Count an answer; one without a count at its worst case."""
        self.usage += usage
        if not usage.input_tokens and not usage.output_tokens:
            self.held_tokens += size_of(prompt) + prompt.max_output_tokens

    def failed(self, prompt: Prompt, error: ModelError) -> None:
        """Count a failure; one that broke off within an answer at its worst case, a refusal as nothing."""
        usage = spent_on(error)
        self.usage += usage
        is_counted = bool(usage.input_tokens or usage.output_tokens)
        has_begun = usage.cost is None  # part of an answer came, whatever then ended it
        if not is_counted and (has_begun or isinstance(error, AnswerCut | AnswerEmpty | ModelTimeout)):
            self.held_tokens += size_of(prompt) + prompt.max_output_tokens

    @property
    def _tokens(self) -> int:
        return self.usage.input_tokens + self.usage.output_tokens + self.held_tokens


def size_of(prompt: Prompt) -> int:
    """About how many tokens a prompt has, rather too many than too few."""
    text = [prompt.system, *(_text_of(turn) for turn in prompt.turns)]
    text += [tool.name + tool.description + json.dumps(dict(tool.parameters)) for tool in prompt.tools]
    if prompt.shape is not None:
        text.append(prompt.shape.description + json.dumps(dict(prompt.shape.schema)))
    return int(sum(map(len, text)) / _CHARS_PER_TOKEN) + 50


def _text_of(turn: object) -> str:
    if isinstance(turn, ModelTurn):
        calls = "".join(call.name + call.arguments for call in turn.tool_calls)
        return turn.text + calls + json.dumps(dict(turn.replay), default=str)
    return str(getattr(turn, "text", ""))
