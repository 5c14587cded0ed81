"""A Model that answers from recorded pairs, and one that records them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mesrai import errors
from mesrai.domain.usage import Usage
from mesrai.errors import ModelError, PromptRejected, SettingsError
from mesrai.llm.model import Answer, Model, ModelTurn, Profile, Prompt, ToolCall, ToolTurn, Turn, UserTurn
from mesrai.llm.words import safe_words

_SHOWN: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An answer, or a failure, and the prompts it is for: those for which everything named here holds."""

    fingerprint: str = ""  # of the whole prompt
    contains: tuple[str, ...] = ()  # texts that all stand in what we said
    answers_before: int | None = None  # how many answers the conversation holds already
    shape: str = ""  # name of the shape asked for
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage(calls=1))
    error: str = ""  # name of an error class to raise in place of an answer
    message: str = ""  # of that error

    def is_for(self, prompt: Prompt) -> bool:
        """Whether this pair answers the prompt."""
        said = _said(prompt)
        return (
            self.fingerprint in ("", fingerprint_of(prompt))
            and all(text in said for text in self.contains)
            and self.answers_before in (None, sum(isinstance(turn, ModelTurn) for turn in prompt.turns))
            and self.shape in ("", prompt.shape.name if prompt.shape else "")
        )


class ReplayModel:
    """Answers with the first recorded pair that is for the prompt. It never reaches outside."""

    def __init__(self, pairs: Sequence[Pair], profile: Profile) -> None:
        """Answer from `pairs` as a model with this profile."""
        self._pairs = tuple(pairs)
        self._profile = profile

    @property
    def profile(self) -> Profile:
        """As given."""
        return self._profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The recorded answer. Errors: the recorded failure; PromptRejected, saying which prompt has no answer."""
        pair = next((pair for pair in self._pairs if pair.is_for(prompt)), None)
        if pair is None:
            raise PromptRejected(
                f"No recorded answer for the prompt {fingerprint_of(prompt)[:12]}, which ends: "
                f'"{safe_words(_said(prompt)[-2 * _SHOWN :], _SHOWN)}"',
                provider=self._profile.provider,
                model=self._profile.model,
            )
        if pair.error:
            raise _error_class(pair.error)(
                pair.message or None, provider=self._profile.provider, model=self._profile.model
            )
        return Answer(
            turn=ModelTurn(text=pair.text, tool_calls=pair.tool_calls),
            usage=pair.usage,
            provider=self._profile.provider,
            model=self._profile.model,
        )


class Recording:
    """Asks a model and keeps each answer in a file that `load_pairs` reads."""

    def __init__(self, model: Model, path: Path) -> None:
        """Ask `model`, and add its answers to those in `path`, if there are any."""
        self._model = model
        self._path = path

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self._model.profile

    async def ask(self, prompt: Prompt) -> Answer:
        """The model's answer, recorded. Errors: the model's; SettingsError if the file cannot be used."""
        answer = await self._model.ask(prompt)
        recorded = _read(self._path) if self._path.exists() else []
        recorded.append(
            {
                "fingerprint": fingerprint_of(prompt),
                "text": answer.turn.text,
                "tool_calls": [
                    {"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.turn.tool_calls
                ],
                "usage": _counts(answer.usage),
            }
        )
        part = self._path.with_name(self._path.name + ".part")
        part.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", "utf-8")
        part.replace(self._path)
        return answer


def load_pairs(path: Path) -> tuple[Pair, ...]:
    """The pairs in a JSON file: a list of objects with the fields of `Pair`. Errors: SettingsError."""
    return tuple(_pair(entry, f"{path.name}[{at}]") for at, entry in enumerate(_read(path)))


def fingerprint_of(prompt: Prompt) -> str:
    """What makes two prompts the same: what is said, the tools, and the shape asked for."""
    shape = prompt.shape and [prompt.shape.name, prompt.shape.schema]
    parts = [prompt.system, [_listed(turn) for turn in prompt.turns], [tool.name for tool in prompt.tools], shape]
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()


def _listed(turn: Turn) -> list[Any]:
    if isinstance(turn, UserTurn):
        return ["user", turn.text]
    if isinstance(turn, ToolTurn):
        return ["tool", turn.call_id, turn.text]
    return ["model", turn.text, [[call.id, call.name, call.arguments] for call in turn.tool_calls]]


def _said(prompt: Prompt) -> str:
    turns = (turn.text for turn in prompt.turns if not isinstance(turn, ModelTurn))
    return "\n".join([prompt.system, *turns])


def _counts(usage: Usage) -> dict[str, int]:
    return {
        name: getattr(usage, name)
        for name in ("calls", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
    }


def _read(path: Path) -> list[Any]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: the recorded answers cannot be read ({type(error).__name__})") from error
    if not isinstance(entries, list):
        raise SettingsError(f"{path}: recorded answers must be a list")
    return entries


def _pair(entry: Any, place: str) -> Pair:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{place} must be an object")
    try:
        fields = dict(entry)
        fields["contains"] = tuple(fields.get("contains", ()))
        fields["tool_calls"] = tuple(ToolCall(**call) for call in fields.get("tool_calls", ()))
        fields["usage"] = Usage(**{"calls": 1, **fields.get("usage", {})})
        pair = Pair(**fields)
    except TypeError as error:
        raise SettingsError(f"{place} does not have the fields of a recorded answer: {error}") from error
    if pair.error:
        _error_class(pair.error)
    return pair


def _error_class(name: str) -> type[ModelError]:
    found = getattr(errors, name, None)
    if not isinstance(found, type) or not issubclass(found, ModelError) or found is errors.NoModelLeft:
        raise SettingsError(f"{name[:60]!r} is no kind of ModelError")
    return found
