"""How deep a review looks, and what that allows it to spend."""

from dataclasses import dataclass
from enum import StrEnum

from mesrai.domain.connection import Thinking


class Depth(StrEnum):
    """How hard to look."""

    FAST = "fast"
    NORMAL = "normal"
    DEEP = "deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one depth allows."""

    look_steps: int  # turns in which the model may call tools while it searches for problems
    check_steps: int  # the same while it verifies
    look_chars: int  # characters that tools may return in one conversation
    context_chars: int  # surroundings gathered for one file
    part_chars: int  # the most characters of change and surroundings in one question


EFFORTS = {
    Depth.FAST: Effort(look_steps=0, check_steps=0, look_chars=0, context_chars=3_000, part_chars=120_000),
    Depth.NORMAL: Effort(look_steps=6, check_steps=3, look_chars=60_000, context_chars=8_000, part_chars=90_000),
    Depth.DEEP: Effort(look_steps=20, check_steps=8, look_chars=160_000, context_chars=16_000, part_chars=45_000),
}

_THINKING = {Depth.FAST: Thinking.LOW, Depth.DEEP: Thinking.HIGH}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person who started the review asked for."""

    depth: Depth = Depth.NORMAL
    rules_only: bool = False  # check the owners' rules and nothing else
    context: str = ""  # what the person adds: requirements, a ticket, a hint
    max_output_tokens: int | None = None  # None: as the model allows
    parallel: int = 16  # how many questions the change is divided into, if it is large enough
    cache_key: str = ""  # equal for the calls of one review

    @property
    def effort(self) -> Effort:
        """What the depth allows."""
        return EFFORTS[self.depth]

    @property
    def thinking(self) -> Thinking | None:
        """How much the model should think: less if fast, more if deep; None: as its connection says."""
        return _THINKING.get(self.depth)
