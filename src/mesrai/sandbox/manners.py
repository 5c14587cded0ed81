"""How the stand-in behaves when nothing is wrong."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from mesrai.sandbox.rules import answer_by_rule
from mesrai.sandbox.saying import Answerer

_ADMITTED: Final = ("KimiCLI/", "kimi-code/", "claude-cli/", "RooCode/", "Kilo-Code/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """The settings of one stand-in."""

    answer: Answerer = answer_by_rule
    latency_s: float = 0.0  # before each answer
    stream_s: float = 0.0  # over which a streamed answer is spread
    window: int = 1_048_576  # tokens; of models with a smaller one, their own holds
    max_body: int = 2 * 1024 * 1024  # bytes, on the coding plan's paths
    has_gate: bool = True  # the coding plan's chat surface admits only listed clients
    admitted: tuple[str, ...] = _ADMITTED  # how the User-Agent of listed clients begins
    hold_s: float = 30.0  # for how long what should never end is kept open
    minute_s: float = 60.0  # real seconds that a minute of the limits and windows lasts
    on: date | None = None  # the day it plays; None: today
    cap_status: int = 429  # of the coding plan over its cap: 429 or 403, both were seen
    has_retry_after: bool = False  # whether the Developer API's throttles say how long to wait in a header

    @property
    def day(self) -> date:
        """The day that is played."""
        return self.on or datetime.now(UTC).date()
