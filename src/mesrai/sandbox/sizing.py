"""How much a request asks for and how an answer is cut to what was allowed, at about four letters a token."""

import json
from dataclasses import replace
from typing import Final

from mesrai.sandbox.listing import Row
from mesrai.sandbox.saying import Body, Said

_LETTERS: Final = 4
_DEFAULT_OUTPUT: Final = 32_768


def prompt_tokens(chat: Body) -> int:
    """About how many tokens the conversation and its tools are."""
    return len(json.dumps([chat.get("messages"), chat.get("tools") or ""], ensure_ascii=False)) // _LETTERS


def allowed_tokens(chat: Body, row: Row | None = None) -> int:
    """The most the answer may have, as asked for or else by default."""
    for name in ("max_completion_tokens", "max_tokens"):
        wanted = chat.get(name)
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0:
            return wanted
    return row.default_output if row else _DEFAULT_OUTPUT


def cut_to(said: Said, tokens: int) -> Said:
    """The answer as far as it fits: reasoning counts inside it and comes first."""
    if said.output_tokens <= tokens:
        return said
    left = max(tokens - said.unseen_tokens, 0) * _LETTERS
    reasoning = None if said.reasoning is None else said.reasoning[:left]
    content = said.content[: left - len(reasoning or "")]
    unseen = min(said.unseen_tokens, tokens)
    return replace(said, reasoning=reasoning, content=content, calls=(), finish="length", unseen_tokens=unseen)
