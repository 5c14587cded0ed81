"""Whatever is sent, the stand-in answers or refuses; it never breaks, and nothing stays in flight."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message

from mesrai.sandbox.app import sandbox_app
from mesrai.sandbox.faces import FACES

APP = sandbox_app()
MODELS = {
    "moonshot": "kimi-k2.6",
    "moonshot_cn": "kimi-k3",
    "kimi_code": "k3",
    "kimi_code_global": "kimi-for-coding",
    "openrouter": "moonshotai/kimi-k2.6",
    "anthropic": "claude-haiku-4-5",
    "compat": "gpt-5.4",
    "zai": "glm-5.1",
}
ROUTES = [
    (f"{face.prefix}{path}", f"{face.key_starts[0]}1", MODELS[face.id])
    for face in FACES
    if face.id in MODELS
    for path in (("/chat/completions",) * (face.has_chat and not face.has_gate) + ("/messages",) * face.has_messages)
]
FIELDS = (
    "role content type text function name parameters properties anyOf items id tool_calls tool_call_id input thinking "
    "input_schema json_schema schema arguments order enabled effort format"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.sampled_from(["user", "tool", "enabled"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ROLE = st.sampled_from(["user", "assistant", "tool"])
MESSAGE = st.fixed_dictionaries({"role": ROLE, "content": VALUES | st.just("Hi")})
BODIES = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, min_size=1, max_size=3) | VALUES, "max_tokens": st.just(50) | VALUES},
    optional=dict.fromkeys(
        "system tools tool_choice thinking reasoning reasoning_effort response_format output_config stream "
        "stream_options provider temperature".split(),
        VALUES,
    ),
)


async def status_of(path: str, key: str, body: Any) -> int:
    """The status that the application gives, called without a server between."""
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"anthropic-version", b"2023-06-01")]
    headers += [(b"x-api-key", key.encode())] if path.endswith("/messages") else []
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 1),
    }  # fmt: skip
    waiting: list[Message] = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async def send(message: Message) -> None:
        sent.append(message)

    await APP(scope, receive, send)
    assert not sent[-1].get("more_body", False)
    return int(sent[0]["status"])


@pytest.mark.parametrize(("path", "key", "model"), ROUTES, ids=[path for path, _, _ in ROUTES])
@settings(deadline=None, max_examples=60)
@given(BODIES)
def test_any_body_is_answered_or_refused(path: str, key: str, model: str, body: dict[str, Any]) -> None:
    APP.state.stage.clear()
    assert asyncio.run(status_of(path, key, {"model": model, **body})) in (200, 400)
    assert APP.state.stage.in_flight == 0


@settings(deadline=None, max_examples=60)
@given(VALUES)
def test_what_is_no_object_is_refused(body: Any) -> None:
    APP.state.stage.clear()
    assert asyncio.run(status_of("/v1/chat/completions", "sk-1", body)) in ((400, 404) if body else (400,))
