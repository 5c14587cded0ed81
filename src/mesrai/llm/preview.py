"""The request that a connection's next question would be, with its key hidden."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mesrai.domain.connection import Connection
from mesrai.domain.secret import Secret
from mesrai.llm.anthropic_request import ANTHROPIC_HEADERS, anthropic_body, anthropic_path
from mesrai.llm.catalogue import Catalogue
from mesrai.llm.endpoint import Dialect, Endpoint
from mesrai.llm.gemini_request import gemini_body, gemini_path
from mesrai.llm.headers import request_headers
from mesrai.llm.model import AnswerShape, Prompt, Tool, UserTurn
from mesrai.llm.openai_request import OPENAI_PATH, openai_body

_STAND_IN: Final = "mesrai-key-goes-here"
_SAMPLE: Final = Prompt(
    system="(the instructions of the review)",
    turns=(UserTurn(text="(the change under review)"),),
    tools=(
        Tool(
            name="read_file",
            description="(what the tool does)",
            parameters={
                "type": "object",
                "properties": {"path": {"type": "string"}},
                "required": ["path"],
                "additionalProperties": False,
            },
        ),
    ),
    shape=AnswerShape(
        name="review",
        description="(what is handed in)",
        schema={
            "type": "object",
            "properties": {"findings": {"type": "array", "items": {"type": "string"}}},
            "required": ["findings"],
            "additionalProperties": False,
        },
    ),
    cache_key="mesrai-0123456789ab",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A request as it would be sent."""

    method: str
    url: str
    headers: Mapping[str, str]  # the key as dots and its last letters
    body: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The body as it goes on the wire, but for its line breaks."""
        return json.dumps(self.body, ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class _Format:
    """How a dialect writes a request."""

    path: Callable[[Endpoint], str]
    headers: Mapping[str, str]
    body: Callable[[Prompt, Endpoint], Mapping[str, Any]]


_FORMATS: Final[Mapping[Dialect, _Format]] = {
    Dialect.OPENAI: _Format(lambda _: OPENAI_PATH, {}, openai_body),
    Dialect.ANTHROPIC: _Format(anthropic_path, ANTHROPIC_HEADERS, anthropic_body),
    Dialect.GEMINI: _Format(gemini_path, {}, gemini_body),
}


def preview(connection: Connection, catalogue: Catalogue, prompt: Prompt = _SAMPLE) -> Preview:
    """The request for a question with a tool and an agreed shape, by the functions that make the real ones.

    The prompt asks for as long an answer as the connection allows. Errors: SettingsError for an unknown provider.
    """
    endpoint = catalogue.endpoint_for(connection)
    written = _FORMATS[endpoint.dialect]
    asked = replace(prompt, max_output_tokens=connection.max_output_tokens or prompt.max_output_tokens)
    shown = endpoint if connection.key is None else replace(endpoint, key=Secret(_STAND_IN))
    hint = connection.key.hint if connection.key else ""
    headers = request_headers(shown, written.headers)
    return Preview(
        method="POST",
        url=endpoint.base_url + written.path(endpoint),
        headers={name: value.replace(_STAND_IN, hint) for name, value in headers.items()},
        body=written.body(asked, shown),
    )
