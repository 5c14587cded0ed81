"""What an ordinary review costs on a model: the estimate of a pull request as most are, before there is one."""

from functools import cache
from importlib.resources import files
from typing import Final

from mesrai.domain.policy import Policy
from mesrai.domain.usage import Estimate
from mesrai.llm.model import Profile, Prompt, UserTurn
from mesrai.review.estimate import Question, estimate_of
from mesrai.review.options import Options
from mesrai.review.shapes import review_shape

FILES: Final = 8
LINES: Final = 250  # changed ones
_BATCHES: Final = 2  # so small a change is asked about in so many questions
_LETTERS: Final = 26_000  # of the change with its surroundings, as the model is shown it
_MOST_TOKENS: Final = 16_384  # of an answer
_LETTER: Final = "x"


def ordinary_review(profile: Profile) -> Estimate:
    """The range for a pull request of FILES files and LINES changed lines, with the usual depth."""
    options = Options()
    prompt = Prompt(
        system=_instructions(),
        turns=(UserTurn(text=_LETTER * (_LETTERS // _BATCHES)),),
        shape=review_shape(tuple(Policy().categories)),
        max_output_tokens=min(_MOST_TOKENS, profile.max_output),
    )
    question = Question(prompt=prompt, files=FILES // _BATCHES, look_chars=options.effort.look_chars)
    return estimate_of([question] * _BATCHES, profile, options)


@cache
def _instructions() -> str:
    return (files("mesrai.review") / "instructions" / "review.md").read_text("utf-8")
