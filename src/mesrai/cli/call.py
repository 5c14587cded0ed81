"""The `review` command as it was given, checked."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from mesrai.domain.finding import Severity
from mesrai.domain.policy import Rule
from mesrai.domain.selection import Selection
from mesrai.review.options import Depth

FORMATS = ("terminal", "json", "markdown", "sarif", "github", "gitlab", "agent", "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be reviewed, how deep, how it is shown, and what happens then."""

    selection: Selection
    form: str  # one of FORMATS
    output: Path | None
    fields: tuple[str, ...]
    is_quiet: bool
    is_verbose: bool
    fail_on: Severity | None
    wants_fix: bool
    wants_interactive: bool
    assumes_yes: bool
    context: str
    is_rules_only: bool
    depth: Depth
    is_offline: bool
    is_estimate: bool = False  # say what it would cost, and ask nothing
    budget: Decimal | None = None  # the most it may cost, in the currency of the models' prices
    stop_after_s: float | None = None  # then nothing more is asked, and what is verified by then is the review
    only_rule: Rule | None = None  # check it and nothing else, in place of what the policy asks for
