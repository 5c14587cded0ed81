"""What a review will about cost, from the questions that were really built."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Final

from mesrai.domain.connection import Thinking
from mesrai.domain.usage import Estimate, Usage
from mesrai.llm.model import Profile, Prompt
from mesrai.llm.money import priced
from mesrai.llm.sizing import prompt_tokens
from mesrai.review.options import Options

# Tokenizers differ: of the tokens that the length of a text lets expect, so many there really are.
_FEWEST_TOKENS: Final = 0.7
_MOST_TOKENS: Final = 1.15
# An answer that finds nothing, with hardly any reasoning: a summary, and a note on each file.
_LEAST_ANSWER: Final = 25
_LEAST_NOTE: Final = 8
# An answer with findings and the reasoning before it, on the average of changes large enough to reason about.
_ANSWER: Final = {
    Thinking.OFF: 700,
    Thinking.LOW: 1_300,
    Thinking.MEDIUM: 2_500,
    Thinking.HIGH: 5_000,
    Thinking.CUSTOM: 3_500,
}
# A change of fewer tokens than this takes less reasoning and fewer look-ups, though never less than that share.
_LARGE_CHANGE: Final = 8_000
_LEAST_SHARE: Final = 0.3
# Models leave most of what they may look up alone: of the turns and of the letters they use about so much.
_LOOKS_USED: Final = 0.2
_A_LOOK: Final = 200  # tokens to ask for look-ups
_REASONING_A_LOOK: Final = 0.1  # and to reason about them, of what the final answer takes
# Where a conversation goes on, providers cache most of what was said before, though not always.
_CACHED: Final = 0.7
# The second look is shown the findings beside the code, and is asked of batches with findings only.
_CLAIMS: Final = 1_500
_WITH_FINDINGS: Final = 0.6
_VERDICTS: Final = 0.5  # of a reviewing answer
_LETTERS_A_TOKEN: Final = 3.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The first prompt about a batch, and what may follow it."""

    prompt: Prompt
    files: int
    look_chars: int  # that tools may return in a conversation about it


def estimate_of(questions: Sequence[Question], profile: Profile, options: Options) -> Estimate:
    """The range for asking these questions, with the price of `profile` if there is one.

    Low: no look-ups, hardly any reasoning, nothing found. High: what conversations take on the average, and as much
    again for a single one; the more there are, the nearer they come to it together. Retries, repairs and a fallback
    with another price are not in it.
    """
    price = profile.price
    if not questions:
        return Estimate(model=profile.model, low=Usage(), high=Usage())
    low = sum((_least(question, profile, is_first=at == 0) for at, question in enumerate(questions)), Usage())
    usual = sum((_usual(question, profile, options) for question in questions), Usage())
    high = _times(usual, 1 + 1 / sqrt(len(questions)))
    return Estimate(
        model=profile.model,
        low=priced(low, price),
        high=priced(high, price, written=high.input_tokens - high.cached_tokens),
        prices_of=price.as_of if price else "",
    )


def _least(question: Question, profile: Profile, *, is_first: bool) -> Usage:
    tokens = int(prompt_tokens(question.prompt, profile) * _FEWEST_TOKENS)
    common = 0 if is_first else int(_tokens(question.prompt.system) * _FEWEST_TOKENS)
    return Usage(
        calls=1,
        input_tokens=tokens,
        cached_tokens=min(common, tokens),
        output_tokens=_LEAST_ANSWER + _LEAST_NOTE * question.files,
    )


def _usual(question: Question, profile: Profile, options: Options) -> Usage:
    first = prompt_tokens(question.prompt, profile)
    change = max(first - _tokens(question.prompt.system), 0)
    share = min(max(change / _LARGE_CHANGE, _LEAST_SHARE), 1.0)
    # Where the connection decides how much is thought, it is taken for medium.
    answer = min(int(_ANSWER[question.prompt.thinking or Thinking.MEDIUM] * share), question.prompt.max_output_tokens)
    looked = int(question.look_chars * share * _LOOKS_USED / _LETTERS_A_TOKEN)
    search = _conversation(first, options.effort.look_steps, looked, answer)
    check = _conversation(first + _CLAIMS, options.effort.check_steps, looked, int(answer * _VERDICTS))
    return search + _times(check, _WITH_FINDINGS)


def _conversation(first: int, steps: int, looked: int, answer: int) -> Usage:
    """All requests of one conversation, each of which sends again what was said before. `looked` in tokens."""
    looks = max(round(steps * _LOOKS_USED), 1) if looked and steps else 0
    said = _A_LOOK + int(answer * _REASONING_A_LOOK)
    grows = said + (looked // looks if looks else 0)
    prompts = [int((first + at * grows) * _MOST_TOKENS) for at in range(looks + 1)]
    return Usage(
        calls=looks + 1,
        input_tokens=sum(prompts),
        cached_tokens=int(sum(prompts[:-1]) * _CACHED),
        output_tokens=answer + looks * said,
    )


def _times(usage: Usage, factor: float) -> Usage:
    return replace(
        usage,
        calls=round(usage.calls * factor),
        input_tokens=round(usage.input_tokens * factor),
        cached_tokens=int(usage.cached_tokens * factor),
        output_tokens=round(usage.output_tokens * factor),
    )


def _tokens(text: str) -> int:
    return int(len(text) / _LETTERS_A_TOKEN)
