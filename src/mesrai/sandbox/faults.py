"""The misbehaviours the stand-in can play, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mesrai.sandbox.faces import Style
from mesrai.sandbox.refusals import COMMON, Refusal
from mesrai.sandbox.refusals_elsewhere import ELSEWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour to play, with its settings, such as `throttle_retry_after;seconds=3`."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def number(self, key: str, default: float) -> float:
        """A setting that is a number."""
        return float(self.settings.get(key, default))


REFUSALS: Final[Mapping[str, Refusal]] = {**COMMON, **ELSEWHERE}
# Played on the answer's text, its calls or its end.
ON_ANSWER: Final = (
    "empty_answer", "length_reasoning", "length", "malformed_json", "fenced_json", "bad_tool_arguments", "think_tag",
    "refused", "unquoted_keys", "leaked_tokens",
)  # fmt: skip
# Played on the way the answer is sent. `error_in_200` and `error_choice` come inside a stream where one was asked for.
ON_STREAM: Final = (
    "cut_stream", "broken_connection", "stall", "slow_first_token", "comments_only", "ignores_stream", "garbage_event",
    "error_in_200", "error_choice", "no_done", "openrouter_comments", "blank_lines",
)  # fmt: skip
# Played before anything is sent (`ttft;ms=800` is a cold start); and on one field of the request or of the answer.
OTHERS: Final = ("no_answer", "ttft", "refuse", "thinks_anyway", "reasoning_elsewhere")
# Of those above, what a key or address gets also on calls that ask no model.
ON_LOOKUPS: Final = frozenset(
    {
        *(name for name in REFUSALS if name.startswith(("bad_key", "html_", "throttle", "membership"))),
        *("redirect", "empty", "server_error", "no_access", "terminated", "no_answer", "json_200"),
    }
)

NAMES: Final = frozenset({*REFUSALS, *ON_ANSWER, *ON_STREAM, *OTHERS})

# What a fault is called at a vendor that has its own words for it. Where nothing is written, Moonshot's are used.
_OWN: Final[Mapping[Style, Mapping[str, str]]] = {
    Style.KIMI_CODE: {"bad_key": "bad_key_kimi_code", "quota": "quota_window", "no_credit": "membership"},
    Style.OPENROUTER: {
        "bad_key": "bad_key_openrouter",
        "no_model": "no_model_openrouter",
        "no_credit": "no_credit_openrouter",
        "quota": "no_credit_openrouter",
        "throttle": "throttle_openrouter",
        "overloaded": "overloaded_openrouter",
        "server_error": "unavailable_openrouter",
        "filtered": "moderated",
    },
    Style.ANTHROPIC: {
        "bad_key": "bad_key_anthropic",
        "no_model": "no_model_anthropic",
        "no_credit": "no_credit_anthropic",
        "quota": "no_credit_anthropic",
        "throttle": "throttle_anthropic",
        "overloaded": "overloaded_529",
    },
    Style.OPENAI: {
        "bad_key": "bad_key_openai",
        "no_model": "no_model_openai",
        "quota": "quota_openai",
        "throttle": "throttle_openai",
        "overloaded": "overloaded_503",
    },
    Style.ZAI: {
        "bad_key": "bad_key_zai",
        "no_model": "no_model_zai",
        "no_credit": "no_credit_zai",
        "quota": "no_credit_zai",
        "quota_window": "quota_zai",
        "throttle": "throttle_zai",
        "overloaded": "overloaded_zai",
        "membership": "membership_zai",
    },
    Style.GEMINI: {
        "bad_key": "bad_key_gemini",
        "no_model": "no_model_gemini",
        "no_credit": "no_credit_gemini",
        "quota": "quota_gemini",
        "throttle": "throttle_gemini",
        "overloaded": "overloaded_gemini",
        "server_error": "server_error_gemini",
    },
}


def fault_from(text: str) -> Fault | None:
    """A fault from `name;setting=value;…`; None from an empty text. Errors: ValueError for an unknown name."""
    name, *settings = [part.strip() for part in text.split(";")]
    if not name or name == "none":
        return None
    if name not in NAMES:
        raise ValueError(f"no fault is called {name!r}; there are {', '.join(sorted(NAMES))}")
    pairs = (setting.partition("=") for setting in settings if setting)
    return Fault(name=name, settings={key.strip(): value.strip() for key, _, value in pairs})


def own_name(style: Style, fault: str) -> str:
    """The fault by which a vendor says the same in its own words."""
    return _OWN.get(style, {}).get(fault, fault)
