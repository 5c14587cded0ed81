"""The Anthropic messages dialect: a model reached at /v1/messages."""

from mesrai.llm.anthropic_answer import AnthropicReading
from mesrai.llm.anthropic_request import ANTHROPIC_HEADERS, BLOCKS, anthropic_body, anthropic_path
from mesrai.llm.endpoint import Endpoint
from mesrai.llm.exchange import Exchange
from mesrai.llm.model import Answer, Profile, Prompt
from mesrai.llm.outcome import answer_from
from mesrai.llm.transport import Session
from mesrai.llm.turns import MARK, mark_for


class AnthropicMessages:
    """A Model at one endpoint. It asks once; repeating, limiting and failing over are others' work.

    An answer handed in through the shape's tool is in `turn.text`; that call, and any made beside it, is not among
    `turn.tool_calls`. The conversation may go on from such a turn: what the provider then wants to see is added here.
    """

    def __init__(self, endpoint: Endpoint, session: Session) -> None:
        """Ask `endpoint` through `session`, which stays open as long as this is used."""
        self._endpoint = endpoint
        self._exchange = Exchange(endpoint, session, path=anthropic_path(endpoint), headers=ANTHROPIC_HEADERS)

    @property
    def profile(self) -> Profile:
        """The facts that decide what a prompt may hold."""
        return self._endpoint.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """Ask once over HTTP (once more for each optional field the provider refuses). Errors: ModelError."""
        reading, received = await self._exchange.ask(anthropic_body(prompt, self._endpoint), AnthropicReading)
        replay = {MARK: mark_for("anthropic", self.profile), BLOCKS: reading.blocks}
        return answer_from(reading, received, prompt=prompt, endpoint=self._endpoint, replay=replay)
