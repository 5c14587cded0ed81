"""A provider's own words, made safe to show: no keys, no control characters, and short."""

import re
from typing import Final

MOST_CHARS: Final = 200
_READ_CHARS: Final = 20_000  # of a longer text, only this much is looked at
HIDDEN: Final = "[key]"

# Control characters, terminal escapes, bidirectional marks and letters of no width could hide or reorder text.
_UNSEEN: Final = re.compile(
    "\x1b\\[[0-9;?]*[ -/]*[@-~]"
    "|[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_IS_RANDOM: Final = r"(?=[^\s]{0,200}[\d*•]|[^\s]{16})"  # what follows is no plain word
_END: Final = r"[^\s\"',;<>()\[\]{}]"
_KEYS: Final = re.compile(
    rf"""
      \b(?:bearer|basic)\s+{_IS_RANDOM}{_END}{{6,}}
    | (?:api|access|secret|auth)[-_ ]?(?:key|token)s?["']?\s*[:=]\s*["']?{_IS_RANDOM}{_END}{{4,}}
    | \b(?:sk|pk|rk|gsk|gh[opsu]|xai|hf|nvapi|fw|pplx|csk|tgp|key|tok|ak|glpat|xox[a-z])[-_]{_IS_RANDOM}{_END}{{4,}}
    | \b(?:AIza|ya29\.|eyJ|AKIA|ASIA|github_pat_){_END}{{6,}}
    | {_END}{{0,12}}[*•]{{3,}}{_END}{{0,12}}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG: Final = re.compile(r"[A-Za-z0-9+=_]{20,}(?:[.~/-][A-Za-z0-9+=_]{6,})*|[A-Za-z0-9+/=_~-]{40,}")


def safe_words(text: str, most: int = MOST_CHARS) -> str:
    """The text on one line with everything key-like replaced, cut to `most` characters."""
    whole = text[:_READ_CHARS]
    if len(text) > _READ_CHARS:
        whole = whole.rpartition(" ")[0]  # no half of a key is left at the end
    line = _UNSEEN.sub("", " ".join(whole.split()))
    hidden = without_keys(line)
    return hidden if len(hidden) <= most else hidden[: most - 1].rstrip() + "…"


def without_keys(text: str) -> str:
    """The text with everything key-like replaced, and else as it is."""
    return _LONG.sub(_unless_plain, _KEYS.sub(HIDDEN, text))


def _unless_plain(found: re.Match[str]) -> str:
    """Hide a long run of letters and digits; long words and long numbers alone are no keys."""
    run = found.group()
    has_both = any(letter.isdigit() for letter in run) and any(letter.isalpha() for letter in run)
    return HIDDEN if has_both else run
