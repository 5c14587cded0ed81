"""What providers send, and what we make of it: each recorded response beside its golden file.

`UPDATE_GOLDEN=1 pytest -n0 tests/unit/llm/test_recorded.py` writes the golden files; read them.
"""

import asyncio
import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.endpoints import READ_FILE, a_prompt, an_endpoint, answering, http_response

from mesrai.errors import AnswerCut, ModelError
from mesrai.llm.dialect_anthropic import AnthropicMessages
from mesrai.llm.dialect_gemini import GeminiContent
from mesrai.llm.dialect_openai import OpenAIChat
from mesrai.llm.endpoint import Dialect, Endpoint
from mesrai.llm.model import Model, Price
from mesrai.llm.money import spent_on
from mesrai.llm.transport import Session, open_session

FOLDER = Path(__file__).parents[2] / "recorded"
CASES = sorted(path for path in FOLDER.glob("*/*.json") if not path.name.endswith(".golden.json"))
MADE: dict[Dialect, Callable[[Endpoint, Session], Model]] = {
    Dialect.OPENAI: OpenAIChat,
    Dialect.ANTHROPIC: AnthropicMessages,
    Dialect.GEMINI: GeminiContent,
}
PRICE = Price(input=Decimal("0.95"), cached=Decimal("0.16"), output=Decimal("4.00"), currency="USD", as_of="2026-09-23")


def response_of(case: dict[str, Any]) -> bytes:
    if "json" in case:
        body = case.get("prefix", "") + json.dumps(case["json"])
        return http_response(body.encode(), content_type="application/json")
    lines = "".join(f"{line}\n\n" if line.startswith(("data:", "event:")) else f"{line}\n" for line in case["stream"])
    return http_response(lines.encode())


async def asked(dialect: Dialect, response: bytes) -> dict[str, Any]:
    """The answer or the error as JSON."""
    async with answering(response) as base, open_session("1") as session:
        endpoint = an_endpoint(base, dialect=dialect, profile={"price": PRICE})
        model = MADE[dialect](endpoint, session)
        try:
            answer = await model.ask(a_prompt(tools=(READ_FILE,)))
        except ModelError as error:
            usage = spent_on(error)
            reached = error.reached_limit if isinstance(error, AnswerCut) else False
            return {"error": type(error).__name__, "message": error.message, "reached_limit": reached, **shown(usage)}
    calls = [[call.id, call.name, call.arguments] for call in answer.turn.tool_calls]
    return {"text": answer.turn.text, "calls": calls, "replay": answer.turn.replay, **shown(answer.usage)}


def shown(usage: Any) -> dict[str, Any]:
    names = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
    counts = {name: getattr(usage, name) for name in names}
    return {"usage": {**counts, "cost": None if usage.cost is None else str(usage.cost), "currency": usage.currency}}


@pytest.mark.parametrize("path", CASES, ids=[f"{path.parent.name}/{path.stem}" for path in CASES])
def test_a_recorded_response_is_understood(path: Path) -> None:
    dialect = Dialect(path.parent.name)
    made = asyncio.run(asked(dialect, response_of(json.loads(path.read_text("utf-8")))))
    golden = path.with_suffix(".golden.json")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert made == json.loads(golden.read_text("utf-8"))


def test_there_are_recorded_responses_of_all_dialects() -> None:
    assert {path.parent.name for path in CASES} == set(Dialect)
