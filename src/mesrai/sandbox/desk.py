"""What all the endpoints of one stand-in share."""

from dataclasses import dataclass, field

from starlette.requests import Request

from mesrai.sandbox.faces import Face, Style
from mesrai.sandbox.in_flight import key_of
from mesrai.sandbox.listing import Models
from mesrai.sandbox.manners import Manners
from mesrai.sandbox.stage import Stage
from mesrai.sandbox.worlds import World, Worlds


@dataclass(slots=True)
class Desk:
    """The settings, the memory, and the world as it stands on the day that is played."""

    manners: Manners
    stage: Stage
    worlds: Worlds = field(init=False)
    models: Models = field(init=False)

    def __post_init__(self) -> None:
        self.worlds = Worlds(self.manners.day)
        self.models = Models(self.manners.day)

    def sent_key(self, face: Face, request: Request, *, is_messages: bool) -> str:
        """The key, if it came in a header that the face looks at; otherwise an empty text."""
        if face.style is Style.ANTHROPIC:
            return request.headers.get("x-api-key", "")
        if face.style is Style.GEMINI:
            return request.headers.get("x-goog-api-key", "")
        if is_messages:
            return key_of(request)
        return request.headers.get("authorization", "").partition(" ")[2].strip()

    def reset_at(self, world: World) -> float:
        """When a used-up quota is renewed, in seconds since the epoch."""
        return self.stage.started_at + (world.window_minutes or 0) * self.manners.minute_s
