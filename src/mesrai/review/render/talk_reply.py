"""A comment that answers somebody: the model's words made harmless, and what came of them."""

from collections.abc import Sequence
from typing import Final

from mesrai.domain.secrets_in_text import redact_secrets
from mesrai.review.answers import TalkAnswer
from mesrai.review.render.fit import cut_markdown
from mesrai.review.render.markdown_text import blocks, code_span, inline
from mesrai.review.render.untrusted import one_line

_MOST: Final = 16_000
_CONCEDED: Final = "*The finding is taken back and will not be told again here. `@mesrai resolve` settles this thread.*"


def render_reply(answer: TalkAnswer, *, model: str, told: Sequence[str] = ()) -> str:
    """The answer as markdown; `told` is what else came of it, as markdown of ours."""
    parts = [blocks(redact_secrets(answer.reply)[0])]
    if answer.concedes:
        parts.append(_CONCEDED)
    parts += told
    parts.append(f"<sub>answered by {code_span(one_line(model, 80))}</sub>")
    return cut_markdown(redact_secrets("\n\n".join(parts))[0], _MOST)


def render_unanswered(reason: str, *, until: str = "") -> str:
    """Why what was asked is not answered or done; `until`: when it is tried again by itself, if it is."""
    why = inline(one_line(redact_secrets(reason)[0], 300))
    if until:
        return f"⏳ The answer has to wait: {why} It is tried again by itself at about {until}."
    return f"😕 This could not be done: {why} Ask again in a new comment once that is put right."
